"""What the scripts of tools/ recompute from raw tables is what the package computes, and a wrong figure is found."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from marketflows_pipeline.ingest.exchanges.reserve_quarantine import BALANCES, quarantine_price_jumps
from marketflows_pipeline.transforms.exchanges.dominance import exchange_dominance, exchange_shares
from marketflows_pipeline.transforms.exchanges.first_seen_flows import with_first_seen_netflow
from marketflows_pipeline.transforms.exchanges.market_values import market_values
from marketflows_pipeline.transforms.exchanges.members import exchange_members
from marketflows_pipeline.transforms.exchanges.netflow import exchange_netflow
from marketflows_pipeline.transforms.exchanges.token_flows import token_flows
from marketflows_pipeline.transforms.exchanges.volumes import daily_volumes
from marketflows_pipeline.warehouse.quarantine import active_rows
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.tools.conftest import LoadTool
from marketflows_pipeline_tests.transforms.exchanges.frames import snapshot_of
from marketflows_pipeline_tests.transforms.exchanges.test_dominance import NOTHING_UNCOVERED, THRESHOLDS
from marketflows_pipeline_tests.transforms.exchanges.test_netflow import SHARES, SNAPSHOTS
from marketflows_pipeline_tests.transforms.exchanges.wallets import tvl_of
from marketflows_pipeline_tests.warehouse.frames import NOW, caps, frame

pytestmark = pytest.mark.slow

DAY = timedelta(days=1)
MIDNIGHT = NOW.replace(hour=0)
Path5 = list[tuple[float, float] | None]
# What each exchange holds: token to quantity and price of five days, None where it does not have it.
HELD: dict[str, dict[str, Path5]] = {
    "okx": {
        "BTC": [(1_000, 1e5), (1_111, 9e4), (1_112, 9e4), (1_112, 9e4), (1_000, 8e4)],
        # Renamed, redenominated, wrong for a day, fallen as the market did, the exchange's own, new, gone.
        "MATIC": [(5e7, 0.5), None, None, None, None],
        "POL": [None, (5e7, 0.5), (6e7, 0.5), (6e7, 0.6), (6e7, 0.6)],
        "OLD": [(1e6, 50), (1e9, 0.051), (1e9, 0.05), (1e9, 0.05), None],
        "ODD": [(1e6, 3), (1e6, 3), (1.1e6, 300), (1.1e6, 3), (1.1e6, 3)],
        "BAD": [(1e7, 1), (1e7, 0.05), (9e6, 0.05), (9e6, 0.05), (9e6, 0.06)],
        "OKB": [(1e6, 9), (9e5, 9), (1e3, 9), (1e3, 9), (2e3, 9)],
        "TRX": [None, None, None, None, (1e7, 0.3)],
    },
    "kraken": {
        "BTC": [(500 + 9 * n, 1e5 - 5e3 * n) for n in range(5)],
        "USDC": [(1e7, 1.0 + n / 1e4) for n in range(5)],
    },
    "gate": {
        "BTC": [(90 + n, 1e5 - 5e3 * n) for n in range(5)],
        "USDC": [None if n == 2 else (1e6, 1.0 + n / 1e4) for n in range(5)],
        "USDC.e": [(1e6, 1.0) if n == 2 else None for n in range(5)],
    },
}
EXCHANGES = [
    {"exchange_key": key, "exchange_id": key, "defillama_slug": key, "name": key, "is_tracked": is_tracked}
    | {"own_tokens": "OKB" if key == "okx" else None, "is_centralised": None, "mapped_by": "cexs"}
    for key, is_tracked in (("okx", True), ("kraken", True), ("gate", True), ("new", True), ("small", False))
]


def store_balances(warehouse: Warehouse) -> None:
    rows = (
        {"slug": slug, "ts": MIDNIGHT - (5 - n) * DAY, "token": token, "is_now": False, "fetched_at": NOW}
        | {"quantity": holding[0], "value_usd": holding[0] * holding[1]}
        for slug, tokens in HELD.items()
        for token, path in tokens.items()
        for n, holding in enumerate(path)
        if holding is not None
    )
    warehouse.merge(BALANCES, frame(BALANCES, *rows))
    warehouse.merge("raw.coins", frame("raw.coins", {"coin_id": "bad-coin", "symbol": "bad"}))
    for n, price in enumerate((1.0, 0.05, 0.05, 0.05, 0.06)):
        moment = MIDNIGHT - (5 - n) * DAY
        warehouse.merge("raw.market_caps", caps(("bad-coin", moment, 1e8), price_usd=price))


def store_volumes(warehouse: Warehouse) -> None:
    """okx and kraken for 60 days, gate with two gaps, new for 9 days, small on the last ones; the list for 40 days."""
    missing = {"okx": {3}, "kraken": set(), "gate": {7, 40}}
    spans = {"okx": 60, "kraken": 60, "gate": 60, "new": 9, "small": 35}
    points: list[dict[str, Any]] = [
        {"exchange_id": key, "ts": NOW - ago * DAY, "volume_24h_btc": 100.0 * size + 7 * ago % 13, "source": "x:chart"}
        for size, (key, days) in enumerate(spans.items(), 1)
        for ago in range(days)
        if ago not in missing.get(key, set())
    ]
    charts = [point for point in points if point["exchange_id"] != "small"]
    listed = [
        {"exchange_id": point["exchange_id"], "observed_at": point["ts"], "volume_24h_btc": point["volume_24h_btc"] + 1}
        for point in points
        if point["ts"] > NOW - 40 * DAY
    ]
    warehouse.merge("raw.exchange_volumes", frame("raw.exchange_volumes", *charts))
    warehouse.merge("raw.exchanges", frame("raw.exchanges", *listed))


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse whose raw tables are made up, and whose tables are the package's."""
    path = tmp_path_factory.mktemp("recompute") / "warehouse.duckdb"
    with Warehouse(path) as warehouse:
        store_balances(warehouse)
        store_volumes(warehouse)
        exchanges = frame("core.exchanges", *EXCHANGES)
        warehouse.replace("core.exchanges", exchanges)
        quarantine_price_jumps(warehouse, NOW, NOW)
        quarantined = active_rows(warehouse, BALANCES)
        assert quarantined["token"].to_list() == ["ODD"], "one price of one day is at fault"
        balances = warehouse.accepted(BALANCES)
        own = exchanges.select("own_tokens", slug="defillama_slug")
        flows = token_flows(balances, own, quarantined)
        netflow = exchange_netflow(flows, tvl_of({}), exchanges, SHARES, SNAPSHOTS)
        netflow = with_first_seen_netflow(netflow, balances, own, quarantined)
        warehouse.replace("mart.exchange_netflow", netflow.select(frame("mart.exchange_netflow", {}).columns))
        listed = warehouse.accepted("raw.exchanges").rename({"observed_at": "ts"})
        prices = pl.DataFrame(schema={"ts": pl.Datetime("us", "UTC"), "price_usd": pl.Float64})
        charts = warehouse.accepted("raw.exchange_volumes")
        volumes = daily_volumes(charts, listed.with_columns(source=pl.lit("x:exchanges")), prices)
        shares = exchange_shares(volumes, exchanges, snapshot_of())
        warehouse.replace("mart.exchange_members", exchange_members(market_values(volumes, exchanges, snapshot_of())))
        warehouse.replace("mart.exchange_shares", shares)
        warehouse.replace("mart.exchange_dominance", exchange_dominance(shares, NOTHING_UNCOVERED, THRESHOLDS))
    return path


