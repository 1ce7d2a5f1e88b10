"""Pictures break their lines where a day or step has no row, and show what stands alone."""

from __future__ import annotations

import polars as pl

from marketflows_pipeline.charts.market_caps.backfilled import broken_runs, dashed_lines
from marketflows_pipeline.charts.market_caps.window import lone_points, visible_rows
from marketflows_pipeline.charts.style.time_axis import unbroken_run
from marketflows_pipeline_tests.charts.frames import DAY, END, grid_frame

SIX = grid_frame({"a": [1, 2, 3, 4, 5, 6], "b": [1, 2, 3, 4, 5, 6]})


def without(frame: pl.DataFrame, *back: int, series: str = "a") -> pl.DataFrame:
    return frame.remove(pl.col("series") == series, pl.col("ts").is_in([END - DAY * each for each in back]))


def test_a_step_without_a_row_is_a_null_of_its_series() -> None:
    rows = visible_rows(without(SIX, 1, 3), None, DAY)
    assert rows.filter(series="a")["value"].to_list() == [1, 2, None, 4, None, 6]
    assert rows.filter(series="b")["value"].to_list() == [1, 2, 3, 4, 5, 6]
    assert lone_points(rows)["value"].to_list() == [4, 6]


def test_runs_are_of_any_step() -> None:
    weeks = pl.DataFrame({"series": ["a"] * 4, "ts": [END + 7 * DAY * each for each in (0, 1, 3, 4)]})
    runs = weeks.select(unbroken_run("series", time="ts", step=7 * DAY)).to_series()
    assert runs.to_list() == [0, 0, 1, 1]


def test_a_day_between_two_gaps_is_a_dot_where_lines_are_dashed() -> None:
    rows = without(SIX, 1, 3).with_columns(day=pl.col("ts").dt.date(), is_backfilled=pl.lit(value=False)).drop("ts")
    drawn = rows.with_columns(run=broken_runs(), x=pl.col("value"))
    line, dots = dashed_lines(drawn, x="x:Q", y="value:Q", color="series:N", detail="run:N")
    (values,) = dots.to_dict()["datasets"].values()
    assert dots.to_dict()["mark"]["type"] == "point"
    assert values.splitlines() == ["series,value,run,x", "a,4.0,1,4.0", "a,6.0,2,6.0"]
    assert len(dashed_lines(drawn.filter(series="b"), x="x:Q", y="value:Q", color="series:N")) == 1
    assert line.to_dict()["mark"]["type"] == "line"
