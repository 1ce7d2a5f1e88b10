"""Pictures break their lines where a day or step has no row, and show what stands alone."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from marketflows_pipeline.charts.market_caps.backfilled import broken_runs, dashed_lines
from marketflows_pipeline.charts.market_caps.index_lines import index_chart
from marketflows_pipeline.charts.market_caps.rank_lines import rank_chart
from marketflows_pipeline.charts.market_caps.spec import IndexSpec
from marketflows_pipeline.charts.market_caps.window import lone_points, visible_rows
from marketflows_pipeline.charts.rotation.plane_and_log import rotation_chart
from marketflows_pipeline.charts.style.theme import series_styles
from marketflows_pipeline.charts.style.time_axis import unbroken_run
from marketflows_pipeline_tests.charts.exchanges.frames import marks, rows_of
from marketflows_pipeline_tests.charts.frames import DAY, END, grid_frame
from marketflows_pipeline_tests.charts.market_caps.test_essentials import CURVES, RANKS
from marketflows_pipeline_tests.charts.rotation.frames import back
from marketflows_pipeline_tests.charts.rotation.test_catalog import POINTS, spec_of

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


def index_picture() -> dict[str, Any]:
    shared: dict[str, Any] = {"category": "Narratives", "base_asset": "us-dollar", "base_label": "US dollar"}
    styles = series_styles([("a", "A"), ("b", "B")])
    spec = IndexSpec(**shared, series=styles, as_of=END, source="x", rule="made up", last_close=END)
    frame = without(SIX, 1, 3).with_columns(
        price_index=1000 + pl.col("value"),
        is_backfilled=pl.lit(value=False),
        is_provisional=pl.lit(value=False),
        coverage_pct=pl.lit(100.0),
    )
    return index_chart(frame, spec).to_dict(validate=True)


def ranks_picture() -> dict[str, Any]:
    weeks = without(CURVES, 7, 8, 21, 22, series="s0")
    return rank_chart(weeks, RANKS).to_dict(validate=True)


def rotation_picture() -> dict[str, Any]:
    frame, spec = spec_of(POINTS.remove(pl.col("series") == "ai", pl.col("ts") == back(1)))
    return rotation_chart(frame, spec).to_dict(validate=True)


@pytest.mark.parametrize(
    ("picture", "series", "n_runs"), [(index_picture, "a", 3), (ranks_picture, "s0", 3), (rotation_picture, "ai", 2)]
)
def test_pictures_draw_no_line_over_a_step_without_a_row(picture: Any, series: str, n_runs: int) -> None:
    spec = picture()
    *_, line = marks(spec, "line")
    assert "run" in str(line["encoding"]["detail"])
    assert len({row["run"] for row in rows_of(spec, line) if row["series"] == series}) == n_runs
    assert sum(row.get("series") == series for dots in marks(spec, "point") for row in rows_of(spec, dots)) >= 1
