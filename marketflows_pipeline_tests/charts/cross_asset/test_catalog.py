from __future__ import annotations

import struct
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from marketflows_pipeline.charts.cross_asset.catalog import (
    BY_TRADE_SESSION,
    CrossAssetChartContext,
    cross_asset_charts,
)
from marketflows_pipeline.charts.cross_asset.spec import OUTSIDE, CorrelationsSpec
from marketflows_pipeline.charts.rendering.plan import RenderJob
from marketflows_pipeline.charts.rendering.render import THUMBNAIL_BYTES, render_all
from marketflows_pipeline.schema import table
from marketflows_pipeline_tests.charts.cross_asset.frames import (
    ASSETS,
    LAST,
    TRAINED,
    back,
    correlations_frame,
    evaluation_frame,
    flows_frame,
    map_frame,
    rankings_frame,
    regimes_frame,
)

CONTEXT = CrossAssetChartContext(
    assets=ASSETS,
    windows=(1, 5),
    correlation_window=63,
    benchmark="SPY",
    planted_auc={(5, "direction"): 0.55},
    notes=("synthetic data",),
)
RANKED = [("SPY", "shares", -4e9), ("GLD", "shares", 2e9), ("BTC", "supply", 1e9), ("QQQ", "price_only", None)]
FRAMES: dict[str, pl.DataFrame] = {
    "flows": flows_frame({"SPY": [1e9, -5e9, 2e9], "GLD": [None, 1e9, 1e9], "BTC": [1e9] * 3}, {"BTC": "supply"}).drop(
        "sessions_known"
    ),
    "rankings": pl.concat([rankings_frame(RANKED, window) for window in (1, 5)]),
    "flow_map": pl.concat(
        [
            *(map_frame([("SPY", "GLD", 2e9), ("SPY", OUTSIDE, 2e9)], window) for window in (1, 5)),
            map_frame([("SPY", "BTC", 1e9)], 5, includes_issuance=True),
        ]
    ),
    "regimes": regimes_frame([(1.0, 15.0, "mixed"), (1.0, 14.0, "risk_on"), (1.0, 30.0, "risk_off")]).drop("close_usd"),
    "correlations": pl.concat(
        [correlations_frame([("GLD", "SPY", 0.2)]), correlations_frame([("GLD", "SPY", 0.9)], window=21)]
    ),
    "evaluation": pl.concat(
        [
            evaluation_frame(),
            evaluation_frame(kind="gradient_boosting", trained_at=TRAINED + timedelta(days=7)),
            evaluation_frame(target="rank", horizon=20),
        ]
    ),
}
FRAMES["trades"] = FRAMES["flows"]
TABLES = {
    "flows": "core.asset_flows",
    "trades": "core.asset_flows",
    "rankings": "mart.flow_rankings",
    "flow_map": "mart.flow_map",
    "regimes": "mart.regimes",
    "correlations": "mart.correlations",
    "evaluation": "mart.model_evaluation",
}
NAMES = [
    "CrossAsset_cumulative_flows.png",
    "CrossAsset_flow_ranking_1.png",
    "CrossAsset_flow_map_1.png",
    "CrossAsset_flow_ranking_5.png",
    "CrossAsset_flow_map_5.png",
    "CrossAsset_price_vs_flow.png",
    "CrossAsset_regimes.png",
    "CrossAsset_correlations.png",
    "CrossAsset_flow_ranking_all.png",
    "CrossAsset_flow_map_all.png",
    "CrossAsset_price_against_flow.png",
    "CrossAsset_model_5_direction.png",
    "CrossAsset_model_20_rank.png",
]


def test_the_part_has_these_pictures() -> None:
    assert [job.file_name for job in jobs()] == NAMES


@pytest.mark.parametrize("name", list(FRAMES))
def test_only_columns_of_the_registry_are_taken(name: str) -> None:
    entry = table(TABLES[name])

    assert set(FRAMES[name].columns) <= set(entry.column_names)
    whole = pl.DataFrame(schema=entry.polars_schema)
    assert len(jobs(**{name: whole})) >= len(NAMES) - 2


