"""The page on costs, recomputed: no figure in it is anybody's own arithmetic."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.ingest import budget
from marketflows_pipeline.ingest.budget import (
    EXCHANGE_CALLS_PER_HOUR,
    EXCHANGE_KINDS_ASKED,
    EXCHANGES_ASSUMED,
    PAGE_SIZE,
    calls_of_hourly_runs,
    exchange_calls_per_day,
)
from marketflows_pipeline.providers.coingecko.plans import COSTS as CALL_COSTS
from marketflows_pipeline.providers.coingecko.plans import PLANS
from marketflows_pipeline.settings import Exchanges
from marketflows_pipeline.settings.providers import DEFAULT_EXCLUDED

calls_per_hourly_run = partial(budget.calls_per_hourly_run, CALL_COSTS)
market_cap_calls_per_day = partial(budget.market_cap_calls_per_day, CALL_COSTS)

COSTS = Path(__file__).parents[2] / "docs" / "costs.md"
MONTH_HOURS = 744
# The cohort's last page may be empty, and coins outside every page are requested by id; both may be spared.
SPARED_PER_RUN = 2


@dataclass(frozen=True)
class Followed:
    """What a row of the table follows.

    Attributes:
        refetches: whether each hour fetches each history.
    """

    n_coins: int
    n_narratives: int
    exchanges: Exchanges | None = None
    refetches: bool = False

    @property
    def each_hour(self) -> tuple[int, int]:
        most = calls_per_hourly_run(self.n_coins, self.n_narratives)
        most += EXCHANGE_CALLS_PER_HOUR if self.exchanges else 0
        most += self.n_coins if self.refetches else 0
        return most - SPARED_PER_RUN, most

    @property
    def excluded(self) -> set[str]:
        """Categories that are fetched to be left out; portfolios alone have nothing to leave them out of."""
        return set(DEFAULT_EXCLUDED) if self.n_narratives else set()

    @property
    def each_day(self) -> int:
        calls = market_cap_calls_per_day(len(self.excluded))
        if self.exchanges:
            of_its_own = set(self.exchanges.whale_exclude_categories) - self.excluded
            calls += exchange_calls_per_day(EXCHANGES_ASSUMED, len(of_its_own))
        return calls

    @property
    def once(self) -> int:
        """The list of categories, histories, volume charts and kinds of exchanges, beside the first hour and day."""
        charts = len(self.exchanges.tracked) + EXCHANGE_KINDS_ASKED if self.exchanges else 0
        category_list = 1 if self.n_narratives else 0
        return category_list + charts + (0 if self.refetches else self.n_coins)

    @property
    def first_run(self) -> int:
        return self.once + self.each_hour[1] + self.each_day

    @property
    def first_month(self) -> tuple[int, int]:
        least, most = (
            self.once + calls_of_hourly_runs(MONTH_HOURS, calls_per_hour=calls, calls_per_day=self.each_day)
            for calls in self.each_hour
        )
        return least, most


FOLLOWED = (
    Followed(n_coins=10, n_narratives=0),
    Followed(n_coins=120, n_narratives=2),
    Followed(n_coins=500, n_narratives=2),
    Followed(n_coins=500, n_narratives=2, exchanges=Exchanges()),
    Followed(n_coins=1_500, n_narratives=10),
    Followed(n_coins=50, n_narratives=2, refetches=True),
)


def page() -> str:
    return COSTS.read_text(encoding="utf-8")


def rows() -> list[list[str]]:
    lines = [line for line in page().splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def numbers(cell: str) -> list[int]:
    return [int(found.replace(",", "")) for found in re.findall(r"\d[\d,]*", cell)]


@pytest.mark.parametrize(("followed", "cells"), list(zip(FOLLOWED, rows(), strict=True)))
def test_each_row_of_the_table_is_what_the_budget_reckons(followed: Followed, cells: list[str]) -> None:
    """The one row made by hand that left out the first run told 500 credits too few for its month."""
    _, first_run, each_hour, each_day, first_month, _ = cells
    assert numbers(first_run) == [followed.first_run]
    assert numbers(each_hour) == list(followed.each_hour)
    assert numbers(each_day) == [followed.each_day]
    assert numbers(first_month) == list(followed.first_month)


@pytest.mark.parametrize(("followed", "cells"), list(zip(FOLLOWED, rows(), strict=True)))
def test_a_row_names_the_coins_and_narratives_it_is_reckoned_for(followed: Followed, cells: list[str]) -> None:
    assert followed.n_coins in numbers(cells[0])
    assert not followed.n_narratives or followed.exchanges or followed.n_narratives in numbers(cells[0])
    assert bool(followed.exchanges) == ("with exchanges" in cells[0])


@pytest.mark.parametrize(("followed", "cells"), list(zip(FOLLOWED, rows(), strict=True)))
def test_what_is_said_to_fit_fits_the_demo_plan_at_its_dearest(followed: Followed, cells: list[str]) -> None:
    credits_ = PLANS["demo"].monthly_credits
    assert credits_ is not None
    assert f"Demo ({credits_:,})" in page()
    assert cells[-1].startswith("fits" if followed.first_month[1] <= credits_ else "needs a paid plan")


@given(coins=st.integers(0, 20_000), narratives=st.integers(0, 50), listed=st.integers(0, 5_000), k=st.integers(0, 9))
def test_the_formulas_in_the_text_are_those_of_the_budget(coins: int, narratives: int, listed: int, k: int) -> None:
    text = " ".join(page().split())
    assert "at most ⌈C/250⌉ + K + 2 calls, and 3 more with exchanges" in text
    assert calls_per_hourly_run(coins, narratives) == -(-coins // PAGE_SIZE) + narratives + 2
    assert EXCHANGE_CALLS_PER_HOUR == 3
    assert f"once nothing else waits, {EXCHANGE_KINDS_ASKED} for the kinds of the largest exchanges" in text
    assert "A day adds 1 + K for all categories at once and K excluded ones" in text
    assert market_cap_calls_per_day(k) == 1 + k
    assert "3 + ⌊E/250⌋ + 1 + K for E listed exchanges" in text
    assert "one call a coin, one a tracked exchange and one for the list of categories" in text
    assert exchange_calls_per_day(listed, k) == 3 + listed // PAGE_SIZE + 1 + k
    assert f"({exchange_calls_per_day(1_500, 0)} for 1,500 and none)" in text
