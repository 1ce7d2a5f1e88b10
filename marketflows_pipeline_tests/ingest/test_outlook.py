"""What settings will ask for, worked by hand, and held to the budget by which runs reserve their credits."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.ingest import budget
from marketflows_pipeline.ingest.budget import (
    EXCHANGE_CALLS_PER_HOUR,
    exchange_calls_per_day,
)
from marketflows_pipeline.ingest.outlook import (
    Sizes,
    most_tracked,
    outlook,
    requests_by_id,
    savings,
    with_coins,
)
from marketflows_pipeline.ingest.typical_cohort import TYPICAL_COHORTS, typical_cohort
from marketflows_pipeline.providers.coingecko.plans import COSTS
from marketflows_pipeline.settings import ConfigFile

calls_per_hourly_run = partial(budget.calls_per_hourly_run, COSTS)
market_cap_calls_per_day = partial(budget.market_cap_calls_per_day, COSTS)

# Ten hourly runs of the month are left after this one.
LATE = datetime(2026, 11, 30, 13, 5, tzinfo=UTC)


def config(*, exchanges: bool = False, cross_asset: bool = False, **keys: Any) -> ConfigFile:
    tables: dict[str, Any] = {"providers": {"coingecko": keys}}
    tables |= {"exchanges": {}} if exchanges else {}
    tables |= {"cross_asset": {}} if cross_asset else {}
    return ConfigFile.model_validate(tables)


def sizes(n_tracked: int = 120, n_cohort: int = 100, **more: Any) -> Sizes:
    return Sizes(**{"n_tracked": n_tracked, "n_cohort": n_cohort, "n_without_history": n_tracked} | more)


def test_a_first_run_of_two_narratives_and_300_coins_by_hand() -> None:
    """Histories 310, list of categories 1, narratives 2, pages 2, by id 1, three left out, all categories 1."""
    found = outlook(config(), sizes(310, 300), spent=0, now=LATE)

    assert found.first_run == 310 + 1 + 2 + 2 + 1 + 3 + 1
    assert (found.hour, found.day) == (2 + 2 + 1, 3 + 1)
    assert found.minutes == found.first_run / 25
    assert found.month == 744 * 5 + 31 * 4
    assert found.this_month == found.first_run + 10 * 5 + 4


def test_the_exchange_part_by_hand() -> None:
    """Beside the above: list, trending, markets; 5 pages of 1,100 exchanges; 4 charts, 7 kinds; its own requests."""
    part = sizes(310, 300, n_listed_exchanges=1_100, n_charts=4, n_kinds=7, n_reserves=6)

    found = outlook(config(exchanges=True), part, spent=0, now=LATE)

    assert found.first_run == 320 + 3 + 5 + 4 + 7
    assert found.hour == 5 + 3
    # the daily run makes the requests of an hour again
    assert found.day == 4 + 3 + 5
    free = {
        family.endpoint: (family.next_run, family.day) for family in found.families if family.provider != "coingecko"
    }
    assert free == {"/cexs": (1, 0), "/protocols": (1, 1), "/protocol/{slug}": (6, 6)}


def test_the_cross_asset_part_costs_no_credits() -> None:
    apart = outlook(config(cross_asset=True), sizes(), spent=0, now=LATE)

    assert apart.first_run == outlook(config(), sizes(), spent=0, now=LATE).first_run
    of_part = {family.provider: family.day for family in apart.families if family.part == "cross_asset"}
    assert of_part == {"yahoo": 11, "ssga": 2, "blackrock": 5, "spdr_gold": 1, "invesco": 1, "cboe": 2}


def test_a_window_of_one_day_fetches_each_history_each_hour() -> None:
    found = outlook(config(days=1), sizes(50, 40), spent=0, now=LATE)

    assert found.hour == 50 + 2 + 1 + 1
    assert not found.is_enough
    assert next(iter(savings(config(days=1), sizes(50, 40)))) == (
        "providers.coingecko.days", "2 or more: at 1 each hour fetches every history", 50 * 744,
    )  # fmt: skip


def test_portfolios_alone_ask_for_their_coins_by_id() -> None:
    own = config(flow_types=["individual_assets"], asset_groups={"P": ["a", "b"]}, base_assets=["bitcoin"])

    found = outlook(own, sizes(3, 0, n_requests_by_id=requests_by_id(own)), spent=0, now=LATE)

    assert [(family.endpoint, family.next_run) for family in found.families] == [
        ("/coins/{id}/market_chart", 3), ("/coins/markets", 1), ("/coins/categories", 1),
    ]  # fmt: skip
    assert most_tracked(own, 0) == 3


@pytest.mark.parametrize(("spent", "enough"), [(0, True), (9_827, True), (9_828, False)])
def test_a_month_whose_credits_are_nearly_spent_does_not_hold_a_first_run(spent: int, enough: bool) -> None:
    found = outlook(config(), sizes(120, 100), spent=spent, now=LATE)

    # 120 + 1 + 2 + 1 + 1 + 4 of this run, ten runs of 4 and a day of 4
    assert found.this_month == 129 + 44
    assert found.is_enough_now is enough


@given(
    tracked=st.integers(0, 5_000),
    cohort=st.integers(0, 5_000),
    listed=st.integers(0, 5_000),
    narratives=st.sets(st.sampled_from("abcdef"), min_size=1),
    exchanges=st.booleans(),
)
def test_no_hour_and_no_day_is_above_what_runs_reserve(
    tracked: int, cohort: int, listed: int, narratives: set[str], exchanges: bool
) -> None:
    chosen = config(exchanges=exchanges, narratives=sorted(narratives))
    found = outlook(chosen, sizes(tracked + cohort, cohort, n_listed_exchanges=listed), spent=0, now=LATE)

    per_hour = calls_per_hourly_run(tracked + cohort, len(narratives)) + (EXCHANGE_CALLS_PER_HOUR if exchanges else 0)
    per_day = market_cap_calls_per_day(3) + (exchange_calls_per_day(listed, 0) if exchanges else 0)
    assert found.hour <= per_hour
    assert found.day == per_day
    paid = [family for family in found.families if family.provider == "coingecko"]
    again = EXCHANGE_CALLS_PER_HOUR if exchanges else 0
    assert sum(family.day for family in paid) + again == found.day


@pytest.mark.parametrize(("limit", "count"), TYPICAL_COHORTS)
def test_a_typical_cohort_is_that_of_the_known_limits(limit: float, count: int) -> None:
    assert typical_cohort(limit) == count


@given(limits=st.lists(st.floats(0, 1e13), min_size=2, max_size=2).map(sorted))
def test_a_lower_limit_is_exceeded_by_no_fewer_coins(limits: list[float]) -> None:
    assert typical_cohort(limits[0]) >= typical_cohort(limits[1]) >= 0


def test_coins_are_joined_once_each() -> None:
    joined = with_coins(pl.DataFrame({"coin_id": ["b", "a"], "x": [1, 2]}), {"a", "c"})
    assert joined["coin_id"].to_list() == ["b", "a", "c"]


def test_one_list_of_coins_and_one_of_tags_answer_for_everything() -> None:
    """CoinPaprika: 2 calls an hour whatever is followed, one kept for coins beyond its list, one history a coin."""
    keyless = ConfigFile.model_validate({"provider": "coinpaprika"})
    found = outlook(keyless, sizes(310, 300), spent=0, now=LATE)

    assert (found.first_run, found.hour, found.day) == (310 + 3, 3, 0)
    assert found.is_enough
    assert not list(savings(keyless, sizes(310, 300)))
    hourly = ConfigFile.model_validate({"provider": "coinpaprika", "providers": {"coinpaprika": {"days": 7}}})
    assert outlook(hourly, sizes(310, 300), spent=0, now=LATE).first_run == 3


def test_exchanges_of_another_account_cost_the_market_cap_provider_nothing() -> None:
    both = ConfigFile.model_validate({"provider": "coinpaprika", "exchanges": {}})
    found = outlook(both, sizes(310, 300, n_listed_exchanges=1_100), spent=0, now=LATE)

    assert (found.hour, found.day) == (3, 0)
    assert sum(family.hour for family in found.families if family.provider == "coingecko") == EXCHANGE_CALLS_PER_HOUR
