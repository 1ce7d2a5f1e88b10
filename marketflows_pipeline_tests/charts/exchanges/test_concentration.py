from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from marketflows_pipeline.charts.exchanges.concentration import BAND_FILLS, MONOPOLY, band_edges, concentration_chart
from marketflows_pipeline.charts.exchanges.spec import ConcentrationSpec
from marketflows_pipeline.charts.spec import SeriesStyle
from marketflows_pipeline.charts.style.layout import text_width
from marketflows_pipeline.charts.style.theme import PALETTE
from marketflows_pipeline_tests.charts.exchanges.frames import dominance_frame, marks, page_size, rows_of, texts

SPEC = ConcentrationSpec(
    "spot_volume",
    (SeriesStyle("all", "All exchanges", PALETTE[0]), SeriesStyle("tracked", "Tracked", PALETTE[2])),
    (1000.0, 1800.0),
    source="Data provided by CoinGecko",
)
THREE_DAYS = dominance_frame(
    [("all", ago, 900.0 + ago, 890.0, 960.0) for ago in (2, 1, 0)]
    + [("tracked", ago, 1500.0 - ago, None, None) for ago in (2, 1, 0)]
)


def test_the_picture_is_valid_vega_lite_of_the_promised_size() -> None:
    assert page_size(drawn(THREE_DAYS)) == (960, 720)


def test_bands_lie_between_the_thresholds_and_say_which_they_are() -> None:
    spec = drawn(THREE_DAYS)

    (band,) = marks(spec, "rect")
    highest = band["encoding"]["y"]["scale"]["domain"][1]
    assert [(row["low"], row["high"], row["fill"]) for row in rows_of(spec, band)] == [
        (0.0, 1000.0, BAND_FILLS[0]),
        (1000.0, 1800.0, BAND_FILLS[1]),
        (1800.0, highest, BAND_FILLS[2]),
    ]
    written = texts(spec)
    assert "competitive: below 1,000" in written
    assert "moderately concentrated: 1,000 to 1,800" in written
    assert "highly concentrated: above 1,800" in written


def test_other_thresholds_move_the_bands() -> None:
    older = drawn(THREE_DAYS, replace(SPEC, thresholds=(1500.0, 2500.0)))

    assert [row["low"] for row in rows_of(older, marks(older, "rect")[0])] == [0.0, 1500.0, 2500.0]
    assert "moderately concentrated: 1,500 to 2,500" in texts(older)


def test_a_band_beyond_the_axis_is_not_drawn() -> None:
    assert [name for name, _, _ in band_edges((1000, 1800), 1500)] == [
        "competitive: below 1,000",
        "moderately concentrated: 1,000 to 1,800",
    ]
    assert band_edges((1000, 1800), 1500)[-1][1:] == (1000, 1500)


@pytest.mark.slow
def test_the_axis_starts_at_zero_and_holds_values_bounds_and_the_upper_band() -> None:
    low, high = marks(drawn(THREE_DAYS), "line")[0]["encoding"]["y"]["scale"]["domain"]
    assert (low, high) == (0, 2250)

    wide = dominance_frame([("all", ago, 3000.0, 2900.0, 5000.0) for ago in range(3)])
    assert marks(drawn(wide), "line")[0]["encoding"]["y"]["scale"]["domain"][1] == pytest.approx(5400)
    monopoly = dominance_frame([("all", ago, 10_000.0, None, None) for ago in range(3)])
    assert MONOPOLY < marks(drawn(monopoly), "line")[0]["encoding"]["y"]["scale"]["domain"][1] < 1.05 * MONOPOLY


def test_lines_have_the_colours_of_the_description_and_labels_with_the_last_value() -> None:
    spec = drawn(THREE_DAYS)

    color = marks(spec, "line")[0]["encoding"]["color"]
    assert color["scale"] == {"domain": ["all", "tracked"], "range": [PALETTE[0], PALETTE[2]]}
    assert "All exchanges 900" in texts(spec)
    assert "Tracked 1,500" in texts(spec)


@pytest.mark.slow
def test_bounds_are_a_light_band_where_they_are_given() -> None:
    spec = drawn(THREE_DAYS)

    (area,) = marks(spec, "area")
    assert area["mark"]["opacity"] < 0.3
    assert {row["series"] for row in rows_of(spec, area)} == {"all"}
    assert "light band: where the index can lie" in texts(spec)

    without = drawn(THREE_DAYS.filter(pl.col("segment") == "tracked"))
    assert marks(without, "area") == []
    assert "light band" not in texts(without)


def test_a_missing_day_breaks_the_line_and_a_lone_day_is_a_dot() -> None:
    days = [9, 8, 5, 1, 0]
    spec = drawn(dominance_frame([("all", ago, 900.0, None, None) for ago in days]))

    assert [row["run"] for row in rows_of(spec, marks(spec, "line")[0])] == [0, 0, 1, 2, 2]
    # The lone day, and the end of the line.
    assert len(rows_of(spec, marks(spec, "point")[0])) == 2


def test_a_segment_that_ended_early_says_when() -> None:
    early = [("all", ago, 900.0, None, None) for ago in (2, 1, 0)] + [("tracked", 2, 1500.0, None, None)]

    assert "Tracked 1,500 (3 Mar)" in texts(drawn(dominance_frame(early)))


def test_reserves_are_those_of_tracked_wallets_and_claim_no_bound() -> None:
    spec = drawn(THREE_DAYS, replace(SPEC, measure="reserves"))

    assert spec["title"]["text"] == "Concentration of reserves: competitive, HHI 900 (all exchanges)"
    assert "tracked wallets only" in texts(spec)


def test_the_legend_of_the_bands_stays_on_the_page() -> None:
    spec = drawn(THREE_DAYS)

    names = next(layer for layer in marks(spec, "text") if "text_x" in str(layer.get("encoding")))
    assert spec["height"] > 0 > names["mark"]["y"]
    size = names["mark"]["fontSize"]
    ends = [row["text_x"] + text_width(row["text"], size) for row in rows_of(spec, names)]
    assert max(ends) <= spec["width"] + spec["padding"]["right"]
    assert min(row["symbol_x"] for row in rows_of(spec, names)) > text_width("Index", 12)


def test_too_few_days_are_refused() -> None:
    with pytest.raises(ValueError, match="needs 3"):
        concentration_chart(THREE_DAYS.clear(), SPEC)


def drawn(frame: pl.DataFrame, spec: ConcentrationSpec = SPEC) -> dict[str, Any]:
    return concentration_chart(frame, spec).to_dict(validate=True)