@pytest.mark.slow
def test_all_pictures_have_the_promised_pixels(tmp_path: Path) -> None:
    report = render_all(jobs(), tmp_path, part="cross_asset")

    assert report.drawn == tuple(NAMES)
    assert {pixels(tmp_path / name) for name in NAMES} == {(1920, 1440)}
    assert render_all(jobs(), tmp_path, part="cross_asset").unchanged == tuple(NAMES)


@pytest.mark.slow
def test_a_figure_redraws_its_own_picture_alone(tmp_path: Path) -> None:
    render_all(jobs(), tmp_path, 0.5, part="cross_asset")
    moved = FRAMES["correlations"].with_columns(pl.col("correlation") / 2)

    report = render_all(jobs(correlations=moved), tmp_path, 0.5, part="cross_asset")

    assert report.drawn == ("CrossAsset_correlations.png",)


@pytest.mark.slow
def test_rows_before_the_windows_redraw_nothing(tmp_path: Path) -> None:
    render_all(jobs(), tmp_path, 0.5, part="cross_asset")
    older = pl.concat([FRAMES["correlations"].with_columns(session=back(7)), FRAMES["correlations"]])

    assert render_all(jobs(correlations=older), tmp_path, 0.5, part="cross_asset").drawn == ()


@pytest.mark.slow
def test_thumbnails_are_small(tmp_path: Path) -> None:
    small = render_all(jobs()[-3:], tmp_path, 0.5, part="cross_asset", shown=NAMES).thumbnails

    assert list(small) == NAMES[-3:]
    assert all(len(png) <= THUMBNAIL_BYTES for png in small.values())


def test_empty_tables_are_skipped_with_reasons_and_fail_nothing(tmp_path: Path) -> None:
    empty = {name: frame.clear() for name, frame in FRAMES.items()}
    report = render_all(jobs(**empty), tmp_path, part="cross_asset")

    assert report.drawn == ()
    assert [name for name, _ in report.skipped] == NAMES[:-2]
    assert all(reason for _, reason in report.skipped)


def test_notes_stand_on_every_picture_and_credits_where_they_belong() -> None:
    specs: list[Any] = [job.spec for job in jobs()]

    assert all(spec.notes == ("synthetic data",) for spec in specs)
    credit = {spec.file_name: spec.source for spec in specs}
    assert credit["CrossAsset_flow_map_5.png"] == CONTEXT.flows
    assert credit["CrossAsset_regimes.png"] == CONTEXT.volatility
    assert credit["CrossAsset_correlations.png"] == CONTEXT.prices


def test_a_flow_map_names_what_it_leaves_out_and_never_counts_issuance() -> None:
    job: Any = jobs()[4]

    assert (job.spec.unknown, job.spec.issuance) == (("QQQ",), ("BTC",))
    assert job.frame.get_column("to_symbol").to_list() == [OUTSIDE, "GLD"]


def test_of_each_horizon_and_target_the_newest_model_is_drawn() -> None:
    direction, rank = (job for job in jobs()[-2:])

    assert getattr(direction.spec, "kind", None) == "gradient_boosting"
    assert direction.frame.get_column("trained_at").unique().to_list() == [TRAINED + timedelta(days=7)]
    assert getattr(rank.spec, "kind", None) == "logistic"
    assert (getattr(direction.spec, "planted_auc", 0), getattr(rank.spec, "planted_auc", 0)) == (0.55, None)


def test_the_benchmarks_close_stands_beside_the_regime_of_its_session() -> None:
    job = jobs()[6]

    assert job.frame.select("session", "close_usd").rows() == [(back(2), 102.0), (back(1), 101.0), (LAST, 100.0)]
    assert job.frame.columns == ["session", "close_usd", "vix", "vix_percentile", "ratio_score", "regime"]


