"""Runs of one part on a warehouse, and what the published file answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from marketflows_pipeline.schema import TABLES
from marketflows_pipeline.warehouse.publish import PublishReport, begin_part, publish
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.published_answers import query_rows
from marketflows_pipeline_tests.warehouse.frames import HOUR, NOW, fill

FIRST = "run-1"


@dataclass(frozen=True)
class Runs:
    """Runs of a part on an open warehouse: every float column gets `value`."""

    warehouse: Warehouse
    link: Path

    def fails(self, part: Any, run_id: str, value: float, *, hour: int = 0) -> None:
        """A run that writes and does not pass; what every part writes of itself, its events, is empty."""
        begin_part(self.warehouse, part, run_id, NOW + hour * HOUR)
        # A transaction a table would take a third longer.
        with self.warehouse.transaction():
            fill(self.warehouse, part, value)
            self.warehouse.replace("mart.events", TABLES["mart.events"].empty())

    def passes(
        self, part: Any = "market_caps", run_id: str = FIRST, value: float = 1.0, *, hour: int = 0
    ) -> PublishReport:
        """A run that passes and is published."""
        self.fails(part, run_id, value, hour=hour)
        return self.publish(part, run_id, NOW + hour * HOUR + timedelta(minutes=5))

    def publish(self, part: Any, run_id: str, now: datetime) -> PublishReport:
        return publish(self.warehouse, part=part, run_id=run_id, now=now, published_path=self.link)


def answer(link: Path, sql: str) -> list[tuple[Any, ...]]:
    return query_rows(link, sql).rows


def caps_and_volumes(link: Path) -> list[tuple[Any, ...]]:
    sql = "select market_cap_usd from raw.market_caps union all select volume_24h_btc from raw.exchange_volumes"
    return sorted(answer(link, sql))
