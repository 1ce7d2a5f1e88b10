from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.charts.style.time_axis import (
    epoch_ms,
    first_and_last,
    known_run,
    on_time_axis,
    time_axis,
    unbroken_run,
)
from marketflows_pipeline_tests.charts.exchanges.frames import TODAY, back

DAY_MS = 86_400_000


def test_a_run_ends_where_a_day_is_missing() -> None:
    frame = pl.DataFrame({"day": [back(9), back(8), back(6), back(2), back(1)]})

    assert frame.select(run=unbroken_run()).get_column("run").to_list() == [0, 0, 1, 2, 2]


def test_runs_of_one_series_do_not_depend_on_another() -> None:
    frame = pl.DataFrame({"series": ["a", "a", "b", "b"], "day": [back(9), back(8), back(3), back(0)]})

    assert frame.select(run=unbroken_run("series")).get_column("run").to_list() == [0, 0, 0, 1]


def test_a_line_breaks_at_what_is_not_known() -> None:
    frame = pl.DataFrame({"symbol": ["A"] * 4 + ["B"], "value": [1.0, None, 2.0, 3.0, 4.0]})

    runs = frame.with_columns(run=known_run(pl.col("value").is_not_null(), "symbol")).drop_nulls()

    assert runs.get_column("run").to_list() == [0, 1, 1, 0]


def test_a_day_lies_on_the_axis_at_its_midnight_in_utc() -> None:
    # 5 Mar 2026 is 20,517 days after 1 Jan 1970.
    assert epoch_ms(TODAY) == 20_517 * DAY_MS
    assert pl.DataFrame({"day": [TODAY]}).select(on_time_axis("day")).item() == epoch_ms(TODAY)


def test_the_span_is_from_the_first_to_the_last_day() -> None:
    assert first_and_last(pl.DataFrame({"day": [back(1), back(9), back(4)]})) == (back(9), back(1))


@pytest.mark.parametrize(
    ("span", "ticks", "step"),
    [(1, 2, 1), (9, 10, 1), (12, 7, 2), (76, 11, 7), (89, 9, 10), (90, 10, 10), (160, 12, 14)],
)
def test_a_short_axis_has_few_ticks_and_one_at_the_last_day(span: int, ticks: int, step: int) -> None:
    axis = time_axis(back(span), TODAY).to_dict()

    assert axis["values"][0] == epoch_ms(TODAY)
    assert len(axis["values"]) == ticks
    assert axis["values"][0] - axis["values"][1] == step * DAY_MS
    assert "%-d %b" in axis["labelExpr"]


@pytest.mark.parametrize(("years", "months"), [(1, 1), (2, 2), (3, 3), (20, 24)])
def test_a_long_axis_has_ticks_at_the_first_of_months_with_the_year_at_january(years: int, months: int) -> None:
    axis = time_axis(date(2026 - years, 3, 6), date(2026, 3, 6)).to_dict()

    assert axis["tickCount"] == {"interval": "month", "step": months}
    assert "utcmonth(datum.value) == 0 || datum.index == 0 ? '%b %Y'" in axis["labelExpr"]


@given(st.integers(1, 9000))
def test_no_axis_has_more_than_twelve_ticks_or_so(days: int) -> None:
    axis = time_axis(TODAY - timedelta(days=days), TODAY).to_dict()

    count = len(axis["values"]) if "values" in axis else days / 30.5 / axis["tickCount"]["step"]
    assert 1 <= count <= 13
