from __future__ import annotations

import math

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.charts.market_caps.window import lone_points, thinned, visible_rows, without_flat_start
from marketflows_pipeline_tests.charts.frames import DAY, END, HOUR, grid_frame


def test_the_window_ends_at_the_last_value_and_holds_the_asked_steps() -> None:
    frame = grid_frame({"ai": [1.0, 2.0, 3.0, 4.0, None], "l1": [1.0, 2.0, 3.0, None, None]})

    shown = visible_rows(frame, 2, DAY)

    assert shown.get_column("ts").unique().sort().to_list() == [END - 3 * DAY, END - 2 * DAY, END - DAY]
    assert shown.filter(series="l1").get_column("value").to_list() == [2.0, 3.0, None]


def test_the_window_starts_at_the_first_value_when_it_is_shorter_than_asked() -> None:
    shown = visible_rows(grid_frame({"ai": [None, 2.0, 3.0]}), 50, DAY)

    assert shown.get_column("value").to_list() == [2.0, 3.0]


def test_values_that_are_not_finite_are_missing() -> None:
    shown = visible_rows(grid_frame({"ai": [1.0, math.nan, math.inf, 2.0]}), None, DAY)

    assert shown.get_column("value").to_list() == [1.0, None, None, 2.0]


def test_the_first_time_is_left_out_only_where_no_series_moves_in_the_first_step() -> None:
    flat = visible_rows(grid_frame({"ai": [1.0, 1.0, 2.0], "l1": [None, 1.0, 3.0]}), None, DAY)
    assert without_flat_start(flat).get_column("ts").min() == END - DAY

    moving = visible_rows(grid_frame({"ai": [1.0, 1.0, 2.0], "l1": [1.0, 1.1, 3.0]}), None, DAY)
    assert without_flat_start(moving).equals(moving)
    two = visible_rows(grid_frame({"ai": [1.0, 1.0]}), None, DAY)
    assert without_flat_start(two).equals(two)


def test_a_short_series_is_not_thinned() -> None:
    frame = visible_rows(grid_frame({"ai": [float(place) for place in range(100)]}), None, DAY)

    assert thinned(frame, 50).equals(frame)


WALKS = st.lists(st.one_of(st.none(), st.floats(-10, 10)), min_size=120, max_size=160).filter(
    lambda walk: any(value is not None for value in walk)
)


@pytest.mark.slow
@given(WALKS)
def test_thinning_keeps_the_ends_and_extremes_of_every_bucket(walk: list[float | None]) -> None:
    frame = visible_rows(grid_frame({"ai": walk, "steady": [1.0] * len(walk)}, HOUR), None, HOUR)

    kept = thinned(frame, 20)

    assert kept.height <= 2 * 20 * 4 + frame.get_column("value").null_count() * 2 + 8
    assert kept.equals(frame.join(kept, on=["series", "ts"], how="semi", maintain_order="left"))
    for statistic in (pl.col("value").min(), pl.col("value").max(), pl.col("value").drop_nulls().last()):
        assert _by_bucket(kept, frame, statistic).equals(_by_bucket(frame, frame, statistic))


def test_thinning_shortens_a_long_series() -> None:
    frame = visible_rows(grid_frame({"ai": [math.sin(place) for place in range(2161)]}, HOUR), None, HOUR)

    assert thinned(frame, 240).height <= 240 * 4


def test_a_gap_stays_a_gap_when_a_series_is_thinned() -> None:
    values: list[float | None] = [math.sin(place) for place in range(400)]
    values[200] = None

    kept = thinned(visible_rows(grid_frame({"ai": values}, HOUR), None, HOUR), 20)

    assert kept.get_column("value").null_count() == 1
    around = kept.with_row_index().filter(pl.col("value").is_null()).item(0, "index")
    assert kept.item(around - 1, "ts") == END - 200 * HOUR
    assert kept.item(around + 1, "ts") == END - 198 * HOUR


def test_a_value_between_two_gaps_is_found_for_a_dot() -> None:
    frame = visible_rows(grid_frame({"ai": [1.0, None, 3.0, None, 5.0, 6.0], "l1": [1.0] * 6}), None, DAY)

    assert lone_points(frame).select("series", "value").rows() == [("ai", 1.0), ("ai", 3.0)]


def _by_bucket(frame: pl.DataFrame, whole: pl.DataFrame, statistic: pl.Expr) -> pl.DataFrame:
    start, end = whole.get_column("ts").min(), whole.get_column("ts").max()
    elapsed = (pl.col("ts") - start).dt.total_microseconds()
    length = (pl.Series([end]) - pl.Series([start])).dt.total_microseconds()[0] + 1
    return (
        frame.filter(pl.col("value").is_not_null())
        .group_by("series", (elapsed * 20 // length).alias("bucket"), maintain_order=True)
        .agg(statistic)
    )
