"""A small published file with events, for whoever tells of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import polars as pl

from marketflows_pipeline.report.brief.telling import tell
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.cli.reports.publishing import publish_copy, publish_tables
from marketflows_pipeline_tests.report.brief.events import CLOSE, NOW, event, events, share
from marketflows_pipeline_tests.warehouse.frames import frame

CONFIG = ""
SESSION = (NOW - timedelta(days=1)).date()


def publish_events(folder: Path) -> Path:
    """All three parts fresh, one event, and a share of bitcoin that its evidence reads."""
    tables = {
        "mart.events": events(event()),
        "mart.dominance": share(48.25),
        "core.daily_closes": frame("core.daily_closes", {"ts": CLOSE}),
        "raw.market_caps": frame("raw.market_caps", {"fetched_at": NOW}),
        "raw.exchanges": frame("raw.exchanges", {"observed_at": NOW - timedelta(minutes=30)}),
        "mart.exchange_flows": frame("mart.exchange_flows", {"observed_at": NOW - timedelta(minutes=30)}),
        "mart.pressure": frame("mart.pressure", {"session": SESSION}),
        "raw.daily_bars": frame("raw.daily_bars", {"session": SESSION, "fetched_at": NOW - timedelta(hours=10)}),
    }
    return publish_tables(folder, "market_caps", tables, config=CONFIG, now=NOW)


def published(folder: Path, changed: Mapping[str, pl.DataFrame]) -> Path:
    """The same with other rows of some tables."""
    return publish_copy(folder, publish_events, changed, config=CONFIG)


def corrected_statements(folder: Path) -> pl.DataFrame:
    """What is kept of a sentence that was told, and then corrected an hour before now."""
    with Warehouse(folder / "private.duckdb") as warehouse:
        warehouse.replace("mart.events", events(event(first_seen_at=NOW - timedelta(hours=3))))
        warehouse.replace("mart.dominance", share(48.25))
        tell(warehouse, "run-1", NOW - timedelta(hours=2), part="market_caps")
        warehouse.replace("mart.dominance", share(47.5))
        tell(warehouse, "run-2", NOW - timedelta(hours=1), part="market_caps")
        return warehouse.read("meta.brief_statements")
