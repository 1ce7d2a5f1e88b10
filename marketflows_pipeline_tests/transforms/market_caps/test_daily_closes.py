"""Daily closes: which observation counts, what a redenomination changes, how supply is smoothed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.transforms.market_caps.daily_closes import closes_at, rebase_redenominations, with_supply

DAY_0 = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def observed(*rows: tuple[str, float, float, float]) -> pl.DataFrame:
    """Rows of coin, days after the first close, cap, price."""
    return pl.DataFrame(
        [(coin, DAY_0 + days * DAY, cap, price) for coin, days, cap, price in rows],
        schema={
            "coin_id": pl.String,
            "ts": pl.Datetime("us", "UTC"),
            "market_cap_usd": pl.Float64,
            "price_usd": pl.Float64,
        },
        orient="row",
    )


def closes_of(caps: list[float], prices: list[float], coin: str = "a") -> pl.DataFrame:
    return observed(
        *((coin, float(day), cap, price) for day, (cap, price) in enumerate(zip(caps, prices, strict=True)))
    )


def test_a_close_is_the_last_observation_at_or_before_midnight() -> None:
    rows = observed(("a", -0.1, 10, 1), ("a", 0.0, 20, 2), ("a", 0.5, 30, 3), ("b", -3.0, 5, 1))
    times = pl.Series("ts", [DAY_0, DAY_0 + DAY], pl.Datetime("us", "UTC"))

    closes = closes_at(rows, times, within=2 * DAY)

    assert closes.select("coin_id", "ts", "price_usd").rows() == [("a", DAY_0, 2.0), ("a", DAY_0 + DAY, 3.0)]


def test_an_observation_that_is_too_old_makes_no_close() -> None:
    times = pl.Series("ts", [DAY_0 + DAY], pl.Datetime("us", "UTC"))

    assert closes_at(observed(("a", 0.0, 20, 2)), times, within=timedelta(hours=2)).is_empty()


@pytest.mark.parametrize(
    ("caps", "prices", "factor"),
    [
        ([100, 101, 102], [10, 1.01, 1.02], 10.0),  # ten new coins for an old one
        ([100, 101, 102], [10, 1010, 1020], 0.01),  # one new coin for a hundred
        ([100, 100.05, 100], [10, 1, 1], 10.0),  # cap and price not of one instant: 10.005
        ([100, 45, 45], [10, 4.5, 4.5], 1.0),  # the price fell and the cap with it
        ([100, 220, 220], [10, 10, 10], 1.0),  # the supply doubled at the same price
        ([100, 100, 100], [10, 5.1, 5.1], 1.0),  # the price did not fall below half
        ([100, 40, 40], [10, 1, 1], 1.0),  # the cap is not steady
    ],
)
def test_a_redenomination_is_told_from_a_move(caps: list[float], prices: list[float], factor: float) -> None:
    rebased = rebase_redenominations(closes_of(caps, prices))

    assert rebased["unit_factor"].to_list() == pytest.approx([1.0, factor, factor])
    assert rebased["price_usd"].to_list() == pytest.approx(
        [p * f for p, f in zip(prices, [1, factor, factor], strict=True)]
    )


def test_a_redenomination_of_one_coin_leaves_the_next_one_alone() -> None:
    rows = pl.concat([closes_of([100, 100], [10, 1]), closes_of([100, 100], [7, 7], coin="b")])

    assert rebase_redenominations(rows)["unit_factor"].to_list() == [1, 10, 1, 1]


def test_supply_is_the_trailing_median_of_cap_over_price() -> None:
    """The methodology's fourth example: a spike passes unseen, a step arrives three closes late."""
    supply = with_supply(closes_of([100, 100, 130, 100, 150, 150, 150], [1.0] * 7), window=5)["supply"]

    assert supply.to_list() == [100, 100, 100, 100, 100, 130, 150]


@given(st.lists(st.floats(0.6, 1.6), min_size=3, max_size=12), st.sampled_from([1e-3, 0.1, 1.0, 4.0, 1000.0]))
def test_the_unit_of_a_coin_changes_no_return(moves: list[float], unit: float) -> None:
    prices = [10.0]
    for move in moves:
        prices.append(prices[-1] * move)
    caps = [50 * price for price in prices]
    half = len(prices) // 2
    restated = prices[:half] + [price / unit for price in prices[half:]]
    # A move of the market on the day itself may hide a small factor, or look like one.
    caps[half], restated[half] = caps[half - 1], restated[half - 1] / unit if half else restated[half]

    rebased = rebase_redenominations(closes_of(caps, restated))["price_usd"].to_list()

    assert rebased[half] == pytest.approx(rebased[half - 1])
