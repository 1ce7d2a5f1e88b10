"""How responses are stamped when they are stored."""

from __future__ import annotations

import polars as pl

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.ingest.raw_writer import RawWriter
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.warehouse.conftest import empty_file, private, tmp_path, warehouse
from marketflows_pipeline_tests.warehouse.frames import HOUR, NOW

__all__ = ["empty_file", "private", "tmp_path", "warehouse"]


def test_rows_are_observed_at_the_runs_moment_and_fetched_at_the_present(warehouse: Warehouse) -> None:
    writer = RawWriter(warehouse, FixedClock(NOW + HOUR), NOW)
    rows = pl.DataFrame({"coin_id": ["tether"], "category": ["stablecoins"], "of_no_column": [1]})

    assert writer.store("raw.excluded_coins", rows).inserted == 1
    (stored,) = warehouse.read("raw.excluded_coins").rows(named=True)
    assert stored == {"observed_at": NOW, "coin_id": "tether", "category": "stablecoins", "fetched_at": NOW + HOUR}


def test_a_time_that_the_rows_have_already_stays(warehouse: Warehouse) -> None:
    """A first-seen figure would otherwise be of another moment than the row that brought it."""
    rows = RawWriter(warehouse, FixedClock(NOW), NOW).stamped(pl.DataFrame({"coin_id": ["a"], "category": ["b"]}))

    RawWriter(warehouse, FixedClock(NOW + HOUR), NOW).store("raw.excluded_coins", rows)
    assert warehouse.read("raw.excluded_coins")["fetched_at"].to_list() == [NOW]
