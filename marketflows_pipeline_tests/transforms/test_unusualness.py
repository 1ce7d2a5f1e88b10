from __future__ import annotations

import math
from collections.abc import Sequence

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.transforms.unusualness import LEAST_PAST, against_past


def one(now: float | None, past: Sequence[float | None]) -> tuple[float | None, float | None, int]:
    """z-score, percentile and count of one figure."""
    row = against_past(
        pl.DataFrame({"key": ["a"], "x": [now]}, schema={"key": pl.String, "x": pl.Float64}),
        pl.DataFrame({"key": ["a"] * len(past), "x": past}, schema={"key": pl.String, "x": pl.Float64}),
        ("key",),
        "x",
    )
    return row.select("zscore", "percentile_pct", "n_past").row(0)


def test_a_figure_stands_among_the_past_ones_of_its_own_key() -> None:
    # 0, 1, ..., 19: mean 9.5, standard deviation sqrt(20 * 21 / 12) = sqrt(35). 18 are below 18, one equals it.
    zscore, percentile, n_past = one(18.0, [float(number) for number in range(20)])

    assert zscore == pytest.approx(8.5 / math.sqrt(35))
    assert (percentile, n_past) == (100 * 18.5 / 20, 20)


def test_fewer_than_twenty_past_figures_say_nothing_and_are_counted() -> None:
    assert one(5.0, [1.0] * (LEAST_PAST - 1)) == (None, None, 19)
    assert one(5.0, []) == (None, None, 0)
    assert one(5.0, [1.0, None] * 10) == (None, None, 10)


def test_a_past_that_does_not_vary_has_a_percentile_and_no_zscore() -> None:
    assert one(1.0, [1.0] * 20) == (None, 50.0, 20)


def test_an_unknown_figure_is_neither_usual_nor_unusual() -> None:
    assert one(None, [float(number) for number in range(20)]) == (None, None, 20)


def test_keys_do_not_mix() -> None:
    past = pl.DataFrame({"key": ["a"] * 20 + ["b"] * 20, "x": [0.0] * 20 + [10.0] * 20})
    found = against_past(pl.DataFrame({"key": ["b", "a"], "x": [5.0, 5.0]}), past, ("key",), "x")

    assert found.select("key", "percentile_pct").rows() == [("b", 0.0), ("a", 100.0)]


def test_means_are_those_of_the_past_in_its_own_order_to_the_last_bit() -> None:
    """Two runs of the tutorial showed z-scores that differed in the last digit: a lazy plan adds up as it likes."""
    numbers = [math.exp(n * 7919 % 101 / 10) for n in range(200 * LEAST_PAST)]
    past = pl.DataFrame({"key": [n % 200 for n in range(len(numbers))], "x": numbers})
    present = past.head(200).with_columns(x=pl.lit(1.0))

    means = past.group_by("key", maintain_order=True).agg(mean=pl.col("x").mean(), deviation=pl.col("x").std())
    expected = means.select((1.0 - pl.col("mean")) / pl.col("deviation")).to_series()
    assert against_past(present, past, ("key",), "x")["zscore"].to_list() == expected.to_list()


@given(st.lists(st.integers(-50, 50).map(float), min_size=20, max_size=60), st.floats(0.1, 100), st.integers(-50, 50))
def test_the_unit_of_the_figures_does_not_matter(past: list[float], unit: float, now: float) -> None:
    first, second = one(float(now), past), one(now * unit, [value * unit for value in past])

    assert second[1:] == pytest.approx(first[1:])
    assert (first[0] is None) is (second[0] is None)
    assert first[0] is None or second[0] == pytest.approx(first[0], rel=1e-6, abs=1e-6)
