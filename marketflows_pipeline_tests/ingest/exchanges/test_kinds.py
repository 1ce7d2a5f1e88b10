"""Of which exchanges the kind is fetched, when, and how often."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.errors import NotFoundError
from marketflows_pipeline.ingest.exchanges import kinds
from marketflows_pipeline.ingest.exchanges.kinds import refresh_kinds
from marketflows_pipeline.ingest.fetch_log import FetchLog
from marketflows_pipeline.ingest.raw_writer import RawWriter
from marketflows_pipeline.progress import LogReporter
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.warehouse.conftest import empty_file, private, tmp_path, warehouse
from marketflows_pipeline_tests.warehouse.frames import HOUR, NOW, frame

__all__ = ["empty_file", "private", "tmp_path", "warehouse"]
KINDS = {"a": True, "b": False, "c": None}


class Volumes:
    """Knows three exchanges, and keeps what it was asked."""

    name = "coingecko"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def is_centralised(self, exchange_id: str) -> bool | None:
        self.asked.append(exchange_id)
        if exchange_id not in KINDS:
            raise NotFoundError("no such exchange", provider=self.name)
        return KINDS[exchange_id]


@pytest.fixture
def free() -> list[float]:
    """Credits that are free, the last one from now on."""
    return [100.0]


def run(warehouse: Warehouse, volumes: Volumes, free: list[float], *, waiting: int = 0) -> list[str]:
    """What a day's run requests."""
    writer = RawWriter(warehouse, FixedClock(NOW), NOW)
    fetches = FetchLog(writer, timedelta(hours=1))
    fetches.waiting = waiting
    volumes.asked.clear()
    refresh_kinds(
        cast("Any", volumes),
        fetches,
        budget_now=lambda: cast("Any", SimpleNamespace(available=free[-1])),
        reporter=LogReporter(),
    )
    return list(volumes.asked)


def store(warehouse: Warehouse, **volumes: float | None) -> None:
    rows: list[dict[str, Any]] = [
        {"observed_at": NOW, "exchange_id": key, "volume_24h_btc": volume, "is_full_listing": True}
        for key, volume in volumes.items()
    ]
    older = {"observed_at": NOW - HOUR, "exchange_id": "older", "volume_24h_btc": 1e9, "is_full_listing": True}
    warehouse.merge("raw.exchanges", frame("raw.exchanges", *rows, older))


def test_the_kind_of_each_of_the_largest_is_fetched_once(
    warehouse: Warehouse, free: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exchanges that DefiLlama does not list, 90 of 100, counted as decentralised."""
    monkeypatch.setattr(kinds, "EXCHANGE_KINDS_ASKED", 4)
    store(warehouse, c=1.0, b=20.0, a=30.0, gone=5.0, small=0.5, silent=None)

    assert run(warehouse, Volumes(), free) == ["a", "b", "gone", "c"]
    told = warehouse.read("raw.exchange_kinds").sort("exchange_id")
    assert told.select("exchange_id", "is_centralised").rows() == [
        ("a", True),
        ("b", False),
        ("c", None),
        ("gone", None),
    ]
    assert run(warehouse, Volumes(), free) == []


def test_histories_go_first(warehouse: Warehouse, free: list[float]) -> None:
    """150 calls for what is nice to know would have left charts without credits."""
    store(warehouse, a=1.0)

    assert run(warehouse, Volumes(), free, waiting=3) == []
    free.append(0.0)
    assert run(warehouse, Volumes(), free) == []
    free.append(1.0)
    assert run(warehouse, Volumes(), free) == ["a"]
