"""How responses are stamped when they are stored."""

from __future__ import annotations

import polars as pl
import pytest

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.ingest.raw_writer import MarketCapWriter, RawWriter, StoredHistory
from marketflows_pipeline.providers.protocols.market_caps import HISTORY_SCHEMA
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


def history(coin: str, caps: list[float | None]) -> pl.DataFrame:
    rows = [
        {"coin_id": coin, "ts": NOW - HOUR * (len(caps) - n), "market_cap_usd": cap, "source": "history"}
        for n, cap in enumerate(caps)
    ]
    return pl.DataFrame(rows, schema=HISTORY_SCHEMA)


@pytest.mark.slow
def test_several_histories_at_once_are_stored_and_counted_as_one_after_another(warehouse: Warehouse) -> None:
    first = {"a": history("a", [1.0, 2.0, None, 4.0]), "b": history("b", []), "c": history("c", [0.0, 5.0])}
    later = {"a": history("a", [1.0, 2.5, 3.0, 4.0]), "c": history("c", [6.0, 5.0]), "d": history("d", [7.0])}
    counts, tallies, tables = [], [], []
    with Warehouse(warehouse.path.with_name("another.duckdb")) as another:
        for each, at_once in ((warehouse, True), (another, False)):
            stored: list[dict[str, StoredHistory]] = []
            for answers in (first, later):
                writer = MarketCapWriter(each, FixedClock(NOW), NOW)
                parts = [answers] if at_once else [{coin: rows} for coin, rows in answers.items()]
                stored.append({})
                for part in parts:
                    stored[-1] |= writer.store_histories(part, "history")
                tallies.append(writer.tally)
            counts.append(stored)
            tables.append(
                [each.query(f"from {name} order by all").rows() for name in ("raw.market_caps", "meta.revisions")]
            )
    assert counts[0] == counts[1]
    assert counts[0][0] == {"a": StoredHistory(4, 3, 1), "b": StoredHistory(0, 0, 0), "c": StoredHistory(2, 1, 1)}
    assert counts[0][1] == {"a": StoredHistory(4, 1, 0), "c": StoredHistory(2, 1, 0), "d": StoredHistory(1, 1, 0)}
    assert tallies[:2] == tallies[2:]
    assert tables[0] == tables[1]
    assert [len(rows) for rows in tables[0]] == [7, 1]
