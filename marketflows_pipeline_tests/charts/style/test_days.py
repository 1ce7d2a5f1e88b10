from __future__ import annotations

import polars as pl
import pytest

from marketflows_pipeline.charts.style.axes import day_axis
from marketflows_pipeline.charts.style.days import epoch_ms, first_and_last, on_day_axis, unbroken_run
from marketflows_pipeline_tests.charts.exchanges.frames import TODAY, back


def test_a_run_ends_where_a_day_is_missing() -> None:
    frame = pl.DataFrame({"day": [back(9), back(8), back(6), back(2), back(1)]})

    assert frame.select(run=unbroken_run()).get_column("run").to_list() == [0, 0, 1, 2, 2]


def test_runs_of_one_series_do_not_depend_on_another() -> None:
    frame = pl.DataFrame({"series": ["a", "a", "b", "b"], "day": [back(9), back(8), back(3), back(0)]})

    assert frame.select(run=unbroken_run("series")).get_column("run").to_list() == [0, 0, 0, 1]


def test_a_day_lies_on_the_axis_at_its_midnight_in_utc() -> None:
    # 5 Mar 2026 is 20,517 days after 1 Jan 1970.
    assert epoch_ms(TODAY) == 20_517 * 86_400_000
    assert pl.DataFrame({"day": [TODAY]}).select(on_day_axis()).item() == epoch_ms(TODAY)


def test_the_span_is_from_the_first_to_the_last_day() -> None:
    assert first_and_last(pl.DataFrame({"day": [back(1), back(9), back(4)]})) == (back(9), back(1))


@pytest.mark.parametrize(
    ("span", "ticks", "step"), [(1, 2, 1), (9, 10, 1), (10, 6, 2), (89, 9, 10), (90, 10, 10), (400, 7, 60)]
)
def test_the_axis_has_few_ticks_and_one_at_the_last_day(span: int, ticks: int, step: int) -> None:
    values = day_axis(back(span), TODAY).to_dict()["values"]

    assert values[0] == epoch_ms(TODAY)
    assert len(values) == ticks
    assert values[0] - values[1] == step * 86_400_000
