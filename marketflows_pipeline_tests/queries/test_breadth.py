"""Which closes, members and pages breadth is measured on, from a warehouse file."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from marketflows_pipeline.queries.breadth import (
    changes_of,
    listed_coins,
    newest_members,
    observed_closes,
    universes,
    whole_pages,
)
from marketflows_pipeline.queries.closes import all_closes, listed_members
from marketflows_pipeline.settings import Settings
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.warehouse.conftest import empty_file, private, tmp_path, warehouse
from marketflows_pipeline_tests.warehouse.frames import frame

__all__ = ["empty_file", "private", "tmp_path", "warehouse"]

DAY = timedelta(days=1)
CLOSE = datetime(2026, 11, 20, tzinfo=UTC)
NOW = CLOSE + timedelta(hours=18)


def settings_of(**keys: Any) -> Settings:
    source = {"narratives": ["ai"], "narrative_top_n": 2, "range_lower_limits": [100.0, 1000.0]}
    source |= {"flow_types": ["narratives", "market_cap_ranges"], "exclude_categories": ["stablecoins"]}
    return Settings.model_validate({"providers": {"coingecko": source | keys}})


def tabulate(warehouse: Warehouse) -> None:
    """Write closes and lists of members as tables, as a run does before."""
    warehouse.replace("core.daily_closes", all_closes(warehouse, NOW))
    warehouse.replace("core.listed_members", listed_members(warehouse, settings_of()))


def observe(warehouse: Warehouse, coin: str, *observations: tuple[datetime, float, float | None]) -> None:
    rows = ({"coin_id": coin, "ts": ts, "market_cap_usd": cap, "price_usd": price} for ts, cap, price in observations)
    warehouse.merge("raw.market_caps", frame("raw.market_caps", *rows))


def list_members(
    warehouse: Warehouse, at: datetime, coins: str, *, is_full_page: bool = True, excluded: str = ""
) -> None:
    shared = {"observed_at": at, "narrative": "ai", "is_full_page": is_full_page, "is_reserve": False}
    rows = (
        {**shared, "coin_id": coin, "rank": rank, "market_cap_usd": 1e9 / rank, "is_excluded": coin in excluded.split()}
        for rank, coin in enumerate(coins.split(), 1)
    )
    warehouse.merge("raw.narrative_members", frame("raw.narrative_members", *rows))


def list_cohort(warehouse: Warehouse, at: datetime, coins: str, excluded: str = "") -> None:
    rows = (
        {"observed_at": at, "coin_id": coin, "rank": rank, "is_excluded": coin in excluded.split()}
        for rank, coin in enumerate(coins.split(), 1)
    )
    warehouse.merge("raw.cohort_members", frame("raw.cohort_members", *rows))


@pytest.mark.slow
def test_a_close_is_of_the_24_hours_before_it(warehouse: Warehouse) -> None:
    """An outage of a day once read as a day on which no coin moved."""
    observe(warehouse, "bitcoin", (CLOSE - 2 * DAY, 900.0, 9.0), (CLOSE - timedelta(hours=1), 1000.0, 10.0))
    tabulate(warehouse)
    closes = observed_closes(warehouse, NOW)
    assert closes.select("ts", "price_usd").rows() == [(CLOSE - 2 * DAY, 9.0), (CLOSE, 10.0)]


@pytest.mark.slow
def test_a_redenomination_is_no_return(warehouse: Warehouse) -> None:
    observe(warehouse, "cortex", (CLOSE - DAY, 1000.0, 10.0), (CLOSE, 1100.0, 1.1))
    tabulate(warehouse)
    assert observed_closes(warehouse, NOW)["price_usd"].to_list() == [10.0, 11.0]


def test_coins_of_the_ranges_are_those_that_were_ever_listed_and_are_not_left_out_at_last(warehouse: Warehouse) -> None:
    list_cohort(warehouse, CLOSE - timedelta(hours=30), "bitcoin gone wrapped tether", excluded="tether")
    list_cohort(warehouse, CLOSE - timedelta(hours=2), "bitcoin wrapped tether", excluded="wrapped tether")
    # The first list was known at the close after it.
    assert listed_coins(warehouse) == (["bitcoin", "gone"], CLOSE - DAY)


def test_before_the_first_list_no_coin_is_known(warehouse: Warehouse) -> None:
    assert listed_coins(warehouse) == ([], None)


@pytest.mark.slow
def test_universes_hold_members_ranges_and_the_cohort_at_every_close(warehouse: Warehouse) -> None:
    for coin, cap in (("bitcoin", 5000.0), ("ether", 500.0), ("dust", 5.0)):
        observe(warehouse, coin, (CLOSE - DAY, cap, 1.0), (CLOSE, cap, 1.0))
    list_members(warehouse, CLOSE - timedelta(hours=3), "bitcoin ether dust")
    list_cohort(warehouse, CLOSE - timedelta(hours=3), "bitcoin ether")
    tabulate(warehouse)
    found = universes(warehouse, settings_of(), observed_closes(warehouse, NOW))
    at_close = found.filter(pl.col("ts") == CLOSE).sort("category", "series", "coin_id")
    assert at_close.drop("ts").rows() == [
        ("Cohort", "cohort", "bitcoin", False),
        ("Cohort", "cohort", "ether", False),
        ("Narratives", "ai", "bitcoin", False),
        ("Narratives", "ai", "ether", False),
        ("Ranges", "100", "ether", False),
        ("Ranges", "1000", "bitcoin", False),
    ]
    before = found.filter(pl.col("ts") == CLOSE - DAY)
    assert before["is_backfilled"].all()
    assert before.height == at_close.height


def test_an_empty_file_has_no_universe(warehouse: Warehouse) -> None:
    tabulate(warehouse)
    assert universes(warehouse, settings_of(), observed_closes(warehouse, NOW)).is_empty()


@pytest.mark.slow
def test_members_of_long_ago_are_those_of_the_newest_close_where_none_came_since(warehouse: Warehouse) -> None:
    observe(warehouse, "bitcoin", (CLOSE, 5000.0, 1.0))
    list_members(warehouse, CLOSE - 30 * DAY, "bitcoin ether")
    tabulate(warehouse)
    members = newest_members(warehouse, settings_of(), observed_closes(warehouse, NOW))
    assert members.sort("coin_id").rows() == [("ai", "bitcoin", False), ("ai", "ether", False)]


def test_pages_are_whole_ones_without_excluded_coins(warehouse: Warehouse) -> None:
    list_members(warehouse, CLOSE - DAY, "bitcoin tether ether", excluded="tether")
    list_members(warehouse, CLOSE - timedelta(hours=2), "bitcoin", is_full_page=False)
    pages = whole_pages(warehouse, settings_of(), NOW - 5 * DAY)
    assert sorted(pages.select("series", "coin_id").rows()) == [("ai", "bitcoin"), ("ai", "ether")]
    assert whole_pages(warehouse, settings_of(), NOW).is_empty()


def test_bitcoins_own_changes_are_those_of_the_pages_of_large_coins(warehouse: Warehouse) -> None:
    row = {"observed_at": CLOSE, "coin_id": "bitcoin", "rank": 1, "price_change_7d_pct": 4.5}
    warehouse.merge("raw.cohort_members", frame("raw.cohort_members", row, row | {"coin_id": "ether"}))
    changes = changes_of(warehouse, "bitcoin")
    assert changes.select("observed_at", "price_change_7d_pct").rows() == [(CLOSE, 4.5)]
