from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from marketflows_pipeline.charts.exchanges.reserves import NO_FLOW_FILL, covered_days, flow_limit, reserves_chart
from marketflows_pipeline.charts.exchanges.spec import ReservesSpec
from marketflows_pipeline.charts.style.theme import INTO, OUT_OF
from marketflows_pipeline.charts.style.time_axis import epoch_ms
from marketflows_pipeline_tests.charts.exchanges.frames import (
    TODAY,
    back,
    marks,
    netflow_frame,
    page_size,
    rows_of,
    texts,
)

SPEC = ReservesSpec("binance-cex", "Binance", source="Data provided by DefiLlama")
FOUR_DAYS = netflow_frame([(3, 100e9, None), (2, 104e9, 3e9), (1, 103e9, -1.5e9), (0, 105e9, 0.0)])


@pytest.mark.slow
def test_the_picture_is_valid_vega_lite_of_the_promised_size() -> None:
    spec = drawn(FOUR_DAYS)

    assert page_size(spec) == (960, 720)
    assert spec["autosize"] == {"type": "none"}


@pytest.mark.slow
def test_each_panel_has_a_vertical_axis_of_its_own_and_they_do_not_overlap() -> None:
    spec = drawn(FOUR_DAYS)

    assert spec["resolve"] == {"scale": {"y": "independent"}}
    upper = marks(spec, "line")[0]["encoding"]["y"]["scale"]["range"]
    lower = bar_layer(spec)["encoding"]["y"]["scale"]["range"]
    assert upper[1] == 0 < upper[0] < lower[1] < lower[0] == spec["height"]


@pytest.mark.slow
def test_title_units_and_caveats_stand_on_the_picture() -> None:
    spec = drawn(FOUR_DAYS, replace(SPEC, notes=("synthetic data",)))

    assert spec["title"]["text"] == "Binance holds $105.0B in tracked wallets"
    subtitle = " ".join(spec["title"]["subtitle"])
    # 3 - 1.5 + 0 over the three days that are known.
    assert "7-day net flow +$1.5B (3 of 7 days known) · 30-day net flow +$1.5B (3 of 30 days known)" in subtitle
    assert "own tokens 15.0%, flows cover 98.0% of reserves" in subtitle
    written = texts(spec)
    assert "Data provided by DefiLlama · as of 5 Mar 2026 00:03 UTC · tracked wallets only" in written
    assert "synthetic data" in written
    assert "all tokens, in US dollars (axis does not start at zero)" in written
    assert "$105.0B" in written


@pytest.mark.slow
def test_money_in_is_blue_and_money_out_orange_between_two_records() -> None:
    spec = drawn(FOUR_DAYS)

    bars = rows_of(spec, bar_layer(spec))
    assert [(bar["netflow_mid_usd"], bar["fill"]) for bar in bars] == [(3e9, INTO), (-1.5e9, OUT_OF), (0.0, INTO)]
    assert epoch_ms(back(3)) < bars[0]["at"] < bars[0]["end"] < epoch_ms(back(2))


@pytest.mark.slow
def test_the_axis_of_flows_is_symmetric_around_zero() -> None:
    scale = bar_layer(drawn(FOUR_DAYS))["encoding"]["y"]["scale"]

    low, high = scale["domain"]
    assert low == -high
    assert high == pytest.approx(3e9 * 1.06)


@pytest.mark.slow
def test_no_flow_at_all_still_has_an_axis() -> None:
    assert flow_limit(pl.Series([0.0, 0.0])) == 1.0
    assert flow_limit(pl.Series([None, None], dtype=pl.Float64)) == 1.0
    assert "7-day net flow not known" in str(drawn(netflow_frame([(1, 5.0, None), (0, 6.0, None)]))["title"])


@pytest.mark.slow
def test_a_day_without_a_flow_is_shaded_and_never_a_bar() -> None:
    spec = drawn(netflow_frame([(4, 9.0, 1.0), (3, 9.0, 1.0), (2, 9.0, None), (1, 9.0, None), (0, 9.0, 2.0)]))

    assert [bar["netflow_mid_usd"] for bar in rows_of(spec, bar_layer(spec))] == [1.0, 2.0]
    (shade,) = marks(spec, "rect")
    assert shade["mark"]["color"] == NO_FLOW_FILL
    # Both days as one rectangle, from the record before them to the last of them.
    assert [(row["at"], row["end"]) for row in rows_of(spec, shade)] == [(epoch_ms(back(3)), epoch_ms(back(1)))]
    assert "shaded: no net flow known for 2 days" in texts(spec)
    assert "not known" in texts(spec)


@pytest.mark.slow
def test_a_day_without_a_record_breaks_the_line_and_its_flow_is_in_the_next_bar() -> None:
    spec = drawn(netflow_frame([(5, 9.0, None), (4, 9.0, 1.0), (1, 9.0, 5.0), (0, 9.0, 2.0)]))

    (line,) = marks(spec, "line")
    assert [row["run"] for row in rows_of(spec, line)] == [0, 0, 1, 1]
    assert line["encoding"]["detail"]["field"] == "run"
    assert "shaded: no net flow known for 2 days" in texts(spec)
    assert "the bar after missing records covers their days too" in texts(spec)
    assert "shaded" not in texts(drawn(FOUR_DAYS))


@pytest.mark.slow
def test_only_the_window_is_shown_and_no_bar_stands_before_its_first_day() -> None:
    spec = drawn(netflow_frame([(ago, 100.0 + ago, 1.0) for ago in range(120, -1, -1)]))

    (line,) = marks(spec, "line")
    starts = [row["at"] for row in rows_of(spec, line)]
    assert (len(starts), starts[0]) == (91, epoch_ms(back(90)))
    bars = rows_of(spec, bar_layer(spec))
    assert len(bars) == 90
    assert min(bar["at"] for bar in bars) > epoch_ms(back(90))
    assert line["encoding"]["x"]["scale"]["domain"] == [epoch_ms(back(90)), epoch_ms(TODAY)]


def test_a_sum_covers_the_days_of_a_gap_that_lies_within_its_window() -> None:
    """A flow of three days of which two were in the window had counted whole, as if it were of those two."""
    frame = netflow_frame([(9, 1.0, None), (8, 1.0, 4.0), (5, 1.0, 2.0), (4, 1.0, None), (0, 1.0, 1.0)])

    # The record of today is of four days, that of five days ago is of the three before it.
    assert covered_days(frame, TODAY, 8) == (3.0, 7)
    assert covered_days(frame, TODAY, 7) == (1.0, 4)
    assert covered_days(frame, TODAY, 2) == (None, 0)
    assert covered_days(frame.head(1), TODAY, 30) == (None, 0)


@pytest.mark.slow
def test_reserves_that_fall_to_nearly_nothing_are_drawn_from_zero() -> None:
    spec = drawn(netflow_frame([(2, 100.0, None), (1, 50.0, 1.0), (0, 3.0, 1.0)]))

    assert marks(spec, "line")[0]["encoding"]["y"]["scale"]["domain"][0] == 0
    assert "does not start at zero" not in texts(spec)


def test_a_picture_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="not known"):
        reserves_chart(netflow_frame([]), SPEC)


def drawn(frame: pl.DataFrame, spec: ReservesSpec = SPEC) -> dict[str, Any]:
    return reserves_chart(frame, spec).to_dict(validate=True)


def bar_layer(spec: dict[str, Any]) -> dict[str, Any]:
    (layer,) = marks(spec, "bar")
    return layer
