"""Fingerprints depend on which rows are stored, not on their order, nor on what stores them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from marketflows_pipeline.queries.events.finding import KINDS
from marketflows_pipeline.queries.fingerprints import (
    checks_fingerprint,
    closes_fingerprint,
    event_fingerprints,
    index_fingerprint,
    snapshots_fingerprint,
)
from marketflows_pipeline.schema import TABLES, DType
from marketflows_pipeline.settings import Settings
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.warehouse.empty import new_warehouse
from marketflows_pipeline_tests.warehouse.frames import NOW, frame

pytestmark = pytest.mark.slow

# Every fingerprint is that of a copy in another store.
BOTH_STORES = True
OF_EVENTS = sorted({name for kind in KINDS for name in kind.tables})
READ = sorted({
    *("raw.market_caps", "raw.narrative_members", "raw.cohort_members", "raw.coins", "raw.category_names"),
    *("raw.category_snapshots", "raw.cross_check_caps", "core.index_closes", "meta.backfills", *OF_EVENTS),
})  # fmt: skip
# Their sum depends on the order: 1.0 or 0.0, and so does that of thirds.
FIGURES = (1e16, 1.0, -1e16, 1 / 3, 0.1, -0.0, 1e-300)


def rows_of(name: str) -> pl.DataFrame:
    """Rows with keys of their own, and figures whose sum depends on the order."""

    def value(column: Any, place: int) -> Any:
        match column.dtype:
            case DType.TEXT:
                return f"{column.name} {place}"
            case DType.FLOAT:
                return FIGURES[place % len(FIGURES)]
            case DType.TIME:
                return NOW - timedelta(days=place, microseconds=place)
            case DType.DATE:
                return (NOW - timedelta(days=place)).date()
            case DType.BOOL:
                return place % 2 == 0
            case _:
                return place

    columns = TABLES[name].columns
    return frame(name, *({column.name: value(column, place) for column in columns} for place in range(500)))


def fill(warehouse: Warehouse, *, backwards: bool) -> None:
    for name in READ:
        rows = rows_of(name)
        write = warehouse.replace if TABLES[name].replaces == "replace" else warehouse.merge
        write(name, rows.reverse() if backwards else rows)


def fingerprints(warehouse: Warehouse) -> list[str]:
    settings = Settings.model_validate({})
    return [
        closes_fingerprint(warehouse, settings, NOW),
        snapshots_fingerprint(warehouse, NOW),
        checks_fingerprint(warehouse, NOW),
        index_fingerprint(warehouse, settings),
        *event_fingerprints(warehouse, KINDS),
    ]


@pytest.fixture(scope="module")
def of_a_file(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The fingerprints of these rows in a file."""
    with new_warehouse(tmp_path_factory.mktemp("file") / "warehouse.duckdb") as warehouse:
        fill(warehouse, backwards=False)
        return fingerprints(warehouse)


def test_the_same_rows_in_another_order_or_store_have_the_same_fingerprints(
    warehouse: Warehouse, of_a_file: list[str]
) -> None:
    """A sum of floats once stood in one of them: after a copy into a lake all was computed anew."""
    fill(warehouse, backwards=True)

    assert fingerprints(warehouse) == of_a_file


def test_one_figure_changes_the_fingerprints_of_what_is_computed_from_it(private: Path, of_a_file: list[str]) -> None:
    changed = rows_of("raw.category_snapshots").head(1).with_columns(volume_24h_usd=pl.lit(2e16))
    with new_warehouse(private) as warehouse:
        fill(warehouse, backwards=False)
        warehouse.merge("raw.category_snapshots", changed)
        both = list(zip(fingerprints(warehouse), of_a_file, strict=True))

    readers = [1, *(4 + place for place, kind in enumerate(KINDS) if "raw.category_snapshots" in kind.tables)]
    assert [place for place, (now, before) in enumerate(both) if now != before] == readers