def test_the_correlations_are_those_of_the_set_window() -> None:
    assert jobs()[7].frame.get_column("correlation").to_list() == [0.2]


def test_only_the_newest_week_of_correlations_counts() -> None:
    past = correlations_frame([("GLD", "SPY", 0.99), ("BTC", "SPY", 0.99)]).with_columns(session=back(7))
    now = correlations_frame([("GLD", "SPY", None)])
    job = jobs(correlations=pl.concat([past, now]))[7]

    assert job.frame["session"].unique().to_list() == [LAST]
    assert job.spec.reason_to_skip(job.frame) == "no correlation is known yet"
    assert all(value is None for value in job.frame["correlation"])


def test_effects_and_regimes_are_of_the_sessions_of_their_windows() -> None:
    flows = flows_frame({"SPY": [1e9] * 30, "GLD": [1e9] * 4 + [None] * 26}).drop("sessions_known")
    regimes = regimes_frame([(1.0, 15.0, "mixed")] * 800).drop("close_usd")
    drawn = {job.file_name: job.frame for job in jobs(flows=flows, trades=flows, regimes=regimes)}

    for name in ("CrossAsset_price_vs_flow.png", "CrossAsset_price_against_flow.png"):
        assert drawn[name]["session"].n_unique() == 21
        assert drawn[name].filter(symbol="GLD")["share_effect_usd"].null_count() == 21
    assert drawn["CrossAsset_regimes.png"].height == 756


def jobs(**changes: pl.DataFrame) -> list[RenderJob]:
    return cross_asset_charts(**{**FRAMES, **changes}, context=CONTEXT)


def pixels(path: Path) -> tuple[int, int]:
    width, height = struct.unpack(">II", path.read_bytes()[16:24])
    return width, height


@pytest.mark.parametrize(("spans", "flow"), [(2, 30.0), (3, None)])
def test_the_lines_count_a_gap_that_their_window_holds_whole(spans: int, flow: float | None) -> None:
    """A missing count of shares once broke the sums of a chart for good."""
    flows = FRAMES["flows"].with_columns(
        gap_flow_usd=pl.when(symbol="GLD", session=back(1)).then(30.0),
        gap_sessions=pl.when(symbol="GLD", session=back(1)).then(spans).cast(pl.Int32),
        flow_usd=pl.when(~((pl.col("symbol") == "GLD") & (pl.col("session") == back(1)))).then("flow_usd"),
    )
    job = cross_asset_charts(**(FRAMES | {"trades": flows}), context=CONTEXT)[0]

    row = job.frame.filter(symbol="GLD", session=back(1))
    assert row.select("flow_usd", "sessions_known").row(0) == (flow, 2 if flow else 0)


def test_the_pictures_say_that_flows_go_by_their_trade_session_where_one_differs() -> None:
    lagged = FRAMES["flows"].with_columns(share_lag_sessions=pl.lit(1, pl.Int32))

    assert [BY_TRADE_SESSION in str(job.spec) for job in jobs(flows=lagged)[:6]] == [*[True] * 5, False]
    assert not any(BY_TRADE_SESSION in str(job.spec) for job in jobs())


def test_effects_end_with_the_last_session_of_which_enough_is_known() -> None:
    known = FRAMES["flows"].filter(pl.col("session") < LAST)

    assert jobs(trades=known)[5].frame["session"].max() == back(1)


def test_reference_series_come_after_the_assets_and_say_what_they_are() -> None:
    context = replace(CONTEXT, reference=(("DGS10", "Treasury yield, 10 years"),))
    specs = {job.file_name: job.spec for job in cross_asset_charts(**FRAMES, context=context)}
    spec = specs["CrossAsset_correlations.png"]
    assert isinstance(spec, CorrelationsSpec)
    assert spec.assets[-1] == ("DGS10", "Treasury yield, 10 years")
    assert any("daily differences" in note for note in spec.notes)
    assert "FRED" in spec.source
