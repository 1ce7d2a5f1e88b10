from __future__ import annotations

from datetime import date, timedelta

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.charts.style.session_axis import known_run, month_starts, session_axis


def test_a_year_has_a_tick_each_month_and_three_years_one_each_quarter() -> None:
    year = month_starts(date(2025, 3, 6), date(2026, 3, 6))
    assert (len(year), year[0], year[-1]) == (12, date(2025, 4, 1), date(2026, 3, 1))
    three = month_starts(date(2023, 3, 6), date(2026, 3, 6))
    assert three[:3] == [date(2023, 4, 1), date(2023, 7, 1), date(2023, 10, 1)]


@given(st.dates(date(1990, 1, 1), date(2030, 1, 1)), st.integers(62, 9000))
def test_ticks_lie_in_the_span_and_are_at_most_twelve(first: date, days: int) -> None:
    last = first + timedelta(days=days)
    ticks = month_starts(first, last)

    assert 1 <= len(ticks) <= 12
    assert all(first <= tick <= last and tick.day == 1 for tick in ticks)


def test_the_year_stands_at_january_and_at_the_first_tick() -> None:
    axis = session_axis(date(2025, 3, 6), date(2026, 3, 6)).to_dict()

    assert len(axis["values"]) == 12
    assert "utcmonth(datum.value) == 0" in axis["labelExpr"]
    assert str(axis["values"][0]) in axis["labelExpr"]


def test_a_short_span_names_days() -> None:
    assert "%-d %b" in session_axis(date(2026, 3, 2), date(2026, 3, 6)).to_dict()["labelExpr"]


def test_a_line_breaks_at_what_is_not_known() -> None:
    frame = pl.DataFrame({"symbol": ["A"] * 4 + ["B"], "value": [1.0, None, 2.0, 3.0, 4.0]})

    runs = frame.with_columns(run=known_run(pl.col("value").is_not_null(), "symbol")).drop_nulls()

    assert runs.get_column("run").to_list() == [0, 1, 1, 0]
