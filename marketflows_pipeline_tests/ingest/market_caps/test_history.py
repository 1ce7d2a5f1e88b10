"""How many histories wait to be stored together, where a commit is dear."""

from __future__ import annotations

from typing import cast

import polars as pl
import pytest

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.ingest.budget import Budget
from marketflows_pipeline.ingest.market_caps.history import HistoryIngest
from marketflows_pipeline.ingest.raw_writer import MarketCapWriter
from marketflows_pipeline.progress import LogReporter
from marketflows_pipeline.providers.granularity import Granularity
from marketflows_pipeline.providers.http.wait_budget import WaitBudget
from marketflows_pipeline.providers.protocols.market_caps import HISTORY_SCHEMA, MarketCapProvider
from marketflows_pipeline.settings import Settings
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline.warehouse.stores.file import FileStore
from marketflows_pipeline_tests.warehouse.conftest import empty_file, private, tmp_path, warehouse
from marketflows_pipeline_tests.warehouse.frames import HOUR, NOW

__all__ = ["empty_file", "private", "tmp_path", "warehouse"]


class Service:
    """Answers after so many seconds, and notes how many histories are stored whenever it is asked."""

    def __init__(self, warehouse: Warehouse, clock: FixedClock, seconds: float) -> None:
        self._warehouse, self._clock, self._seconds = warehouse, clock, seconds
        self.stored: list[int] = []

    def history_limit_days(self, granularity: Granularity) -> int:
        return 365

    def history(self, coin: str, days: int) -> pl.DataFrame:
        (backfills, rows) = self._warehouse.query(
            "select (select count(*) from meta.backfills), (select count(*) from raw.market_caps)"
        ).row(0)
        assert backfills == rows, "rows and the record of their request stand or fall together"
        self.stored.append(backfills)
        self._clock.sleep(self._seconds)
        row = {"coin_id": coin, "ts": NOW - HOUR, "market_cap_usd": 1e9, "source": "service:history"}
        return pl.DataFrame([row], schema=HISTORY_SCHEMA)


@pytest.mark.parametrize(
    ("at_once", "seconds", "stored"),
    [
        # A commit an answer, as in a file.
        (1, 4.0, [0, 1, 2, 3, 4, 5, 6, 7]),
        (3, 0.0, [0, 0, 0, 3, 3, 3, 6, 6]),
        (50, 4.0, [0, 0, 0, 3, 3, 3, 6, 6]),
        (50, 60.0, [0, 1, 2, 3, 4, 5, 6, 7]),
    ],
)
def test_answers_are_stored_together_until_they_are_many_or_ten_seconds_old(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, at_once: int, seconds: float, stored: list[int]
) -> None:
    """With a slow service a killed run had lost fifty answers, which had taken minutes."""
    monkeypatch.setattr(FileStore, "answers_per_commit", at_once)
    clock = FixedClock(NOW)
    service = Service(warehouse, clock, seconds)
    ingest = HistoryIngest(
        provider=cast("MarketCapProvider", service),
        writer=MarketCapWriter(warehouse, clock, NOW),
        source=Settings.model_validate({}).source,
        reporter=LogReporter(),
        budget_now=lambda: Budget(limit=10_000, spent=0, reserved=0),
        waits=WaitBudget(clock),
    )

    report = ingest.backfill(pl.DataFrame({"coin_id": [f"coin{n}" for n in range(8)]}))

    assert (report.fetched, report.waiting) == (8, 0)
    assert service.stored == stored
    assert warehouse.read("meta.backfills").height == 8
