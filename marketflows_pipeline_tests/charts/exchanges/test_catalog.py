from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from marketflows_pipeline.charts.exchanges.catalog import (
    ExchangeChartContext,
    exchange_charts,
    largest_exchanges,
    shared_styles,
)
from marketflows_pipeline.charts.exchanges.concentration import concentration_chart
from marketflows_pipeline.charts.exchanges.shares import shares_chart
from marketflows_pipeline.charts.rendering.plan import RenderJob
from marketflows_pipeline.charts.rendering.render import THUMBNAIL_BYTES, render_all
from marketflows_pipeline.charts.style.theme import PALETTE
from marketflows_pipeline.schema.exchange_league import EXCHANGE_LEAGUE_TABLES
from marketflows_pipeline.schema.exchanges import EXCHANGE_TABLES
from marketflows_pipeline_tests.charts.exchanges.frames import (
    coverage_frame,
    dominance_frame,
    league_frame,
    members_frame,
    netflow_frame,
    shares_frame,
    texts,
    tvl_frame,
    whale_frame,
)

CONTEXT = ExchangeChartContext(hhi_thresholds=(1000.0, 1800.0), notes=("synthetic data",))
FRAMES: dict[str, pl.DataFrame] = {
    "netflow": pl.concat(
        [
            netflow_frame([(1, 5e9, None), (0, 6e9, 1e8)], "okx", "OKX"),
            netflow_frame([(1, 5e10, None), (0, 6e10, -1e8)]),
        ]
    ),
    "shares": pl.concat(
        [
            shares_frame([(ago, {"binance": 5.0, "okex": 2.0, "tiny": 1.0}) for ago in (2, 1, 0)]),
            shares_frame([(ago, {"binance": 2.0, "okex": 5.0}) for ago in (2, 1, 0)], segment="tracked"),
        ]
    ),
    "members": members_frame(
        [("tracked", "gone", 3.0, False), ("all", "new", 9.0, False), ("all", "gone", 2.0, False)]
    ),
    "dominance": pl.concat(
        [
            dominance_frame(
                [(segment, ago, 900.0, 880.0, 950.0) for segment in ("all", "tracked") for ago in range(3)]
            ),
            dominance_frame([("all", ago, 2000.0, None, None) for ago in range(3)], "reserves"),
            dominance_frame([("all", ago, 1500.0, None, None) for ago in range(3)], "derivatives_volume"),
        ]
    ),
    "whale_signals": whale_frame([("UP", 40.0, 12.0, 4e8, True), ("CALM", 2.0, -1.0, 1.6e9, False)]),
    "tvl": pl.concat(
        [
            tvl_frame([("Binance", 140e9, 120e9, 1.5), ("Coinbase", None, None, None)]),
            tvl_frame([("Uniswap", 5e9, None, 2.0)], "dex"),
        ]
    ),
    "league": league_frame([("Kraken", 65.0, 73.0), ("Binance", -195.0, None), ("MEXC", None, 86.0)]),
    "coverage": coverage_frame(
        [("reserves", "Upbit", 2e4), ("reserves", "Coinbase", 3e4), ("reserves", "Unknown", None), ("volume", "X", 9e9)]
    ),
}
NAMES = [
    "Exchanges_reserves_binance-cex.png",
    "Exchanges_reserves_okx.png",
    "Exchanges_reserves_all.png",
    "Exchanges_market_share_centralised.png",
    "Exchanges_market_share_tracked.png",
    "Exchanges_HHI_spot_volume.png",
    "Exchanges_HHI_reserves.png",
    "Exchanges_HHI_derivatives_volume.png",
    "Exchanges_whale_signals.png",
    "Exchanges_TVL_ranking_cex.png",
    "Exchanges_TVL_ranking_dex.png",
    "Exchanges_netflow_league.png",
]
TABLES = {
    "netflow": "mart.exchange_netflow",
    "shares": "mart.exchange_shares",
    "members": "mart.exchange_members",
    "dominance": "mart.exchange_dominance",
    "whale_signals": "mart.whale_signals",
    "tvl": "mart.exchange_tvl",
    "coverage": "mart.exchange_coverage",
    "league": "mart.exchange_league",
}


@pytest.mark.slow
def test_a_measure_over_time_is_of_the_fixed_set_and_names_who_is_left_out() -> None:
    """An index of 10,000 with one exchange for 44 days, and of 5,000 with two after them, was drawn as one line."""
    newcomer = shares_frame([(0, {"binance": 5.0, "new": 5.0})]).with_columns(
        fixed_share_pct=pl.when(exchange_key="binance").then(100.0)
    )
    drawn = {job.file_name: job for job in jobs(shares=pl.concat([FRAMES["shares"], newcomer]))}
    shares, index = drawn["Exchanges_market_share_tracked.png"], drawn["Exchanges_HHI_spot_volume.png"]

    assert "new" not in set(drawn["Exchanges_market_share_centralised.png"].frame["exchange_key"])
    assert [shares.spec.left_out, index.spec.left_out] == [("GONE",), ("NEW", "GONE")]  # type: ignore[attr-defined]
    written = texts(concentration_chart(index.frame, index.spec).to_dict())  # type: ignore[arg-type]
    assert "of exchanges measured on 90% of the days; left out, measured on fewer: NEW, GONE" in written
    written = texts(shares_chart(shares.frame, shares.spec).to_dict())  # type: ignore[arg-type]
    assert "of exchanges measured on 90% of the days; left out, measured on fewer: GONE" in written


