"""What chance alone gives: random walks lie inside, a planted drift outside, a short history has no band."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.transforms.rotation.placebo import LEAST_ENTRIES, closes_hash, placebo, shuffled_rows
from marketflows_pipeline.transforms.rotation.plane import DAILY, WEEKLY, Array, Plane
from marketflows_pipeline.transforms.rotation.statistics import RETURNS, STATISTICS
from marketflows_pipeline_tests.transforms.rotation.worlds import drifting_walks, random_walks

# Of so many worlds.
WORLDS = 160


@given(st.integers(1, 400), st.integers(1, 12), st.integers(0, 2**32 - 1))
def test_a_shuffle_takes_each_row_once_and_keeps_blocks(n_rows: int, block: int, seed: int) -> None:
    rows = shuffled_rows(n_rows, block, np.random.default_rng(seed))

    assert sorted(rows.tolist()) == list(range(n_rows))
    following = np.count_nonzero((rows[1:] - rows[:-1]) % n_rows == 1)
    assert following >= (n_rows - 1) - math.ceil(n_rows / block)


def test_the_same_closes_give_the_same_band() -> None:
    levels = random_walks(np.random.default_rng(1), 365, 3)

    assert placebo(levels, DAILY, shuffles=20).equals(placebo(levels, DAILY, shuffles=20))


def test_the_order_of_series_changes_nothing() -> None:
    levels = random_walks(np.random.default_rng(2), 365, 4)

    for one, other in zip(
        placebo(levels, DAILY, shuffles=20).iter_rows(),
        placebo(levels[:, ::-1], DAILY, shuffles=20).iter_rows(),
        strict=True,
    ):
        assert one[:1] + one[4:] == other[:1] + other[4:]
        assert one[1:4] == pytest.approx(other[1:4])


@pytest.mark.parametrize(("plane", "words"), [(DAILY, "364 of 365 closes"), (WEEKLY, "155 of 156 weeks")])
def test_a_short_history_has_figures_and_no_band(plane: Plane, words: str) -> None:
    found = placebo(random_walks(np.random.default_rng(3), plane.least - 1, 8), plane)

    assert found["statistic"].to_list() == list(STATISTICS)
    assert found["reason"].unique().to_list() == [f"too short to tell: {words}"]
    assert found["lower"].null_count() == found["upper"].null_count() == len(STATISTICS)
    assert found["value"].null_count() == 0


def test_few_entries_have_no_band() -> None:
    found = placebo(random_walks(np.random.default_rng(4), 365, 1), DAILY, shuffles=20)
    is_few = found["n_entries"] < LEAST_ENTRIES

    assert is_few.any()
    assert found["reason"].is_not_null().to_list() == found["lower"].is_null().to_list() == is_few.to_list()
    n_entries = found.filter(statistic=RETURNS[0])["n_entries"].item()
    assert found.filter(statistic=RETURNS[0])["reason"].item() == f"too short to tell: {n_entries} of 30 entries"


@pytest.mark.parametrize("shape", [(0, 0), (1, 1), (5, 0), (20, 2), (21, 1)])
def test_next_to_no_history_is_too_short_and_nothing_else(shape: tuple[int, int]) -> None:
    found = placebo(np.full(shape, 2.0), DAILY)

    assert found["reason"].str.starts_with("too short to tell").all()
    assert found["value"].null_count() == len(STATISTICS)


def test_the_hash_follows_closes_series_and_rule() -> None:
    levels = random_walks(np.random.default_rng(5), 40, 2)
    digest = closes_hash(levels, ["a", "b"], DAILY)

    assert digest == closes_hash(levels.copy(order="F"), ["a", "b"], DAILY)
    others = [
        closes_hash(levels[1:], ["a", "b"], DAILY),
        closes_hash(levels * np.array([1, 1 + 1e-12]), ["a", "b"], DAILY),
        closes_hash(levels, ["a", "c"], DAILY),
        closes_hash(levels, ["a", "b"], replace(DAILY, block=5)),
    ]
    assert len({digest, *others}) == 5


def test_a_planted_drift_is_found() -> None:
    found = placebo(drifting_walks(np.random.default_rng(6), 365, 8), DAILY, shuffles=100)
    outside = found.filter((pl.col("value") < pl.col("lower")) | (pl.col("value") > pl.col("upper")))

    # Strong series go on, weak ones too: they stay longer, and pay after entering leading, cost after lagging.
    assert {"dwell", "return_after_leading", "return_after_lagging"} <= set(outside["statistic"])
    signs = dict(outside.select("statistic", "value").iter_rows())
    assert signs["return_after_leading"] > 0 > signs["return_after_lagging"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("plane", "n_steps", "n_series"), [(DAILY, 365, 8), (WEEKLY, 260, 12)], ids=["daily", "weekly"]
)
def test_random_walks_lie_inside_each_band_in_95_percent_of_worlds(plane: Plane, n_steps: int, n_series: int) -> None:
    """With each series shuffled by itself the clockwise share of correlated worlds once lay outside in 11 of 100."""
    inside = _n_inside(random_walks, plane, n_steps, n_series)

    # Fewer happen once in a thousand where each world is inside with a chance of 95 %.
    limit = _binomial_limit(WORLDS, 0.95, 0.001)
    assert {name: count for name, count in inside.items() if count < limit} == {}


@pytest.mark.slow
def test_a_planted_drift_is_found_in_every_world() -> None:
    inside = _n_inside(drifting_walks, DAILY, 365, 8, n_worlds=24)

    assert inside["dwell"] == 0
    assert inside["return_after_leading"] < 24 / 2


def _n_inside(
    walks: Callable[[np.random.Generator, int, int], Array],
    plane: Plane,
    n_steps: int,
    n_series: int,
    n_worlds: int = WORLDS,
) -> dict[str, int]:
    rng = np.random.default_rng(20_210_101)
    worlds = [placebo(walks(rng, n_steps, n_series), plane, shuffles=199) for _ in range(n_worlds)]
    is_inside = pl.col("value").is_between("lower", "upper")
    counted = pl.concat(worlds).group_by("statistic").agg(is_inside.sum())
    return dict(counted.iter_rows())


def _binomial_limit(n: int, chance: float, tail: float) -> int:
    """The least count that is not in the lower tail."""
    below, count = 0.0, 0
    while (below := below + math.comb(n, count) * chance**count * (1 - chance) ** (n - count)) < tail:
        count += 1
    return count
