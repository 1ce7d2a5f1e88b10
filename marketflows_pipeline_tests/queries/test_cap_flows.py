"""Which coins, members and supplies attribution starts from: as known at each close, none from a later one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from marketflows_pipeline.queries.cap_flows import (
    attributed_closes,
    first_close,
    group_members_at,
    histories_known_from,
    published_supplies,
    stored_cohort,
)
from marketflows_pipeline.queries.closes import all_closes, listed_members
from marketflows_pipeline.settings import Settings
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.warehouse.conftest import empty_file, private, tmp_path, warehouse
from marketflows_pipeline_tests.warehouse.frames import caps, frame

__all__ = ["empty_file", "private", "tmp_path", "warehouse"]

MOMENT = datetime(2026, 11, 20, 18, 30, tzinfo=UTC)
CLOSE = datetime(2026, 11, 20, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def settings_of(**keys: Any) -> Settings:
    source = {"narratives": ["ai"], "narrative_top_n": 2, "asset_groups": {"Mine": ["held"]}, "base_assets": []}
    return Settings.model_validate({"providers": {"coingecko": source | keys}})


def cohort(warehouse: Warehouse, at: datetime, *coins: str, **more: Any) -> None:
    rows = ({"observed_at": at, "coin_id": coin, "market_cap_usd": 2e9, **more} for coin in coins)
    warehouse.merge("raw.cohort_members", frame("raw.cohort_members", *rows))


def narrative(warehouse: Warehouse, at: datetime, coins: str, **more: Any) -> None:
    rows = (
        {"observed_at": at, "narrative": "ai", "coin_id": coin, "rank": rank, "is_excluded": False, **more}
        for rank, coin in enumerate(coins, 1)
    )
    warehouse.merge("raw.narrative_members", frame("raw.narrative_members", *rows))


def derive(warehouse: Warehouse) -> None:
    """Make what the run makes of raw tables first: closes, and members at each."""
    warehouse.replace("core.daily_closes", all_closes(warehouse, MOMENT))
    warehouse.replace("core.listed_members", listed_members(warehouse, settings_of()))


def test_the_cohort_is_known_from_the_close_after_its_first_list(warehouse: Warehouse) -> None:
    assert stored_cohort(warehouse, settings_of(), MOMENT).since is None
    cohort(warehouse, CLOSE - 2 * DAY + HOUR, "a", "b")
    cohort(warehouse, CLOSE - HOUR, "c")

    found = stored_cohort(warehouse, settings_of(), MOMENT)

    assert (found.coins, found.since) == (("a", "b", "c"), CLOSE - DAY)
    assert stored_cohort(warehouse, settings_of(flow_types=["narratives"]), MOMENT).coins == ()


def test_a_cohort_first_stored_today_is_known_at_no_close_yet(warehouse: Warehouse) -> None:
    cohort(warehouse, MOMENT, "a")

    assert stored_cohort(warehouse, settings_of(), MOMENT).since is None


@pytest.mark.parametrize("observed", [CLOSE - HOUR, CLOSE])
def test_a_published_supply_belongs_to_the_close_that_follows(warehouse: Warehouse, observed: datetime) -> None:
    """A page of 23:00 is known at midnight, one of midnight itself too."""
    cohort(warehouse, observed - 2 * HOUR, "a", circulating_supply=90.0)
    cohort(warehouse, observed, "a", circulating_supply=100.0)
    cohort(warehouse, observed, "b")
    narrative(warehouse, CLOSE + HOUR, "a", circulating_supply=110.0)

    found = published_supplies(warehouse, MOMENT)

    assert sorted(found.rows()) == [("a", CLOSE, 100.0), ("a", CLOSE + DAY, 110.0)]
    assert found.schema["ts"] == pl.Datetime("us", "UTC")


@pytest.mark.slow
def test_members_are_those_known_at_each_close_down_to_the_settings_rank(warehouse: Warehouse) -> None:
    narrative(warehouse, CLOSE - DAY - HOUR, "abc")
    narrative(warehouse, CLOSE + HOUR, "bca")
    derive(warehouse)
    times = pl.Series("ts", [CLOSE - 2 * DAY, CLOSE - DAY, CLOSE, CLOSE + DAY], pl.Datetime("us", "UTC"))

    members = group_members_at(warehouse, settings_of(), MOMENT, times).sort("ts", "coin_id")

    listed = members.filter(category="Narratives").group_by("ts", maintain_order=True).agg(pl.col("coin_id").str.join())
    assert listed.rows() == [(CLOSE - DAY, "ab"), (CLOSE, "ab"), (CLOSE + DAY, "bc")]
    assert members.filter(category="Portfolios")["ts"].to_list() == times.to_list()


@pytest.mark.slow
def test_closes_are_those_of_followed_coins_and_of_former_members(warehouse: Warehouse) -> None:
    """A coin that was delisted would else depart from nowhere."""
    cohort(warehouse, CLOSE - 200 * DAY, "gone")
    observed = [(coin, CLOSE - HOUR, 10.0) for coin in ("held", "gone", "stranger")]
    warehouse.merge("raw.market_caps", caps(*observed, price_usd=1.0))
    derive(warehouse)

    closes = attributed_closes(warehouse, settings_of(), MOMENT)

    assert closes.select("coin_id", "ts").rows() == [("gone", CLOSE), ("held", CLOSE)]


def test_a_year_is_attributed() -> None:
    assert first_close(MOMENT) == CLOSE - 366 * DAY


def test_a_history_is_known_from_the_first_window_that_was_answered(warehouse: Warehouse) -> None:
    rows = [
        {"coin_id": coin, "granularity": "daily", "window_start": CLOSE - days * DAY, "outcome": outcome}
        for coin, days, outcome in [("a", 30, "complete"), ("b", 9, "refused"), ("c", 5, "empty")]
    ]
    warehouse.merge("meta.backfills", frame("meta.backfills", *rows))

    assert histories_known_from(warehouse).rows() == [("a", CLOSE - 30 * DAY), ("c", CLOSE - 5 * DAY)]
