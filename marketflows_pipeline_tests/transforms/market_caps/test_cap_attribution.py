"""Effects of coins: the worked examples of supply, what is large, what is restated, and that all adds up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.transforms.market_caps.cap_attribution import (
    EFFECTS,
    cap_attribution,
    held_over_gaps,
    new_supply_steps,
)
from marketflows_pipeline_tests.transforms.market_caps.attributed_closes import closes, day, supplies

NOTHING_PUBLISHED = supplies({})
SPIKE_AND_STEP = [100.0, 100.0, 130.0, 100.0, 150.0, 150.0, 150.0]


def attributed(
    caps: Sequence[float | None],
    prices: Sequence[float | None],
    *,
    pegged: tuple[str, ...] = (),
    published: pl.DataFrame = NOTHING_PUBLISHED,
    window: int = 7,
) -> pl.DataFrame:
    return cap_attribution(closes({"a": (caps, prices)}), published, pegged, window)


def test_a_spike_of_the_quotient_is_timing_and_a_step_is_a_large_supply_step() -> None:
    """Daily quotients of cap and price made bitcoin's supply move by 499 bn USD in 2021; 15.4 bn were issued."""
    found = attributed(SPIKE_AND_STEP, [1.0] * 7, window=5)

    assert found["supply"].to_list() == [100, 100, 100, 100, 100, 130, 150]
    assert found["large_supply_step_usd"].to_list() == [None, 0, 0, 0, 0, 30, 20]
    assert found["timing_usd"].to_list() == [None, 0, 30, -30, 50, -30, -20]
    assert found["supply_effect_usd"].to_list() == [None, 0, 0, 0, 0, 0, 0]


def test_supply_counts_at_the_price_of_the_end_and_price_at_the_supply_of_the_start() -> None:
    found = attributed([1000, 1155], [10, 11], window=1)

    # Supply 100 -> 105, which is below 10 %.
    assert found.row(1, named=True) | {"price_effect_usd": 100, "supply_effect_usd": 55} == found.row(1, named=True)
    assert found["change_usd"].to_list() == [None, 155]


def test_a_large_step_of_a_pegged_coin_is_its_business() -> None:
    found = attributed([1000, 1200], [1, 1], pegged=("a",), window=1)

    assert (found["supply_effect_usd"][1], found["large_supply_step_usd"][1]) == (200, 0)
    assert found["is_confirmed"].to_list() == [None, None]


@pytest.mark.parametrize(
    ("cap", "large"), [(1100.0, 0), (1100.1, pytest.approx(100.1)), (899.9, pytest.approx(-100.1))]
)
def test_a_step_is_large_above_a_tenth(cap: float, large: float) -> None:
    assert attributed([1000, cap], [1, 1], window=1)["large_supply_step_usd"][1] == large


def test_a_redenomination_is_no_effect() -> None:
    """Ten new coins for an old one once read as ten times the supply."""
    found = attributed([1000, 1010, 1020], [10, 1.01, 1.02])

    assert found["supply"].to_list() == pytest.approx([100] * 3)
    assert found["price_effect_usd"].to_list() == [None, pytest.approx(10), pytest.approx(10)]
    assert found["large_supply_step_usd"].to_list() == [None, 0, 0]


@pytest.mark.parametrize(
    ("at_the_start", "at_the_end", "is_confirmed"),
    [
        (100.0, 120.0, True),
        (100.0, 111.0, True),
        (100.0, 109.0, False),
        (100.0, 100.0, False),
        (100.0, 80.0, False),
        (None, 120.0, None),
    ],
)
def test_published_supply_confirms_or_denies_a_large_step(
    at_the_start: float | None, at_the_end: float, *, is_confirmed: bool | None
) -> None:
    pages = {1: at_the_end} | ({0: at_the_start} if at_the_start else {})
    found = attributed([1000, 1200], [10, 10], published=supplies({"a": pages}), window=1)

    assert found["large_supply_step_usd"][1] == pytest.approx(200)
    assert found["is_confirmed"].to_list() == [None, is_confirmed]
    assert found["circulating_supply"][1] == at_the_end


def test_published_supply_is_restated_with_the_units() -> None:
    found = attributed([1000, 1000], [10, 1], published=supplies({"a": {0: 100, 1: 1000}}))

    assert found["circulating_supply"].to_list() == [100, 100]


def test_a_gap_between_two_closes_is_held_and_the_first_close_has_no_change() -> None:
    found = attributed([1000, None, None, 1300], [10, None, None, 13])

    assert found["change_usd"].to_list() == [None, 0, 0, 300]
    assert found["price_effect_usd"].to_list() == [None, 0, 0, 300]
    assert found["ts"].to_list() == [day(0), day(1), day(2), day(3)]


def test_nothing_is_held_after_the_last_close() -> None:
    rows = closes({"a": ([1, None, 2], [1, None, 2]), "b": ([5, None, None], [1, None, None])})

    assert held_over_gaps(rows).group_by("coin_id", maintain_order=True).len().rows() == [("a", 3), ("b", 1)]


caps_and_prices = st.lists(st.tuples(st.floats(1e6, 1e12), st.floats(1e-6, 1e5)), min_size=2, max_size=20)


@given(caps_and_prices)
def test_effects_sum_to_the_change(rows: list[tuple[float, float]]) -> None:
    caps, prices = ([row[side] for row in rows] for side in (0, 1))
    found = attributed(list(caps), list(prices))

    size = (
        found.select(
            pl.max_horizontal(
                "market_cap_usd", pl.col("supply") * pl.col("price_usd"), *(pl.col(e).abs() for e in EFFECTS)
            )
        )
        .max()
        .item()
    )
    gap = found.select((pl.col("change_usd") - pl.sum_horizontal(EFFECTS, ignore_nulls=False)).abs().max()).item()
    assert gap <= 1e-9 * size


@given(caps_and_prices, st.integers(1, 19))
def test_later_closes_change_no_earlier_effect(rows: list[tuple[float, float]], count: int) -> None:
    caps, prices = ([row[side] for row in rows] for side in (0, 1))
    whole, part = attributed(list(caps), list(prices)), attributed(list(caps[:count]), list(prices[:count]))

    assert whole.filter(pl.col("ts") < day(0) + count * timedelta(days=1)).equals(part)


def test_a_step_that_comes_late_to_an_attributed_day_is_a_new_one() -> None:
    """A re-count of the past gives days a step that had none; the newest day was never attributed before."""
    before, now = attributed([100.0] * 4, [1.0] * 4, window=1), attributed([100, 100, 150, 150, 300], [1] * 5, window=1)
    without = before.filter(pl.col("large_supply_step_usd") == 0)

    assert new_supply_steps(without, now).rows() == [("a", day(2), "large_supply_step_usd", 0.0, 50.0)]
    assert new_supply_steps(now.filter(pl.col("large_supply_step_usd") == 0), now).is_empty()
