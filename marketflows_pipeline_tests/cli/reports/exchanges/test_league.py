"""What `exchange-netflow --all` answers, and what `exchange-netflow` says by class of asset."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline_tests.cli.asking import ask, fault, invoke
from marketflows_pipeline_tests.cli.reports.exchanges.published_rows import (
    OBSERVED,
    TABLES_OF_DATA,
    day,
    publish_exchanges,
)
from marketflows_pipeline_tests.cli.reports.publishing import Rows

pytestmark = pytest.mark.usefixtures("clock")


def place(key: str, days: int, flow: float | None, inflow: float | None, **more: Any) -> dict[str, Any]:
    return {
        "period_days": days,
        "exchange_key": key,
        "slug": f"{key}-cex",
        "name": key.capitalize(),
        "is_tracked": True,
        "days_known": 0 if flow is None else days,
        "netflow_mid_usd": flow,
        "observed_at": OBSERVED,
        "defillama_inflow_usd": inflow,
        "signs_differ": None if flow is None or inflow is None else flow * inflow < 0,
        "reason": None if flow is not None else "not tracked",
        **more,
    }


LEAGUE: Rows = [
    place("binance", 7, 70e6, -9e6, rank=1, days_known=2),
    place("kraken", 7, -30e6, -5e6, rank=2),
    place("bitget", 7, None, 4e6, is_tracked=False),
    place("gdax", 7, None, None, reason="DefiLlama knows no wallets of it"),
    place("binance", 30, 1e6, 2e6, rank=1),
]
CLASSES: Rows = [
    {
        "slug": slug,
        "day": day(number),
        "previous_day": day(before),
        "asset_class": name,
        "netflow_mid_usd": flow,
        "netflow_units": units,
        "reserves_usd": held,
    }
    for slug, before, number, name, flow, units, held in [
        ("binance-cex", 19, 20, "btc", 90e6, 1_000.0, 900e6),
        ("binance-cex", 18, 19, "btc", -9e6, -100.0, 800e6),
        ("binance-cex", 19, 20, "stablecoins", -20e6, -20e6, 300e6),
        ("kraken", 19, 20, "btc", 1e6, 10.0, 100e6),
        # Longer ago than seven days.
        ("kraken", 12, 13, "btc", 500e6, 5_000.0, 100e6),
        # Of days before the seven, too.
        ("binance-cex", 12, 18, "btc", 300e6, 3_000.0, 800e6),
    ]
]
POSITIONS: Rows = [
    {
        "exchange_key": "binance",
        "name": "Binance",
        "observed_at": OBSERVED,
        "open_interest_usd": 20e9,
        "leverage": 0.25,
        "derivatives_of_volume_pct": 80.0,
        "stablecoin_reserves_usd": 300e6,
    }
]
TABLES = {
    **TABLES_OF_DATA,
    "mart.exchange_league": LEAGUE,
    "mart.exchange_netflow_by_class": CLASSES,
    "mart.exchange_positions": POSITIONS,
}


@pytest.fixture(scope="module")
def league(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("league")
    publish_exchanges(made, TABLES)
    return made


@pytest.mark.slow
def test_exchanges_stand_by_net_flow_beside_defillamas_figure(league: Path) -> None:
    body = ask(league, "exchange-netflow --all")
    assert [(row["exchange_id"], row["netflow_mid_usd"], row["signs_differ"]) for row in body["exchanges"]] == [
        ("binance", 70e6, True),
        ("kraken", -30e6, False),
        ("gdax", None, None),
        ("bitget", None, None),
    ]
    assert body["days"] == 7
    assert [row["exchange_id"] for row in ask(league, "exchange-netflow --all --days 30")["exchanges"]] == ["binance"]


def test_totals_and_classes_are_over_all_exchanges(league: Path) -> None:
    body = ask(league, "exchange-netflow --all")
    assert body["totals"]["netflow"]["net_usd"] == 40e6
    assert body["totals"]["defillama"]["total_in_usd"] == 4e6
    assert (body["totals"]["n_compared"], body["totals"]["n_signs_differ"]) == (2, 1)
    btc, stablecoins = body["by_class"]
    assert (btc["netflow_mid_usd"], btc["netflow_units"], btc["reserves_usd"]) == (82e6, 910.0, 1_000e6)
    assert (stablecoins["netflow_mid_usd"], stablecoins["n_exchanges"]) == (-20e6, 1)


def test_open_interest_leverage_and_stablecoins_stand_beside(league: Path) -> None:
    binance, kraken = ask(league, "exchange-netflow --all")["exchanges"][:2]
    assert (binance["open_interest_usd"], binance["leverage"], binance["stablecoin_reserves_usd"]) == (
        20e9,
        0.25,
        300e6,
    )
    assert kraken["open_interest_usd"] is None


@pytest.mark.slow
def test_what_is_not_known_is_named_with_the_reason(league: Path) -> None:
    coverage = ask(league, "exchange-netflow --all")["coverage"]
    assert [row["exchange_id"] for row in coverage["tracked_without_netflow"]] == ["gdax"]
    assert [(row["exchange_id"], row["days_known"]) for row in coverage["partly_known"]] == [("binance", 2)]
    text = invoke(league, "exchange-netflow --all --format table").stdout
    assert "Gdax (DefiLlama knows no wallets of it)" in text
    assert "Of 7 days known: Binance 2." in text


def test_csv_is_the_league(league: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(invoke(league, "exchange-netflow --all --format csv").stdout)))
    assert rows[0]["exchange_id"] == "binance"
    assert rows[0]["signs_differ"] == "true"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("exchange-netflow", "Missing argument 'EXCHANGE_ID', or --all"),
        ("exchange-netflow binance --all", "leave 'binance' out"),
        ("exchange-netflow --all 7", "days are given by --days"),
        ("exchange-netflow --all --days 3", "expected one of 1, 7, 30"),
    ],
)
def test_one_exchange_or_all_of_them_over_days_that_there_are(league: Path, line: str, said: str) -> None:
    result = invoke(league, line)
    assert result.exit_code == 2
    assert said in result.output


@pytest.mark.slow
def test_one_exchange_has_its_classes_too(league: Path) -> None:
    body = ask(league, "exchange-netflow binance 7")
    assert [(row["asset_class"], row["netflow_mid_usd"]) for row in body["by_class"]] == [
        ("btc", 81e6),
        ("stablecoins", -20e6),
    ]
    assert "By class: btc 81.0 M USD (900 BTC)" in invoke(league, "exchange-netflow binance 7 --format table").stdout
    assert ask(league, "exchange-netflow gdax")["by_class"] == []


def test_an_old_overview_or_old_records_are_stale(league: Path, clock: FixedClock) -> None:
    assert ask(league, "exchange-netflow --all")["stale"] is False
    clock.sleep(timedelta(hours=2).total_seconds())
    assert ask(league, "exchange-netflow --all")["stale"] is True


def test_before_the_first_fetch_the_command_that_fetches_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[exchanges]\n")
    assert "exchange-netflow --all --refresh" in str(fault(tmp_path, "exchange-netflow --all"))