@pytest.mark.parametrize("script", ["recompute_exchange_netflow", "recompute_market_shares"])
def test_every_figure_is_as_recomputed(tool: LoadTool, file: Path, script: str) -> None:
    """Names, bases, faulty prices and mean prices of reserves; members, shares and changes of a market."""
    assert tool(script).compare(str(file)) == []


WRONG: list[tuple[str, str, str]] = [
    ("recompute_exchange_netflow", "update mart.exchange_netflow set netflow_mid_usd = netflow_usd", "netflow_mid_usd"),
    ("recompute_exchange_netflow", "update meta.quarantine set released_at = added_at", "left out by one side only"),
    ("recompute_market_shares", "update mart.exchange_dominance set hhi_change_30d = hhi_change_30d - 1", "hhi_change"),
    ("recompute_market_shares", "update mart.exchange_members set is_member = true", "is_member"),
    ("recompute_market_shares", "delete from mart.exchange_shares where exchange_key = 'kraken'", "not in the file"),
]


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_figure_is_found(tool: LoadTool, file: Path, tmp_path: Path, wrong: tuple[str, str, str]) -> None:
    """A script that agrees with everything proves nothing."""
    script, fault, named = wrong
    copy = tmp_path / "copy.duckdb"
    copy.write_bytes(file.read_bytes())
    with Warehouse(copy) as warehouse:
        warehouse.execute(fault)
    lines: Any = tool(script).compare(str(copy))
    assert lines
    assert named in lines[0]
