"""How doubted rows are judged: against which row, which figure is at fault, and what bears a row out."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, nan

import polars as pl
import pytest

from marketflows_pipeline.transforms.doubted_rows import doubted_rows, ratio, size

Values = Sequence[float | None]


def judged(first: Values, second: Values | None = None, *, name: str = "x") -> pl.DataFrame:
    """Rows at 0, 1, 2 ... of figures called b and a, doubted where either is 100 times or more what it was."""
    rows = pl.DataFrame(
        {"series": name, "time": range(len(first)), "b": first, "a": second or [1.0] * len(first)},
        schema_overrides={"b": pl.Float64, "a": pl.Float64},
    )
    return doubted(rows)


def doubted(rows: pl.DataFrame, order: str = "ba") -> pl.DataFrame:
    figures = {name: ratio(name) for name in order}
    is_doubted = pl.max_horizontal(size(by) for by in figures.values()) > 4
    return doubted_rows(rows, key=("series", "time"), figures=figures, is_doubted=is_doubted, names={"b": "price"})


def said(found: pl.DataFrame) -> list[tuple[object, ...]]:
    return found.select("time", "column_name", "released_at").rows()


@pytest.mark.parametrize(("following", "released"), [(200.0, 2), (201.0, None), (50.0, 2), (49.9, None)])
def test_the_next_row_bears_out_what_it_stays_within_a_factor_of_two_of(following: float, released: int | None) -> None:
    """Any row that was no slip against it bore it out, a third of it as well as the same."""
    assert (1, "price", released) in said(judged([1.0, 100.0, following]))


@pytest.mark.parametrize("nothing", [None, 0.0, -5.0, inf, nan])
def test_a_figure_that_is_no_finite_number_above_0_says_nothing(nothing: float | None) -> None:
    """Against 0 everything is infinitely large, so that a slip after it passed."""
    assert said(judged([1.0, nothing, 100.0, 1.0])) == [(2, "price", None)]
    assert said(judged([1.0, 100.0, nothing, 101.0])) == [(1, "price", 3)]


def test_the_figure_that_moved_most_is_at_fault_and_the_reason_is_of_it() -> None:
    both = judged([2.0, 200.0, 2.0], [1.0, 952.381, 1.0])
    assert said(both) == [(1, "a", None)]
    assert both["reason"].to_list() == ["a is 952.0 times the last accepted one, 1.0, and no other figure agrees"]

    first = judged([1.23456789, 123.456789, 1.0], [1.0, 1.01, 1.0])
    assert first["reason"].to_list() == [
        "price is 100.0 times the last accepted one, 1.23457, and no other figure agrees"
    ]


@pytest.mark.parametrize("order", ["ab", "ba"])
def test_the_reason_is_of_the_figure_at_fault_in_whatever_order_figures_are_given(order: str) -> None:
    rows = pl.DataFrame({"series": "x", "time": range(6), "b": [1.0, 200.0, *[1.0] * 4], "a": [*[1.0] * 4, 300.0, 1.0]})

    assert [reason.split(" times")[0] for reason in doubted(rows, order)["reason"]] == ["price is 200.0", "a is 300.0"]


def test_only_the_figure_at_fault_bears_a_row_out() -> None:
    """The price stayed as it had been throughout, and released a cap that came back to a thousandth."""
    assert said(judged([1.0, 1000.0, 1.0])) == [(1, "price", None)]
    assert said(judged([1.0, 1000.0, 100.0])) == [(1, "price", None), (2, "price", None)]
    assert said(judged([1.0, 1.0, 1.0], [1.0, 1000.0, 100.0])) == [(1, "a", None), (2, "a", None)]


def test_a_row_that_is_doubted_itself_bears_none_out() -> None:
    """A slip of another figure on the next day confirmed the first one, and was left out itself."""
    found = judged([1.0, 100.0, 100.0, 100.0], [1.0, 1.0, 1000.0, 1.0])

    assert said(found) == [(1, "price", None), (2, "a", None), (3, "price", None)]

    between = judged([1.0, 100.0, None, 100.0], [1.0, 1.0, 1000.0, 1.0])
    assert said(between) == said(found)


def test_a_row_is_judged_against_the_last_accepted_one_of_its_own_series() -> None:
    rows = pl.DataFrame({"series": ["x", "x", "y", "y"], "time": [0, 1, 0, 1], "b": [1.0, 1.0, 500.0, 500.0]})

    assert doubted(rows.with_columns(a=pl.lit(1.0))).is_empty()


def test_the_order_of_rows_does_not_matter() -> None:
    rows = pl.DataFrame({"series": "x", "time": range(5), "b": [1.0, 100.0, 1.0, 300.0, 310.0], "a": 1.0})
    found = doubted(rows)

    assert said(found) == [(1, "price", None), (3, "price", 4)]
    assert doubted(rows.reverse()).equals(found)


def test_after_a_release_rows_are_judged_against_the_new_level() -> None:
    assert said(judged([1.0, 100.0, 110.0, 1.0, 100.0])) == [(1, "price", 2), (3, "price", None)]


def test_no_rows_give_none_in_shape() -> None:
    empty = judged([])

    assert empty.columns == ["series", "time", "column_name", "reason", "released_at"]
    assert empty.is_empty()
    assert judged([1.0, 1.0]).schema == judged([1.0, 100.0]).schema
