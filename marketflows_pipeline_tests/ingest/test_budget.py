from __future__ import annotations

import math
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.ingest import budget
from marketflows_pipeline.ingest.budget import (
    EXCHANGE_CALLS_PER_HOUR,
    EXCHANGES_ASSUMED,
    Budget,
    Pace,
    exchange_calls_per_day,
    hourly_runs_left,
    pace,
)
from marketflows_pipeline.providers.coingecko.plans import COSTS
from marketflows_pipeline.settings import Exchanges

calls_per_hourly_run = partial(budget.calls_per_hourly_run, COSTS)
market_cap_calls_per_day = partial(budget.market_cap_calls_per_day, COSTS)


def month_budget(*, n_coins: int, n_narratives: int, calls_per_hour: int = 0, **account: Any) -> Budget:
    """The budget of an account whose hourly runs are of so many coins and narratives, beside others' calls."""
    return budget.month_budget(calls_per_hour=calls_per_hour + calls_per_hourly_run(n_coins, n_narratives), **account)


def at(day: int, hour: int = 0, minute: int = 0, month: int = 11) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def test_an_hourly_run_of_500_coins_and_2_narratives_costs_at_most_six_calls() -> None:
    assert calls_per_hourly_run(500, 2) == 6


def test_a_page_that_is_not_full_costs_a_call_too() -> None:
    """One coin more than two pages hold would otherwise be beyond the reserve, hour by hour."""
    assert calls_per_hourly_run(501, 2) == 7


def test_a_day_of_market_caps_costs_the_list_of_categories_and_each_that_is_left_out() -> None:
    assert market_cap_calls_per_day(6) == 7


@pytest.mark.parametrize(
    ("now", "runs"),
    [
        (at(30, 23, 5), 0),
        (at(30, 22, 5), 1),
        (at(1, 0, 5), 30 * 24 - 1),
        (at(31, 12, 5, month=12), 11),
    ],
)
def test_the_runs_left_are_the_whole_hours_until_the_utc_month_ends(now: datetime, runs: int) -> None:
    assert hourly_runs_left(now) == runs


def test_histories_get_what_is_left_after_the_months_runs() -> None:
    # given the last day of November, one hour before the month ends in two more runs
    now = at(30, 21, 5)
    # when 100 of 10,000 credits are spent and a run of 250 coins and 1 narrative costs 4
    budget = month_budget(limit=10_000, spent=100, now=now, n_coins=250, n_narratives=1)
    # then 2 runs of 4 calls are reserved
    assert budget == Budget(limit=10_000, spent=100, reserved=8)
    assert budget.available == 10_000 - 100 - 8


def test_daily_calls_are_reserved_for_each_day_that_still_has_runs() -> None:
    budget = month_budget(limit=10_000, spent=0, now=at(29, 23, 5), n_coins=1, n_narratives=0, calls_per_day=2)
    assert budget.reserved == 24 * calls_per_hourly_run(1, 0) + 2


def test_a_month_of_hourly_runs_for_500_coins_fits_the_demo_plan() -> None:
    # 744 hours: the longest month, its first run just done
    budget = month_budget(limit=10_000, spent=6, now=at(1, 0, 5, month=12), n_coins=500, n_narratives=2)
    assert budget.available >= 500, "a first backfill of 500 coins must fit beside the month's runs"


def test_a_day_of_exchanges_costs_an_hours_calls_the_list_and_the_categories() -> None:
    # 1,500 exchanges fill six pages of 250, and only a seventh, empty one tells that there is no more
    assert exchange_calls_per_day(1_500, n_categories=2) == 3 + 7 + 2
    assert exchange_calls_per_day(620, n_categories=0) == 3 + 3


def test_the_longest_month_of_500_coins_2_narratives_and_exchanges_fits_the_demo_plan_first_run_included() -> None:
    settings = Exchanges()
    per_day = market_cap_calls_per_day(0)
    per_day += exchange_calls_per_day(EXCHANGES_ASSUMED, len(settings.whale_exclude_categories))
    budget = month_budget(
        limit=10_000,
        # the first hour, the first day, and 20 volume charts
        spent=calls_per_hourly_run(500, 2) + per_day + len(settings.tracked),
        now=at(1, 0, 5, month=12),
        n_coins=500,
        n_narratives=2,
        calls_per_hour=EXCHANGE_CALLS_PER_HOUR,
        calls_per_day=per_day,
    )
    # 743 more hours of 6 + 3 calls, 31 days of 1 + 12
    assert budget.reserved == 743 * 9 + 31 * 13
    assert budget.available >= 500 + 31 * 24, "a first backfill, and one repair an hour, fit beside"


def test_a_plan_without_a_limit_never_runs_out() -> None:
    budget = Budget(limit=None, spent=10**9, reserved=10**9)
    assert budget.available == math.inf


@given(
    spent=st.integers(0, 20_000),
    n_coins=st.integers(0, 5_000),
    day=st.integers(1, 30),
    hour=st.integers(0, 23),
)
def test_what_is_available_never_touches_the_reserve(spent: int, n_coins: int, day: int, hour: int) -> None:
    budget = month_budget(limit=10_000, spent=spent, now=at(day, hour, 5), n_coins=n_coins, n_narratives=2)
    assert budget.available == max(0, 10_000 - spent - budget.reserved)


def test_credits_last_as_many_days_as_the_last_day_goes_into_what_is_left() -> None:
    # ten days of November are left
    assert pace(limit=10_000, spent=7_000, spent_of_a_day=300, now=at(21)) == Pace(3_000, 10.0, lasts_the_month=True)
    assert pace(limit=10_000, spent=7_000, spent_of_a_day=301, now=at(21)).lasts_the_month is False


def test_credits_that_nobody_spends_last_and_overspent_ones_are_gone() -> None:
    assert pace(limit=100, spent=50, spent_of_a_day=0, now=at(1)) == Pace(50, None, lasts_the_month=True)
    assert pace(limit=100, spent=130, spent_of_a_day=10, now=at(1)) == Pace(0, 0.0, lasts_the_month=False)
