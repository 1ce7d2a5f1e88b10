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


def path_of(prices: list[float]) -> pl.DataFrame:
    return pl.DataFrame({"session": DAYS[: len(prices)], "close_usd": prices})


def figures_at(number: int, *, shares: float, nav: float) -> pl.DataFrame:
    """Figures of the session before and of that one, from 1 each to these."""
    return pl.DataFrame({"session": DAYS[number - 1 : number + 1], "shares": [1.0, shares], "nav_usd": [1.0, nav]})


def found(closes: pl.DataFrame, ratio: float, figures: pl.DataFrame | None = None, at: int = SPLIT) -> bool:
    splits = pl.DataFrame({"session": [DAYS[at]], "value": [ratio]})
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


@pytest.mark.parametrize("is_adjusted", [True, False])
def test_beside_net_asset_values_the_market_s_move_is_taken_out(is_adjusted: bool) -> None:
    """On a day that lost 18 %, a 5:4 split of adjusted closes looked like one of closes as traded."""
    closes = closes_of(1.25, is_adjusted=is_adjusted, move=-0.2)

    assert found(closes, 1.25, figures_at(SPLIT, shares=1.25, nav=math.exp(-0.2) / 1.25)) is not is_adjusted


def test_halfway_between_both_readings_closes_are_adjusted() -> None:
    assert not found(path_of([4.0, 4.0, 2.0]), 4.0, figures_at(2, shares=4.0, nav=0.25), at=2)


def test_a_count_halfway_to_the_split_does_not_tell_that_it_switches() -> None:
    """Shares that doubled at a 4:1 split are as near to a creation as to the split."""
    assert not found(path_of([4.0, 4.0, 4.0]), 4.0, figures_at(2, shares=2.0, nav=1.0), at=2)


@pytest.mark.parametrize("missing", [0, 1])
def test_figures_of_one_side_alone_tell_nothing(missing: int) -> None:
    figures = figures_at(2, shares=4.0, nav=0.25)

    assert found(path_of([4.0, 4.0, 1.0]), 4.0, figures.filter(pl.int_range(pl.len()) != missing), at=2)


@pytest.mark.parametrize(("ratio", "is_found"), [(1.067, True), (1.066, False)])
def test_of_few_returns_the_usual_scale_decides(ratio: float, is_found: bool) -> None:
    """2 ln(1 + (ln r / 0.02)^2 / 3) > ln 20, four halves of a t-distribution with 3 degrees, from r = 1.0667 on."""
    assert found(path_of([100.0, 100.0 / ratio]), ratio, at=1) is is_found


@pytest.mark.parametrize(("ratio", "is_found"), [(1.00033, True), (1.00032, False)])
def test_prices_that_never_moved_have_a_least_scale(ratio: float, is_found: bool) -> None:
    assert found(path_of([100.0] * 6 + [100.0 / ratio]), ratio, at=6) is is_found


@pytest.mark.parametrize(("n_returns", "is_found"), [(4, False), (5, True), (6, True)])
def test_an_asset_s_own_returns_count_from_five_on(n_returns: int, is_found: bool) -> None:
    prices = [100 * math.exp(0.001 * number) for number in range(n_returns + 1)]

    assert found(path_of([*prices, prices[-1] / 1.01]), 1.01, at=n_returns + 1) is is_found


def test_the_return_across_a_split_is_none_of_the_usual_ones() -> None:
    """Five returns, whose median it would move from a tenth of a percent to a whole one."""
    steps = [0.01, 0.001, -math.log(1.02), 0.001, 0.001, 0.01]
    prices = [math.exp(sum(steps[:number])) for number in range(len(steps) + 1)]

    assert found(path_of(prices), 1.02, at=3)


def test_a_split_before_the_first_close_is_passed_over_and_later_ones_are_judged() -> None:
    """The last return stood for the one before the first close."""
    closes = path_of([100.0, 50.0, 50.0, 10.0])
    splits = pl.DataFrame({"session": [DAYS[0], DAYS[1], DAYS[3]], "value": [5.0, 2.0, 5.0]})

    assert [tuple(split) for split in unadjusted_splits(closes, splits)] == [(DAYS[1], 2.0), (DAYS[3], 5.0)]


def test_a_line_of_ratio_1_and_a_split_outside_the_closes_are_none() -> None:
    closes = closes_of(2.0, is_adjusted=False)
    assert not found(closes, 1.0)
    for at in (DAYS[0], weekdays(N + 5)[-1]):
        assert not unadjusted_splits(closes, pl.DataFrame({"session": [at], "value": [2.0]}))