def test_every_picture_has_a_job_in_a_stable_order() -> None:
    shuffled = {name: frame.sample(fraction=1, shuffle=True, seed=5) for name, frame in FRAMES.items()}

    assert [job.file_name for job in jobs()] == NAMES
    assert [repr(job.spec) for job in jobs(**shuffled)] == [repr(job.spec) for job in jobs()]
    assert all(one.frame.equals(other.frame) for one, other in zip(jobs(**shuffled), jobs(), strict=True))


def test_pictures_take_only_columns_that_the_tables_have() -> None:
    tables = {
        table.name: {column.name for column in table.columns} for table in (*EXCHANGE_TABLES, *EXCHANGE_LEAGUE_TABLES)
    }

    assert all(set(frame.columns) <= tables[TABLES[name]] for name, frame in FRAMES.items())


@pytest.mark.slow
def test_all_pictures_have_the_promised_pixels(tmp_path: Path) -> None:
    report = render_all(jobs(), tmp_path, part="exchanges")

    assert report.drawn == tuple(NAMES)
    assert {pixels(tmp_path / name) for name in NAMES} == {(1920, 1440)}
    assert render_all(jobs(), tmp_path, part="exchanges").unchanged == tuple(NAMES)


@pytest.mark.slow
def test_a_figure_redraws_its_own_picture_alone(tmp_path: Path) -> None:
    render_all(jobs(), tmp_path, 0.5, part="exchanges")
    moved = FRAMES["whale_signals"].with_columns(pl.col("price_change_24h_pct") + 1)

    assert render_all(jobs(whale_signals=moved), tmp_path, 0.5, part="exchanges").drawn == (
        "Exchanges_whale_signals.png",
    )


@pytest.mark.slow
def test_thumbnails_are_small(tmp_path: Path) -> None:
    small = render_all(jobs()[-3:], tmp_path, 0.5, part="exchanges", shown=NAMES).thumbnails

    assert list(small) == NAMES[-3:]
    assert all(len(png) <= THUMBNAIL_BYTES for png in small.values())


def test_empty_tables_are_skipped_with_reasons_and_fail_nothing(tmp_path: Path) -> None:
    report = render_all(jobs(**{name: frame.clear() for name, frame in FRAMES.items()}), tmp_path, part="exchanges")

    assert report.drawn == ()
    assert [name for name, _ in report.skipped] == NAMES[3:]
    assert all(reason for _, reason in report.skipped)


def test_notes_stand_on_every_picture_and_credits_where_they_belong() -> None:
    specs: list[Any] = [job.spec for job in jobs()]

    assert all(spec.notes == ("synthetic data",) for spec in specs)
    credit = {spec.file_name: spec.source for spec in specs}
    assert credit["Exchanges_HHI_spot_volume.png"] == "Data provided by CoinGecko"
    assert credit["Exchanges_HHI_reserves.png"] == "Data provided by DefiLlama"
    assert credit["Exchanges_whale_signals.png"] == "Data provided by CoinGecko"
    assert credit["Exchanges_reserves_okx.png"] == "Data provided by DefiLlama"


def test_exchanges_without_reserves_are_named_by_falling_volume_on_the_ranking_of_centralised_ones() -> None:
    cex, dex = (job.spec for job in jobs() if "ranking" in job.file_name)

    assert getattr(cex, "unmeasured", None) == ("Coinbase", "Upbit", "Unknown")
    assert getattr(dex, "unmeasured", None) == ()


def test_the_largest_are_picked_by_their_volume_over_the_last_thirty_days() -> None:
    frame = shares_frame(
        [
            (40, {"past": 1e9, "steady": 1.0, "once": 1.0}),
            # Over thirty days: steady 60, once 50; past, which was largest before, 2.
            (29, {"past": 1.0, "steady": 30.0}),
            (0, {"past": 1.0, "steady": 30.0, "once": 50.0}),
        ]
    )

    assert largest_exchanges(frame, 2) == [("steady", "STEADY"), ("once", "ONCE")]


def test_an_exchange_keeps_its_colour_across_pictures_and_no_picture_has_a_colour_twice() -> None:
    first = [(f"x{place}", f"X{place}") for place in range(8)]
    second = [*reversed(first[4:]), *((f"y{place}", f"Y{place}") for place in range(7))]

    one, other = shared_styles([first, second])

    colors = {style.series: style.color for style in one}
    assert [style.color for style in one] == list(PALETTE[:8])
    assert all(style.color == colors[style.series] for style in other if style.series in colors)
    assert len({style.color for style in other}) == len(other) == 11


@pytest.mark.parametrize("count", [0, 12])
def test_more_exchanges_than_can_be_told_apart_are_refused(count: int) -> None:
    with pytest.raises(ValueError, match="only 1 to 11 can be told apart"):
        replace(CONTEXT, shares_top_n=count)


def jobs(**changes: pl.DataFrame) -> list[RenderJob]:
    return exchange_charts(**{**FRAMES, **changes}, context=CONTEXT)


def pixels(path: Path) -> tuple[int, int]:
    width, height = struct.unpack(">II", path.read_bytes()[16:24])
    return width, height
