"""Parts of a whole, and whether a ratio lies within a tolerance of 1."""

from __future__ import annotations

import polars as pl
import pytest

from marketflows_pipeline.transforms.ratios import is_within, part_of, percent_of


@pytest.mark.parametrize(
    ("ratio", "is_inside"),
    [(1.0, True), (1.05, True), (105 / 100, True), (0.95, True), (1.0501, False), (0.9499, False), (None, None)],
)
def test_the_bound_itself_is_inside(ratio: float | None, is_inside: bool | None) -> None:
    """In floating point 105 is more than 5 % above 100: a slip of just 5 % passed for none."""
    assert pl.select(is_within(0.05, pl.lit(ratio, pl.Float64))).item() is is_inside


def test_without_a_tolerance_only_rounding_is_inside() -> None:
    ratios = pl.Series([1.0, 0.1 * 3 / 0.3, 1.000001])

    assert pl.select(is_within(0.0, pl.lit(ratios))).to_series().to_list() == [True, True, False]


@pytest.mark.parametrize(("part", "whole", "share"), [(1.0, 4.0, 0.25), (-1.0, 0.5, -2.0), (0.0, 2.0, 0.0)])
def test_a_part_is_divided_by_its_whole(part: float, whole: float, share: float) -> None:
    found = pl.select(part_of(pl.lit(part), pl.lit(whole)), percent=percent_of(pl.lit(part), pl.lit(whole)))

    assert found.row(0) == (share, 100 * share)


@pytest.mark.parametrize("whole", [0.0, -1.0, None])
def test_there_is_no_part_of_nothing(whole: float | None) -> None:
    """0 / 0 is no number, and a negative whole turns signs around."""
    of = pl.lit(whole, pl.Float64)

    assert pl.select(part_of(pl.lit(1.0), of), percent=percent_of(pl.lit(1.0), of)).row(0) == (None, None)
