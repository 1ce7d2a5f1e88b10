"""Reserves at a price that cannot be are left out, said aloud, and let go once they are confirmed."""

from __future__ import annotations

from datetime import datetime

import pytest

from marketflows_pipeline.ingest.exchanges.reserve_quarantine import BALANCES, quarantine_price_jumps
from marketflows_pipeline.warehouse.quarantine import active, active_rows, quarantine_by_hand
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.warehouse.conftest import empty_file, private, tmp_path, warehouse
from marketflows_pipeline_tests.warehouse.frames import HOUR, NOW, caps, frame

__all__ = ["empty_file", "private", "tmp_path", "warehouse"]


def store(warehouse: Warehouse, *prices: float, quantity: float = 1e6) -> None:
    """Records of X, the last of them now."""
    rows = (
        {"slug": "okx", "token": "X", "ts": NOW - 24 * (len(prices) - n) * HOUR, "is_now": False}
        | {"quantity": quantity, "value_usd": quantity * price}
        for n, price in enumerate(prices, 1)
    )
    warehouse.merge(BALANCES, frame(BALANCES, *rows))


def run_rule(warehouse: Warehouse, started_at: datetime = NOW) -> list[str]:
    quarantine_price_jumps(warehouse, started_at, NOW)
    return active(warehouse, BALANCES)["key"].to_list()


@pytest.mark.slow
def test_a_glitch_is_left_out_said_aloud_and_confirmed_by_the_next_record(
    warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    """A price x 100 for a day was in the reserves, and 0.3 M that came in read as 30 M."""
    store(warehouse, 3.0, 3.0, 300.0)
    assert run_rule(warehouse) == ["okx,2026-11-20T18:00:00Z,X"]
    assert active_rows(warehouse, BALANCES).rows() == [("okx", NOW, "X")]
    assert warehouse.accepted(BALANCES)["value_usd"].max() == 3e6
    assert warehouse.read(BALANCES).height == 3
    assert "reserves at a price that cannot be left out from now on: 1" in caplog.text
    assert run_rule(warehouse), "stays left out though no view shows it any more"

    # A day later the service says the same: it is the market that jumped.
    later = frame(BALANCES, {"slug": "okx", "token": "X", "ts": NOW + 24 * HOUR, "is_now": False}
                  | {"quantity": 1e6, "value_usd": 3.1e8})  # fmt: skip
    warehouse.merge(BALANCES, later)
    assert run_rule(warehouse) == []


def test_what_was_left_out_by_hand_is_nothing_to_be_judged_against(warehouse: Warehouse) -> None:
    """Somebody left two days of a wrong price out, and the right one after them was left out as a jump."""
    store(warehouse, 3.0, 300.0, 300.0, 3.0)
    by_hand = [f"okx,2026-11-{day}T18:00:00Z,X" for day in (18, 19)]
    for key in by_hand:
        quarantine_by_hand(warehouse, BALANCES, key, "", reason="a slip", at=NOW)

    assert sorted(run_rule(warehouse)) == by_hand


def test_the_market_that_is_stored_tells_at_once(warehouse: Warehouse) -> None:
    """A coin that crashed for real was held back for a day."""
    warehouse.merge("raw.coins", frame("raw.coins", {"coin_id": "x-coin", "symbol": "x"}))
    paths = [("x-coin", NOW - 48 * HOUR, 1e9), ("x-coin", NOW - 24 * HOUR, 1e9), ("x-coin", NOW, 1e7)]
    for path, price in zip(paths, (3.0, 3.0, 0.03), strict=True):
        warehouse.merge("raw.market_caps", caps(path, price_usd=price))
    store(warehouse, 3.0, 3.0, 0.03)

    assert run_rule(warehouse) == []


def test_a_run_without_new_records_does_not_look_at_the_old_ones(warehouse: Warehouse) -> None:
    """An hourly run would have read every record there is."""
    store(warehouse, 3.0, 3.0, 300.0)
    assert run_rule(warehouse, NOW + HOUR) == []


def test_without_a_jump_nothing_is_left_out(warehouse: Warehouse, caplog: pytest.LogCaptureFixture) -> None:
    store(warehouse, 3.0, 4.0, 14.0)
    assert run_rule(warehouse) == []
    assert not caplog.text
