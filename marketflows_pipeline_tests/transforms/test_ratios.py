"""Whether a ratio lies within a tolerance of 1."""

from __future__ import annotations

import polars as pl
import pytest

from marketflows_pipeline.transforms.ratios import is_within


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
