"""Slips of unit at work in a warehouse: left out of all that is computed, said, and let go by the next answer."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from marketflows_pipeline.ingest.quarantine import quarantine_unit_slips
from marketflows_pipeline.queries.cross_asset import released_figures
from marketflows_pipeline.settings import CrossAsset, Settings
from marketflows_pipeline.warehouse.quarantine import quarantine_by_hand, release_by_hand
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.warehouse.conftest import empty_file, private, tmp_path, warehouse
from marketflows_pipeline_tests.warehouse.frames import HOUR, NOW, caps, frame

__all__ = ["empty_file", "private", "tmp_path", "warehouse"]

BITCOIN = [1.2e12, 1.21e12, 1.2e15, 1.22e12]


def judge(warehouse: Warehouse, part: Any = "market_caps", hours_later: float = 0) -> None:
    quarantine_unit_slips(warehouse, part, NOW + hours_later * HOUR)


def store(warehouse: Warehouse, values: Mapping[int, float], coin: str = "bitcoin") -> None:
    warehouse.merge("raw.market_caps", caps(*((coin, NOW + hour * HOUR, cap) for hour, cap in values.items())))


def hours(warehouse: Warehouse, coin: str = "bitcoin") -> list[float]:
    """Hours of the observations that count."""
    accepted = warehouse.accepted("raw.market_caps", where="coin_id = ?", params=[coin])
    return sorted((ts - NOW) / HOUR for ts in accepted["ts"])


def test_a_slip_is_kept_in_raw_left_out_of_what_is_computed_and_said_once(
    warehouse: Warehouse, log: pytest.LogCaptureFixture
) -> None:
    """A cap x 1000 for an hour was published at 952 times its median without a word."""
    store(warehouse, dict(enumerate(BITCOIN)))
    for _ in range(2):
        judge(warehouse)
    assert hours(warehouse) == [0, 1, 3]
    assert warehouse.read("raw.market_caps").height == 4
    (said,) = [record.getMessage() for record in log.records if record.levelno == logging.WARNING]
    assert said.startswith(
        "raw.market_caps: values that look like a slip of unit left out from now on: 1 (bitcoin,2026"
    )
    assert "market_cap_usd is 992.0 times the last accepted one, 1210000000000.0" in said


def test_the_price_by_which_volumes_are_told_in_dollars_slips_too(warehouse: Warehouse) -> None:
    """A bitcoin at a thousand times its price would have told volumes a thousand times too high for an hour."""
    rows = ({"observed_at": NOW + hour * HOUR, "price_usd": 9e4 * by} for hour, by in enumerate((1, 1000, 1.01, 1000)))
    warehouse.merge("raw.bitcoin_prices", frame("raw.bitcoin_prices", *rows))
    judge(warehouse, "exchanges")
    assert warehouse.accepted("raw.bitcoin_prices")["price_usd"].sort().to_list() == [9e4, 9e4 * 1.01]


def test_a_level_that_lasts_counts_from_the_next_answer_on(warehouse: Warehouse) -> None:
    store(warehouse, {0: 1.2e9, 1: 1.2e12})
    judge(warehouse)
    assert hours(warehouse) == [0]
    store(warehouse, {2: 1.21e12})
    judge(warehouse, hours_later=1)
    assert hours(warehouse) == [0, 1, 2]
    (row,) = warehouse.read("meta.quarantine").rows(named=True)
    assert (row["rule"], row["released_by"], row["released_at"]) == ("unit_slip", "rule", NOW + HOUR)


def test_a_corrected_value_counts_again(warehouse: Warehouse) -> None:
    store(warehouse, dict(enumerate(BITCOIN)))
    judge(warehouse)
    store(warehouse, {2: 1.2e12})
    judge(warehouse, hours_later=1)
    assert hours(warehouse) == [0, 1, 2, 3]


@pytest.mark.slow
def test_what_a_person_says_of_a_row_stands(warehouse: Warehouse) -> None:
    """What was released by hand stays in, and what was left out by hand is nothing to be judged against."""
    store(warehouse, dict(enumerate(BITCOIN)))
    judge(warehouse)
    (key,) = warehouse.read("meta.quarantine")["key"]
    release_by_hand(warehouse, "raw.market_caps", key, ["market_cap_usd"], at=NOW)
    judge(warehouse, hours_later=1)
    assert hours(warehouse) == [0, 1, 2, 3]

    store(warehouse, {0: 5e6, 1: 5e8, 2: 5e8}, coin="tether")
    first = f"tether,{NOW:%Y-%m-%dT%H:%M:%SZ}"
    quarantine_by_hand(warehouse, "raw.market_caps", first, "", reason="no such cap", at=NOW)
    judge(warehouse, hours_later=2)
    assert hours(warehouse, "tether") == [1, 2]


@pytest.mark.slow
def test_shares_closes_and_volatility_are_judged_with_the_other_part(warehouse: Warehouse) -> None:
    """One session of a fund in thousands of shares, one close x 100, one VIX x 100."""
    days = [NOW.date() + timedelta(days=n) for n in range(3)]
    shares, closes, values = [1e9, 1e6, 1e9], [25.0, 25.1, 2500.0], [16.0, 1600.0, 16.0]
    rows = range(3)
    warehouse.merge(
        "raw.shares_outstanding",
        frame("raw.shares_outstanding", *({"session": days[n], "shares": shares[n], "nav_usd": 25.0} for n in rows)),
    )
    warehouse.merge(
        "raw.daily_bars", frame("raw.daily_bars", *({"session": days[n], "close_usd": closes[n]} for n in rows))
    )
    warehouse.merge(
        "raw.volatility_index",
        frame("raw.volatility_index", *({"session": days[n], "close": values[n]} for n in rows)),
    )
    judge(warehouse)
    assert warehouse.read("meta.quarantine").is_empty()
    judge(warehouse, "cross_asset")
    left_out = warehouse.read("meta.quarantine").sort("table_name").select("table_name", "key", "column_name").rows()
    assert left_out == [
        ("raw.daily_bars", f"x,{days[2]}", "close_usd"),
        ("raw.shares_outstanding", f"x,{days[1]},1", "shares"),
        ("raw.volatility_index", f"x,{days[1]}", "close"),
    ]


@pytest.mark.slow
def test_what_was_borne_out_later_is_known_with_its_day(warehouse: Warehouse) -> None:
    """Models must not see at its own session what was accepted a session later."""
    days = [NOW.date() + timedelta(days=n) for n in range(4)]
    shares, closes = [5e4, 5e6, 5.1e6, 5.1e6], [25.0, 25.1, 2500.0, 2510.0]
    rows = range(4)
    warehouse.merge(
        "raw.shares_outstanding",
        frame(
            "raw.shares_outstanding",
            *({"symbol": "SPY", "session": days[n], "shares": shares[n], "convention": "as_traded"} for n in rows),
        ),
    )
    warehouse.merge(
        "raw.daily_bars",
        frame("raw.daily_bars", *({"symbol": "SPY", "session": days[n], "close_usd": closes[n]} for n in rows)),
    )
    found = released_figures(warehouse, Settings(cross_asset=CrossAsset())).sort("session")
    assert found.select("symbol", "session", "column_name", "released_at").rows() == [
        ("SPY", days[1], "shares", days[2]),
        ("SPY", days[2], "close_usd", days[3]),
    ]
