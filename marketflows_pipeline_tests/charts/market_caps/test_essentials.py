"""Pictures of a category in all bases at once, and ranks over time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import polars as pl
import pytest

from marketflows_pipeline.charts.market_caps.gain_matrix import gain_matrix
from marketflows_pipeline.charts.market_caps.line_panels import line_panels
from marketflows_pipeline.charts.market_caps.rank_lines import rank_chart, weekly_ranks
from marketflows_pipeline.charts.market_caps.spec import GainMatrixSpec, PanelsSpec, RanksSpec
from marketflows_pipeline.charts.style.theme import OUTLINE, series_styles
from marketflows_pipeline_tests.charts.exchanges.frames import marks, page_size, rows_of, texts
from marketflows_pipeline_tests.charts.frames import END, chart_spec, gain_frame, gain_spec, grid_frame

USD, BTC = "us-dollar", "bitcoin"
PANELS = PanelsSpec(
    source="Data provided by CoinGecko", panels=(chart_spec(), chart_spec(base_asset=BTC, base_label="BTC"))
)
BOTH = pl.concat(
    [
        grid_frame({"ai": [1.0, 1.2, 1.4], "layer-1": [1.0, 0.9, 0.8]}).with_columns(base_asset=pl.lit(USD)),
        grid_frame({"ai": [1.0, 0.9, 0.7], "layer-1": [1.0, None, 1.1]}).with_columns(base_asset=pl.lit(BTC)),
    ]
)
GAINS = pl.concat(
    [
        gain_frame([("ai", 24, 1.0, None), ("ai", 168, 3.0, None), ("layer-1", 168, 9.0, None)]).with_columns(
            base_asset=pl.lit(USD)
        ),
        gain_frame([("ai", 24, -2.0, None), ("ai", 168, None, "gap")]).with_columns(base_asset=pl.lit(BTC)),
    ]
)
MATRIX = GainMatrixSpec(**vars(replace(gain_spec(), limits=(5.0, 10.0))), bases=((USD, "US dollar"), (BTC, "BTC")))
SEVEN = {f"s{place}": f"Series {place}" for place in range(7)}
RANKS = RanksSpec(
    category="Narratives", base_asset=USD, base_label="US dollar", series=series_styles(SEVEN), as_of=END, source="x"
)
# After 28 flat days series 0 grows slowest and series 6 fastest; in the last week it is the other way round.
CURVES = grid_frame(
    {
        name: [1.0] * 36 + [1 + day * (1 + place) / 100 for day in range(14)] + [1 + (7 - place)] * 7
        for place, name in enumerate(SEVEN)
    }
)


def panels(frame: pl.DataFrame = BOTH, spec: PanelsSpec = PANELS) -> dict[str, Any]:
    return line_panels(frame, spec).to_dict(validate=True)


def matrix(frame: pl.DataFrame = GAINS, spec: GainMatrixSpec = MATRIX) -> dict[str, Any]:
    return gain_matrix(frame, spec).to_dict(validate=True)


@pytest.mark.slow
def test_each_base_has_a_panel_with_its_own_scale_over_the_same_time() -> None:
    spec = panels()

    assert page_size(spec) == (960, 720)
    assert spec["resolve"] == {"scale": {"y": "independent"}}
    assert len(marks(spec, "line")) == 2
    for text in (
        "In US dollars: change since",
        "Against BTC: change since",
        "AI +40.0%",
        "AI \u221230.0%",
        "Layer 1 +10.0%",
    ):
        assert text in texts(spec)
    assert spec["title"]["text"].startswith("Narratives: AI led, +40.0% in US dollars")


@pytest.mark.slow
def test_a_base_without_a_value_has_no_panel() -> None:
    only = BOTH.with_columns(value=pl.when(pl.col("base_asset") == USD).then("value"))

    assert len(marks(panels(only), "line")) == 1
    assert PANELS.reason_to_skip(BOTH.with_columns(value=pl.lit(None, pl.Float64))) == "no value in the window"


@pytest.mark.slow
def test_where_not_all_names_have_room_those_in_the_middle_are_grey() -> None:
    labels = {f"s{place:02}": f"S{place:02}" for place in range(30)}
    frame = grid_frame({name: [1.0, 1 + place / 10] for place, name in enumerate(labels)})
    both = pl.concat([frame.with_columns(base_asset=pl.lit(base)) for base in (USD, BTC)])
    two = tuple(chart_spec(labels, base_asset=base, base_label=base) for base in (USD, BTC))
    spec = panels(both, replace(PANELS, panels=two))
    colours = marks(spec, "line")[0]["encoding"]["color"]["scale"]["range"]

    assert colours.count(OUTLINE) == 18
    assert "named: the 6 highest and the 6 lowest of 30; others grey" in texts(spec)
    assert "S29 +290%" in texts(spec)
    assert "S15 " not in texts(spec)


def test_a_growth_picture_has_a_name_of_its_own() -> None:
    growth = replace(PANELS, panels=(chart_spec(diff_order=1),))

    assert (PANELS.file_name, growth.file_name) == ("Narratives_level_panels.png", "Narratives_growth_panels.png")


@pytest.mark.slow
def test_rows_of_gains_stand_in_one_order_in_every_base() -> None:
    spec = matrix()
    grids = [rows_of(spec, layer) for layer in marks(spec, "rect") if "column" in str(layer["encoding"].get("x"))]

    assert [[(cell["row"], cell["column"], cell["text"]) for cell in grid] for grid in grids] == [
        [("ai", "1d", "+1.0%"), ("ai", "1w", "+3.0%"), ("layer-1", "1d", "\u2013"), ("layer-1", "1w", "+9.0%")],
        [("ai", "1d", "\u22122.0%"), ("ai", "1w", "\u2013")],
    ]
    (order, _) = [layer["encoding"]["y"]["scale"]["domain"] for layer in marks(spec, "rect")]
    assert order == ["layer-1", "ai"]
    assert "In US dollars" in texts(spec)
    assert "Against BTC" in texts(spec)


def test_a_row_without_a_gain_in_a_base_is_empty_there() -> None:
    nothing = GAINS.filter(pl.col("base_asset") == BTC)

    assert MATRIX.reason_to_skip(nothing) == "no gain could be computed for any series"


@pytest.mark.slow
def test_offsets_that_find_no_room_are_the_shortest_and_said() -> None:
    hours = tuple(float(hour) for hour in range(24, 24 * 15, 24))
    rows = [("ai", hour, 1.0, None) for hour in hours]
    frame = pl.concat([gain_frame(rows).with_columns(base_asset=pl.lit(base)) for base in (USD, BTC)])
    spec = matrix(frame, replace(MATRIX, hours_ago=hours, limits=(5.0,) * len(hours)))

    assert page_size(spec)[0] == 960
    assert "in the tables of one base" in texts(spec)
    assert "1d, 2d" in texts(spec)


def test_ranks_are_by_change_over_four_weeks() -> None:
    ranks = weekly_ranks(CURVES, END)
    newest = ranks.filter(pl.col("ts") == END).sort("rank")
    before = ranks.filter(pl.col("ts") == END - timedelta(days=7)).sort("rank")

    assert newest["series"].to_list() == list(SEVEN)
    assert before["series"].to_list() == list(SEVEN)[::-1]
    assert newest["change_pct"][0] == pytest.approx(700)
    assert set(ranks["rank"]) == set(range(1, 8))


def test_a_series_without_a_value_four_weeks_ago_has_no_rank() -> None:
    late = CURVES.with_columns(
        value=pl.when((pl.col("series") != "s0") | (pl.col("ts") > END - timedelta(days=20))).then("value")
    )

    assert "s0" not in weekly_ranks(late, END)["series"]


def test_the_title_of_ranks_names_the_first_and_who_climbed_most() -> None:
    spec = rank_chart(CURVES, RANKS).to_dict(validate=True)

    assert page_size(spec) == (960, 720)
    assert spec["title"]["text"].startswith("Narratives: Series 0 leads over 28 days")
    assert "1 Series 0 +700%" in texts(spec)


def test_ranks_need_six_series_and_six_weeks() -> None:
    assert RANKS.reason_to_skip(CURVES) is None
    assert "fewer than 6 series" in str(RANKS.reason_to_skip(CURVES.filter(pl.col("series") < "s5")))
    recent = CURVES.filter(pl.col("ts") > END - timedelta(days=30))
    assert "less than 42 days of history" in str(RANKS.reason_to_skip(recent))
