"""The count of requests."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from marketflows_pipeline.errors import WarehouseError
from marketflows_pipeline.providers.http.ledger import CallLedger
from marketflows_pipeline.warehouse.ledger import WarehouseLedger
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.warehouse.engines import engine_environment
from marketflows_pipeline_tests.warehouse.frames import NOW

NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)


def begin(ledger: CallLedger, at: datetime = NOW, provider: str = "coingecko") -> int | str:
    return ledger.begin(provider, "/coins/{id}/market_chart", "/coins/bitcoin/market_chart?days=90", 1, at)


def test_an_attempt_is_on_record_before_it_is_answered(warehouse: Warehouse) -> None:
    begin(WarehouseLedger(warehouse, "run-1"))

    (row,) = warehouse.read("meta.api_calls").iter_rows(named=True)
    assert row.pop("call_id")
    assert row == {
        "sent_at": NOW,
        "provider": "coingecko",
        "endpoint": "/coins/{id}/market_chart",
        "target": "/coins/bitcoin/market_chart?days=90",
        "attempt": 1,
        "status_code": None,
        "outcome": "sent",
        "error": None,
        "duration_ms": None,
        "run_id": "run-1",
    }


def test_the_answer_completes_its_own_attempt_only(warehouse: Warehouse) -> None:
    ledger = WarehouseLedger(warehouse, "run-1")
    first, second = begin(ledger), begin(ledger)

    ledger.finish(second, 429, "retry", "too many requests", 12.5)

    stored = {row["call_id"]: row for row in warehouse.read("meta.api_calls").iter_rows(named=True)}
    assert stored[str(first)]["outcome"] == "sent"
    assert stored[str(second)]["outcome"] == "retry"
    assert (stored[str(second)]["status_code"], stored[str(second)]["duration_ms"]) == (429, 12.5)


def test_an_attempt_ends_once(warehouse: Warehouse) -> None:
    ledger = WarehouseLedger(warehouse, "run-1")
    call = begin(ledger)
    ledger.finish(call, 200, "ok", None, 1.0)

    with pytest.raises(WarehouseError, match="no request"):
        ledger.finish(call, 200, "ok", None, 1.0)


def test_the_month_counts_every_attempt_of_the_service_whatever_came_of_it(warehouse: Warehouse) -> None:
    ledger = WarehouseLedger(warehouse, "run-1")
    ledger.finish(begin(ledger), None, "failed", "no route", 3.0)
    begin(ledger, at=NOVEMBER)
    begin(ledger, at=NOVEMBER - timedelta(seconds=1))
    begin(ledger, at=datetime(2026, 12, 1, tzinfo=UTC))
    begin(ledger, provider="defillama")

    assert ledger.spent("coingecko", NOVEMBER) == 2
    begin(ledger)
    assert ledger.spent("coingecko", NOVEMBER) == 3
    assert ledger.spent("defillama", NOVEMBER) == 1
    assert ledger.spent("coingecko", datetime(2026, 12, 1, tzinfo=UTC)) == 1


def test_the_month_is_the_utc_month_wherever_the_caller_is(warehouse: Warehouse) -> None:
    ledger = WarehouseLedger(warehouse, "run-1")
    new_year_in_tokyo = datetime.fromisoformat("2026-12-01T05:00:00+09:00")
    begin(ledger, at=new_year_in_tokyo)

    assert ledger.spent("coingecko", NOVEMBER) == 1


def test_the_month_counts_what_earlier_runs_spent(warehouse: Warehouse) -> None:
    begin(WarehouseLedger(warehouse, "run-1"))
    later = WarehouseLedger(warehouse, "run-2")
    begin(later)

    assert later.spent("coingecko", NOVEMBER) == 2


@pytest.mark.slow
def test_a_run_killed_before_the_answer_still_counts_what_it_spent(private: Path) -> None:
    script = (
        "import os, sys; from marketflows_pipeline.warehouse.store import Warehouse\n"
        "from marketflows_pipeline.warehouse.ledger import WarehouseLedger\n"
        "from marketflows_pipeline_tests.warehouse.frames import NOW\n"
        "WarehouseLedger(Warehouse(sys.argv[1]), 'run-1').begin('coingecko', '/ping', '/ping', 1, NOW)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", script, private], env=engine_environment(), check=False)

    with Warehouse(private) as warehouse:
        assert WarehouseLedger(warehouse, "run-2").spent("coingecko", NOVEMBER) == 1
