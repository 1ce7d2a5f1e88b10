"""Runs that write a part and publish it or fail, and what the published file answers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from marketflows_pipeline.warehouse.publish import PublishReport, begin_part, publish
from marketflows_pipeline.warehouse.published import query_rows
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.warehouse.frames import NOW, fill

Run = Callable[..., PublishReport]


def actions(warehouse: Warehouse, link: Path) -> tuple[Run, Callable[[Any, str, float], None]]:
    """Runs that pass and are published, and runs that write and fail, on an open warehouse."""

    def run_part(part: Any, run_id: str, value: float) -> PublishReport:
        fail_part(part, run_id, value)
        return publish(warehouse, part=part, run_id=run_id, now=NOW + timedelta(minutes=5), published_path=link)

    def fail_part(part: Any, run_id: str, value: float) -> None:
        begin_part(warehouse, part, run_id, NOW)
        fill(warehouse, part, value)

    return run_part, fail_part


def answer(link: Path, sql: str) -> list[tuple[Any, ...]]:
    """Rows of a query of the published file."""
    return query_rows(link, sql).rows


def caps_and_volumes(link: Path) -> list[tuple[Any, ...]]:
    """Every market cap and volume that is published, by size."""
    sql = "select market_cap_usd from raw.market_caps union all select volume_24h_btc from raw.exchange_volumes"
    return sorted(answer(link, sql))
