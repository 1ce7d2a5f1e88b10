"""Z-scores against a history that varies."""

from __future__ import annotations

import polars as pl
import pytest

from marketflows_pipeline.transforms.unusualness import zscore


@pytest.mark.parametrize(
    ("value", "mean", "deviation", "expected"),
    [
        (13.0, 10.0, 1.5, 2.0),
        (-13.0, -10.0, 1.5, -2.0),
        (1.0, 0.0, 0.5, 2.0),
        (1.0, 0.0, 0.0, None),
        (13.0, 10.0, 1e-9, None),
        (13.0, -10.0, 1e-9, None),
        (13.0, None, None, None),
    ],
)
def test_a_history_that_does_not_vary_has_no_zscore(
    value: float, mean: float | None, deviation: float | None, expected: float | None
) -> None:
    """Thirty equal volumes had a deviation of rounding, and a score of a billion."""
    figures = (pl.lit(each, pl.Float64) for each in (value, mean, deviation))

    assert pl.select(zscore(*figures)).item() == expected
