"""A private file of an older version goes on: what was stored stays, new columns are null for it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.warehouse.frames import NOW, frame

THEN = "timestamptz '2026-10-01 12:05:00+00'"

# The tables as they were made before these columns, each with one row.
OLDER = {
    "raw.narrative_members": (
        "observed_at timestamptz not null, narrative varchar not null, coin_id varchar not null, "
        "rank integer not null, market_cap_usd double",
        f"{THEN}, 'ai', 'near', 1, 2.5",
    ),
    "raw.cohort_members": (
        "observed_at timestamptz not null, coin_id varchar not null, rank integer not null, "
        "market_cap_usd double not null",
        f"{THEN}, 'near', 1, 2.5",
    ),
    "raw.exchange_volumes": (
        "exchange_id varchar not null, ts timestamptz not null, volume_24h_btc double not null, "
        "source varchar not null, fetched_at timestamptz not null",
        f"'gdax', {THEN}, 3.5, 'coingecko:volume_chart', {THEN}",
    ),
    "raw.cex_token_balances": (
        "slug varchar not null, ts timestamptz not null, token varchar not null, quantity double, value_usd double, "
        "is_now boolean not null, fetched_at timestamptz not null",
        f"'okx', {THEN}, 'BTC', 4.5, 5.5, false, {THEN}",
    ),
}
ADDED: dict[str, dict[str, Any]] = {
    "raw.narrative_members": {
        "price_usd": 1.5,
        "circulating_supply": 9.0,
        "price_change_24h_pct": -1.0,
        "price_change_7d_pct": None,
        "price_change_30d_pct": 3.0,
        "is_reserve": True,
        "is_excluded": False,
        "is_full_page": True,
    },
    "raw.cohort_members": {
        "price_usd": 1.5,
        "circulating_supply": 9.0,
        "price_change_24h_pct": -1.0,
        "price_change_7d_pct": 2.0,
        "price_change_30d_pct": None,
    },
    "raw.exchange_volumes": {"first_volume_24h_btc": 1.0, "first_seen_at": NOW},
    "raw.cex_token_balances": {"first_quantity": 1.0, "first_value_usd": 2.0, "first_seen_at": NOW},
}


@pytest.fixture
def older_file(tmp_path: Path) -> Path:
    path = tmp_path / "private.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema raw")
        for name, (columns, row) in OLDER.items():
            connection.execute(f"create table {name} ({columns})")
            connection.execute(f"insert into {name} values ({row})")
    return path


@pytest.mark.slow
@pytest.mark.parametrize("name", OLDER)
def test_an_older_table_keeps_its_rows_and_takes_new_ones(older_file: Path, name: str) -> None:
    with Warehouse(older_file) as warehouse:
        (old,) = warehouse.read(name).iter_rows(named=True)
        assert {column: old[column] for column in ADDED[name]} == dict.fromkeys(ADDED[name])
        warehouse.merge(name, frame(name, ADDED[name]))

        rows = warehouse.read(name).to_dicts()
        assert old in rows
        (new,) = (row for row in rows if row != old)
        assert {column: new[column] for column in ADDED[name]} == ADDED[name]


def test_tables_that_an_older_file_lacks_are_made_empty(older_file: Path) -> None:
    with Warehouse(older_file) as warehouse:
        assert {"raw.category_snapshots", "meta.revisions"} <= warehouse.tables()
        assert warehouse.read("raw.category_snapshots").is_empty()


@pytest.mark.slow
def test_members_stored_by_an_older_version_are_members(older_file: Path) -> None:
    with Warehouse(older_file) as warehouse:
        followed = warehouse.read("raw.narrative_members", where="is_reserve is not true")
    assert followed["coin_id"].to_list() == ["near"]
    assert followed["observed_at"].to_list() == [datetime(2026, 10, 1, 12, 5, tzinfo=UTC)]
