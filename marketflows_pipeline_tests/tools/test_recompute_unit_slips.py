"""Slips of unit as the package finds them are those of a script that knows the text of the rule alone."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import duckdb
import polars as pl
import pytest

from marketflows_pipeline.ingest.quarantine import quarantine_unit_slips
from marketflows_pipeline.transforms.unit_slips import bitcoin_slips, cap_slips, close_slips, index_slips, share_slips
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.tools.conftest import LoadTool
from marketflows_pipeline_tests.warehouse.frames import HOUR, NOW, frame

pytestmark = pytest.mark.slow

N_SERIES, LENGTH = 60, 14
FACTORS = (1.0, 1.0, 1.0, 1.0, 1.03, 0.92, 0.5, 100, 1000, 1e6, 0.01, 0.001, 1e-6, 96, 940)


def figures(chance: random.Random, **starts: float) -> Iterator[dict[str, Any]]:
    """Rows of a series that mostly moves a little, now and then by a unit, in one figure or in all, or has none."""
    for _ in range(LENGTH):
        together = chance.choice(FACTORS[:6]) if chance.random() < 0.9 else chance.choice(FACTORS)
        row: dict[str, Any] = {}
        for name, value in starts.items():
            alone = chance.choice(FACTORS) if chance.random() < 0.15 else 1.0
            row[name] = None if chance.random() < 0.05 else value * together * alone
            if chance.random() < 0.3:
                starts[name] = value * together * alone
        yield row


@pytest.fixture(scope="module")
def made_up(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("slips") / "warehouse.duckdb"
    chance = random.Random(20261128)
    days = [NOW.date() + timedelta(days=n) for n in range(LENGTH)]
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
    for number in range(N_SERIES):
        name = f"s{number:02}"
        for at, row in enumerate(figures(chance, market_cap_usd=1e9, price_usd=2.0)):
            observed = {"coin_id": name, "ts": NOW + at * HOUR, **row}
            rows["raw.market_caps"] += [observed] if row["market_cap_usd"] else []
        for day, row in zip(days, figures(chance, close_usd=25.0, adjusted_close_usd=24.0), strict=True):
            rows["raw.daily_bars"] += [{"symbol": name, "session": day, **row}] if row["close_usd"] else []
        source = chance.choice(["ssga:navhist", "spdr_gold:archive"])
        for vintage in (1, 2):
            of_fund = figures(chance, shares=1e8, nav_usd=25.0, net_assets_usd=2.5e9)
            rows["raw.shares_outstanding"] += [
                {"symbol": name, "session": day, "vintage": vintage, "source": source, "convention": "as_traded", **row}
                for day, row in zip(days, of_fund, strict=True)
                if vintage == 1 or chance.random() < 0.2
            ]
        for day, row in zip(days, figures(chance, close=16.0), strict=True):
            rows["raw.volatility_index"] += [{"index_name": name, "session": day, **row}] if row["close"] else []
        for at, row in enumerate(figures(chance, price_usd=9e4), number * LENGTH):
            observed = {"observed_at": NOW + at * HOUR, **row}
            rows["raw.bitcoin_prices"] += [observed] if row["price_usd"] else []
    split = {"symbol": "s00", "session": days[5], "action": "split", "value": 2.0}
    rows["raw.corporate_actions"].append(split)
    with Warehouse(path) as warehouse:
        for table, of_table in rows.items():
            warehouse.merge(table, frame(table, *of_table))
        for part in ("market_caps", "cross_asset", "exchanges"):
            quarantine_unit_slips(warehouse, cast("Any", part), NOW)
    return path


TABLES = {
    "raw.market_caps": ("coin_id", "ts"),
    "raw.daily_bars": ("symbol", "session"),
    "raw.shares_outstanding": ("symbol", "session", "vintage"),
    "raw.volatility_index": ("index_name", "session"),
    "raw.corporate_actions": ("symbol", "session"),
    "raw.bitcoin_prices": ("observed_at",),
}


def by_the_package(path: Path) -> dict[str, dict[tuple[Any, ...], Any]]:
    with Warehouse(path) as warehouse:
        caps, bars, shares, values, actions, prices = (warehouse.read(name) for name in TABLES)
    found = {
        "raw.market_caps": cap_slips(caps),
        "raw.daily_bars": close_slips(bars, shares, actions),
        "raw.shares_outstanding": share_slips(shares, actions, bars),
        "raw.volatility_index": index_slips(values),
        "raw.bitcoin_prices": bitcoin_slips(prices),
    }
    return {name: _by_key(rows, TABLES[name]) for name, rows in found.items()}


def _by_key(rows: pl.DataFrame, key: tuple[str, ...]) -> dict[tuple[Any, ...], Any]:
    return dict(zip(rows.select(key).rows(), rows["released_at"], strict=True))


def test_the_package_finds_what_the_text_of_the_rule_says(made_up: Path, tool: LoadTool) -> None:
    expected = by_the_package(made_up)
    with duckdb.connect(str(made_up), read_only=True) as database:
        found = tool("recompute_unit_slips").recompute(database)
    for name, rows in expected.items():
        assert found[name] == rows, name
        borne_out = [until for until in rows.values() if until is not None]
        assert len(rows) > 30, "the made-up warehouse has slips to find"
        assert 5 < len(borne_out) < len(rows)


def test_what_is_left_out_is_what_nothing_bears_out(made_up: Path) -> None:
    expected = by_the_package(made_up)
    with Warehouse(made_up) as warehouse:
        left_out = warehouse.query("select table_name, count(*) from meta.quarantine group by all").rows()
    assert dict(left_out) == {
        name: sum(until is None for until in rows.values()) for name, rows in expected.items()
    }  # fmt: skip
