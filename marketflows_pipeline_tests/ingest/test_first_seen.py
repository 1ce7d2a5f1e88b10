"""First-seen figures: once the day is over they are kept for good, beside what the service says later."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from marketflows_pipeline.ingest.first_seen import BALANCES, with_first_seen
from marketflows_pipeline.schema import TABLES
from marketflows_pipeline.warehouse.merging import MergeResult
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.warehouse.empty import new_warehouse

MIDNIGHT = datetime(2026, 10, 10, tzinfo=UTC)
NOON = MIDNIGHT + timedelta(hours=12)
DAY = timedelta(days=1)
FIRST = ["first_quantity", "first_value_usd", "first_seen_at"]


def balances(*rows: tuple[str, float | None, float | None], ts: datetime, fetched_at: datetime) -> pl.DataFrame:
    entry = TABLES["raw.cex_token_balances"]
    schema = {name: dtype for name, dtype in entry.polars_schema.items() if name not in entry.set_once}
    plain = pl.DataFrame(
        [("x", ts, token, quantity, value, False, fetched_at) for token, quantity, value in rows],
        schema=schema,
        orient="row",
    )
    return with_first_seen(plain, BALANCES)


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return new_warehouse(tmp_path / "private.duckdb")


@pytest.mark.parametrize(
    ("ts", "fetched_at", "is_seen"),
    [
        (MIDNIGHT, MIDNIGHT + DAY, True),
        (MIDNIGHT, MIDNIGHT + DAY - timedelta(microseconds=1), False),
        (NOON, MIDNIGHT + DAY, True),
        (NOON, NOON + timedelta(hours=11), False),
    ],
)
def test_a_figure_counts_as_first_seen_once_the_utc_day_of_its_record_is_over(
    ts: datetime, fetched_at: datetime, is_seen: bool
) -> None:
    rows = balances(("BTC", 1.0, 2.0), ts=ts, fetched_at=fetched_at)
    assert rows.select(FIRST).row(0) == ((1.0, 2.0, fetched_at) if is_seen else (None, None, None))


def test_what_was_first_seen_stays_when_the_service_revises_it(warehouse: Warehouse) -> None:
    """A wallet labelled a month later turned past net flows around, and nobody could tell what had been known then."""
    first, later = MIDNIGHT + DAY, MIDNIGHT + 30 * DAY
    warehouse.merge("raw.cex_token_balances", balances(("BTC", 1.0, 10.0), ts=MIDNIGHT, fetched_at=first))

    warehouse.merge("raw.cex_token_balances", balances(("BTC", 5.0, 60.0), ts=MIDNIGHT, fetched_at=later))

    stored = warehouse.read("raw.cex_token_balances").row(0, named=True)
    assert (stored["quantity"], stored["value_usd"], stored["fetched_at"]) == (5.0, 60.0, later)
    assert [stored[name] for name in FIRST] == [1.0, 10.0, first]


def test_a_figure_seen_on_the_open_day_is_first_seen_by_the_next_answer_even_where_it_is_the_same(
    warehouse: Warehouse,
) -> None:
    open_day, closed = NOON, MIDNIGHT + DAY + timedelta(hours=1)
    same = ("BTC", 1.0, 10.0)
    warehouse.merge("raw.cex_token_balances", balances(same, ("ETH", 7.0, 1.0), ts=MIDNIGHT, fetched_at=open_day))

    merged = warehouse.merge(
        "raw.cex_token_balances", balances(same, ("ETH", 8.0, 1.0), ts=MIDNIGHT, fetched_at=closed)
    )

    assert merged == MergeResult(inserted=0, revised=1, unchanged=1), "to fill in what was first seen is no revision"
    stored = warehouse.read("raw.cex_token_balances").sort("token")
    assert stored["first_quantity"].to_list() == [1.0, 8.0]
    assert stored["first_seen_at"].to_list() == [closed, closed]


def test_a_row_without_any_figure_is_first_seen_when_it_has_one(warehouse: Warehouse) -> None:
    first, later = MIDNIGHT + DAY, MIDNIGHT + 2 * DAY
    warehouse.merge("raw.cex_token_balances", balances(("BTC", None, None), ts=MIDNIGHT, fetched_at=first))
    warehouse.merge("raw.cex_token_balances", balances(("BTC", 3.0, None), ts=MIDNIGHT, fetched_at=later))
    warehouse.merge("raw.cex_token_balances", balances(("BTC", 3.0, 9.0), ts=MIDNIGHT, fetched_at=later + DAY))

    assert warehouse.read("raw.cex_token_balances", columns=FIRST).row(0) == (3.0, None, later)
