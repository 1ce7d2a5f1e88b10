"""Whether closes are adjusted for a listed split is told by its own ratio, not by a size that splits must have."""

from __future__ import annotations

import math
import random

import polars as pl
import pytest

from marketflows_pipeline.transforms.cross_asset.split_adjustment import unadjusted_splits
from marketflows_pipeline_tests.transforms.cross_asset.frames import weekdays

N = 60
DAYS = weekdays(N)
SPLIT = 30


def closes_of(ratio: float, *, is_adjusted: bool, volatility: float = 0.01, move: float | None = None) -> pl.DataFrame:
    """Sixty closes; of a split on the 31st day, with the market's move on it where one is given."""
    rng = random.Random(7)
    price, prices = 100.0, []
    for number in range(N):
        step = move if move is not None and number == SPLIT else rng.gauss(0, volatility)
        price *= math.exp(step)
        prices.append(price / ratio if number >= SPLIT or is_adjusted else price)
    return pl.DataFrame({"session": DAYS, "close_usd": prices})


def found(closes: pl.DataFrame, ratio: float, figures: pl.DataFrame | None = None) -> bool:
    splits = pl.DataFrame({"session": [DAYS[SPLIT]], "value": [ratio]})
    return bool(unadjusted_splits(closes, splits, figures))


@pytest.mark.parametrize("ratio", [1.25, 1.2, 1.1, 0.8, 1.5, 4.0, 10.0, 0.1])
@pytest.mark.parametrize("move", [None, 0.0, -0.02, 0.02])
def test_closes_as_traded_are_found_at_any_split_that_stands_out(ratio: float, move: float | None) -> None:
    """A 5:4 split with closes as traded was accepted: caps a quarter too high, a return of -20 %."""
    assert found(closes_of(ratio, is_adjusted=False, move=move), ratio)
    assert not found(closes_of(ratio, is_adjusted=True, move=move), ratio)


def test_the_smallest_example() -> None:
    closes = pl.DataFrame({"session": DAYS[:4], "close_usd": [125.0, 125.0, 100.0, 100.0]})
    splits = pl.DataFrame({"session": [DAYS[2]], "value": [1.25]})

    assert [tuple(split) for split in unadjusted_splits(closes, splits)] == [(DAYS[2], 1.25)]
    assert unadjusted_splits(closes.with_columns(close_usd=pl.lit(100.0)), splits) == []


def test_a_fall_that_is_not_the_split_s_is_the_market_s() -> None:
    # -12 % on the day of a 5:4 split, which would be -20 %: under neither reading a usual day
    assert not found(closes_of(1.25, is_adjusted=True, move=math.log(0.88)), 1.25)


@pytest.mark.parametrize("is_adjusted", [True, False])
def test_a_spin_off_within_the_usual_moves_is_told_by_net_asset_values(is_adjusted: bool) -> None:
    ratio = 1.02
    closes = closes_of(ratio, is_adjusted=is_adjusted)
    assert not found(closes, ratio)

    market = closes_of(ratio, is_adjusted=False)
    figures = pl.DataFrame(
        {
            "session": DAYS,
            "shares": [1e6 * (ratio if number >= SPLIT else 1) for number in range(N)],
            "nav_usd": market["close_usd"] * 1.001,
        }
    )
    assert found(closes, ratio, figures) is not is_adjusted


def test_net_asset_values_that_do_not_switch_there_tell_nothing() -> None:
    closes = closes_of(4.0, is_adjusted=True)
    figures = closes.select("session", nav_usd="close_usd", shares=pl.lit(1e6))

    assert not found(closes, 4.0, figures)


def test_a_line_of_ratio_1_and_a_split_outside_the_closes_are_none() -> None:
    closes = closes_of(2.0, is_adjusted=False)
    assert not found(closes, 1.0)
    for at in (DAYS[0], weekdays(N + 5)[-1]):
        assert not unadjusted_splits(closes, pl.DataFrame({"session": [at], "value": [2.0]}))
