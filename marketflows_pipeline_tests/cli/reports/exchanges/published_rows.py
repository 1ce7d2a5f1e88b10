"""A small, hand-made exchange part, published: every figure that the commands answer with can be worked out by eye."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from marketflows_pipeline_tests.cli.reports.publishing import Rows, publish_copy, publish_tables
from marketflows_pipeline_tests.warehouse.frames import frame

CONFIG = "[exchanges]\ntop_n = 2\n"
NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)
OBSERVED = NOW - timedelta(minutes=30)
ASKED = NOW - timedelta(hours=10)
BTC_USD = 90_000.0


def day(number: int) -> date:
    """That day of November; below 1, of October: -10 is the 21st."""
    return date(2026, 10, 31) + timedelta(days=number)


def exchange(key: str, name: str, slug: str | None, *, tracked: bool, centralised: bool = True) -> dict[str, Any]:
    return {
        "exchange_key": key,
        "exchange_id": None if key == slug and key == "bitbank-jp" else key,
        "defillama_slug": slug,
        "name": name,
        "is_centralised": centralised,
        "is_tracked": tracked,
    }


EXCHANGES: Rows = [
    exchange("binance", "Binance", "binance-cex", tracked=True),
    exchange("gdax", "Coinbase Exchange", None, tracked=True),
    exchange("kraken", "Kraken", "kraken", tracked=True),
    exchange("okex", "OKX", "okx", tracked=False),
    exchange("uniswap_v3", "Uniswap V3", None, tracked=False, centralised=False),
    exchange("bitbank-jp", "Bitbank", "bitbank-jp", tracked=False),
    exchange("twin_a", "Twin", None, tracked=False),
    exchange("twin_b", "Twin", None, tracked=False),
]


def flow(key: str, name: str, btc: float | None, rank: int | None, **more: Any) -> dict[str, Any]:
    return {
        "exchange_id": key,
        "name": name,
        "observed_at": OBSERVED,
        "rank": rank,
        "volume_24h_btc": btc,
        "volume_24h_usd": None if btc is None else btc * BTC_USD,
        "btc_price_usd": BTC_USD,
        # All four volumes make 20,000 BTC.
        "market_share_pct": None if btc is None else btc / 200,
        "is_centralised": True,
        "is_tracked": False,
        "history_days": 60,
        **more,
    }


FLOWS: Rows = [
    flow(
        "binance",
        "Binance",
        10_000.0,
        1,
        is_tracked=True,
        volume_7d_mean_btc=8_000.0,
        volume_change_pct=25.0,
        volume_zscore=2.123456789,
        flow_direction="inflow",
        trust_score=10.0,
        trust_score_rank=1,
        trust_heuristic="inflow",
        year_established=2017,
        url="https://www.binance.com",
    ),
    flow("okex", "OKX", 5_000.0, 2, trust_score=8.0, trust_heuristic="inflow", flow_direction="stable"),
    flow("gdax", "Coinbase Exchange", 4_000.0, 3, is_tracked=True, trust_score=7.0, trust_heuristic="stable"),
    flow("uniswap_v3", "Uniswap V3", 1_000.0, 4, is_centralised=False),
    flow("kraken", "Kraken", None, None, is_tracked=True),
]

LISTING: Rows = [
    {key: row[key] for key in ("observed_at", "exchange_id", "volume_24h_btc")}
    | {"position": position, "is_full_listing": False}
    for position, row in enumerate(FLOWS, start=1)
]

VOLUMES: Rows = [
    {"exchange_id": key, "day": day(number), "ts": NOW.replace(day=number), "volume_24h_btc": btc}
    for key, of_days in {
        # Recent (500 + 600 + 700) / 3 = 600, older (100 + 200 + 300 + 400) / 4 = 250: 140 % more.
        "binance": {13 + n: 100.0 * n for n in range(1, 8)},
        # Two days: the last against the first, 50 % less.
        "gdax": {19: 800.0, 20: 400.0},
        # Long gone: no day of the last week.
        "okex": {1: 1.0, 2: 2.0, 3: 3.0},
    }.items()
    for number, btc in of_days.items()
]


def netflow(number: int, **figures: Any) -> dict[str, Any]:
    return {
        "slug": "binance-cex",
        "day": day(number),
        "exchange_key": "binance",
        "name": "Binance",
        "ts": datetime(2026, 11, number, 0, 5, tzinfo=UTC),
        "previous_day": day(number - 1),
        "reserves_usd": 10e9,
        "tvl_usd": 10e9,
        "coverage_pct": 85.0,
        "own_token_share_pct": 15.0,
        "market_share_pct": 48.0,
        **figures,
    }


NETFLOWS: Rows = [
    netflow(17, previous_day=None, reason="first record"),
    netflow(
        18,
        netflow_usd=104e6,
        price_effect_usd=-54e6,
        netflow_mid_usd=100e6,
        price_effect_mid_usd=-50e6,
        left_out_usd=10e6,
        left_out_gross_usd=10e6,
        left_out_new_usd=10e6,
        left_out_dust_usd=0.0,
        tvl_change_usd=60e6,
        identity_gap_pct=0.25,
    ),
    netflow(
        19,
        netflow_usd=-29e6,
        price_effect_usd=19e6,
        netflow_mid_usd=-30e6,
        price_effect_mid_usd=20e6,
        left_out_usd=-205e6,
        left_out_gross_usd=225e6,
        left_out_vanished_usd=-200e6,
        left_out_dust_usd=-5e6,
        tvl_change_usd=-215e6,
        identity_gap_pct=-0.5,
        largest_vanished_usd=200e6,
        largest_vanished_token="XYZ",
        largest_new_usd=3e9,
        largest_new_token="ZYX",
        coverage_before_pct=40.0,
        n_tokens_kept=40,
        n_tokens_unpriced=7,
        n_tokens_quarantined=1,
        n_tokens_rebased=1,
        n_tokens_negative=0,
    ),
    netflow(20, reason="a record without quantities"),
]

FETCHES: Rows = [
    {"dataset": dataset, "target": target, "attempted_at": at, "outcome": outcome, "rows_served": rows, "note": note}
    for dataset, target, at, outcome, rows, note in [
        ("protocol", "binance-cex", ASKED, "complete", 900, None),
        ("protocol", "binance-cex", ASKED - timedelta(days=1), "complete", 900, None),
        # By a run that did not pass: what is published does not hold it.
        ("protocol", "binance-cex", NOW + timedelta(hours=20), "complete", 900, None),
        ("protocol", "kraken", ASKED, "refused", 0, "Upgrade to the paid plan"),
        ("listing", "", ASKED, "complete", 480, None),
    ]
]

SNAPSHOTS: Rows = [
    {
        "observed_at": OBSERVED,
        "name": name,
        "slug": slug,
        "current_tvl_usd": tvl,
        "inflows_24h_usd": inflow,
        "inflows_1w_usd": None,
        "coingecko_id": key,
    }
    for name, slug, key, tvl, inflow in [
        ("Binance", "binance-cex", "binance", 10.1e9, 4_403_471.6),
        ("OKX", "okx", "okex", 5e9, -1e6),
        ("Coinbase", None, "gdax", None, None),
    ]
]


def whale(coin: str, rank: int, volume: float, **more: Any) -> dict[str, Any]:
    return {
        "coin_id": coin,
        "observed_at": OBSERVED,
        "rank": rank,
        "symbol": coin[:4].upper(),
        "name": coin.capitalize(),
        "volume_24h_usd": volume,
        "market_cap_usd": 100e6,
        "volume_to_mcap_pct": volume / 1e6,
        "is_trending": False,
        "is_unusual": True,
        "score_basis": "ratio",
        "history_days": 3,
        **more,
    }


WHALES: Rows = [
    whale(
        "pepe",
        1,
        40e6,
        is_trending=True,
        volume_zscore=3.5,
        whale_activity_score=7.0,
        score_basis="zscore",
        history_days=60,
        price_change_24h_pct=12.3,
        signal_type="accumulation",
        market_cap_rank=30,
        ratio_heuristic=8,
    ),
    whale("bonk", 3, 20e6, price_change_24h_pct=-3.0, signal_type="distribution", whale_activity_score=4.0),
    whale("tiny", 2, 900_000.0, whale_activity_score=3.0),
    whale("bitcoin", 4, 5e6, is_unusual=False, whale_activity_score=1.0, volume_zscore=0.5),
]

TVL: Rows = [
    {
        "kind": kind,
        "slug": slug,
        "observed_at": OBSERVED if kind == "cex" else ASKED,
        "rank": rank,
        "name": name,
        "exchange_key": key,
        "category": "CEX" if kind == "cex" else "Dexs",
        "tvl_usd": tvl,
        "clean_tvl_usd": None if tvl is None or kind == "dex" else 0.8 * tvl,
        "tvl_dominance_pct": share,
        "change_7d_pct": change,
        "chains": chains,
    }
    for kind, slug, rank, name, key, tvl, share, change, chains in [
        ("cex", "binance-cex", 1, "Binance", "binance", 10e9, 62.5, -2.0, "Ethereum, Bitcoin"),
        ("cex", "okx", 2, "OKX", "okex", 5e9, 31.25, 4.0, "Ethereum"),
        ("cex", "kraken", 3, "Kraken", "kraken", 1e9, 6.25, None, None),
        ("cex", "coinbase", None, "Coinbase", "gdax", None, None, None, None),
        ("dex", "uniswap-v3", 1, "Uniswap V3", "uniswap_v3", 3e9, 100.0, 0.0, "Ethereum, Base"),
    ]
]

SHARES: Rows = [
    {
        "measure": measure,
        "segment": segment,
        "day": day(number),
        "ts": OBSERVED,
        "exchange_key": key,
        "name": name,
        "rank": rank,
        "value": value,
        "share_pct": share,
    }
    for measure, segment, number, key, name, rank, value, share in [
        ("spot_volume", "all", 20, "binance", "Binance", 1, 10_000.0, 50.0),
        ("spot_volume", "all", 20, "okex", "OKX", 2, 5_000.0, 25.0),
        ("spot_volume", "all", 20, "gdax", "Coinbase Exchange", 3, 4_000.0, 20.0),
        ("spot_volume", "all", 20, "uniswap_v3", "Uniswap V3", 4, 1_000.0, 5.0),
        ("spot_volume", "all", -10, "binance", "Binance", 1, 6_000.0, 40.0),
        ("spot_volume", "all", -10, "okex", "OKX", 2, 4_000.0, 27.0),
        ("spot_volume", "all", -10, "closed", "Closed Exchange", 3, 3_000.0, 20.0),
        ("spot_volume", "all", 19, "binance", "Binance", 1, 9_000.0, 100.0),
        ("reserves", "centralised", 20, "binance", "Binance", 1, 10e9, 62.5),
        ("reserves", "centralised", 20, "okex", "OKX", 2, 5e9, 31.25),
        ("reserves", "centralised", 20, "kraken", "Kraken", 3, 1e9, 6.25),
    ]
]

MEMBERS: Rows = [
    {
        "measure": "spot_volume",
        "segment": "all",
        "exchange_key": key,
        "name": name,
        "days_measured": days,
        "days_in_window": 90,
        "coverage_pct": days / 0.9,
        "mean_share_pct": share,
        "is_member": days >= 81,
    }
    for key, name, days, share in [
        ("binance", "Binance", 90, 50.0),
        ("okex", "OKX", 85, 25.0),
        ("gdax", "Coinbase Exchange", 20, 15.0),
        ("closed", "Closed Exchange", 60, 18.0),
    ]
]

DOMINANCE: Rows = [
    {
        "measure": measure,
        "segment": segment,
        "day": of_day,
        "ts": OBSERVED,
        "n_exchanges": n,
        "top_1_dominance_pct": top_1,
        "top_3_dominance_pct": 95.0,
        "top_5_dominance_pct": 100.0,
        "hhi_index": hhi,
        "effective_exchanges": 10_000 / hhi,
        "market_concentration": label,
        "systemic_risk": risk,
        "uncovered_pct": uncovered,
        "hhi_lower_bound": lower,
        "hhi_upper_bound": upper,
        "n_fixed_exchanges": n,
        # Over the two exchanges that were measured on both days: 66.67^2 + 33.33^2, and 60^2 + 40^2 before.
        **({"n_compared": 2, "hhi_30d_ago": 5_200.0, "hhi_change_30d": 355.56} if of_day == day(20) and lower else {}),
    }
    for measure, segment, of_day, n, top_1, hhi, label, risk, uncovered, lower, upper in [
        # 50^2 + 25^2 + 20^2 + 5^2 = 3,550; with 2 % uncovered: 3,550 * 0.98^2 = 3,409.42, and 2^2 more.
        (
            "spot_volume",
            "all",
            day(20),
            4,
            50.0,
            3_550.0,
            "highly_concentrated",
            "high",
            2.0,
            3_409.42,
            3_413.42,
        ),
        ("spot_volume", "all", day(19), 1, 100.0, 10_000.0, "highly_concentrated", "high", 2.0, None, None),
        (
            "spot_volume",
            "all",
            date(2026, 10, 21),
            9,
            40.0,
            1_500.0,
            "moderately_concentrated",
            "medium",
            2.0,
            1.0,
            2.0,
        ),
        # 62.5^2 + 31.25^2 + 6.25^2 = 4,921.875
        ("reserves", "centralised", day(20), 3, 62.5, 4_921.875, "highly_concentrated", "high", None, None, None),
    ]
]

COVERAGE: Rows = [
    {"aspect": aspect, "exchange_key": key, "name": name, "is_tracked": tracked, "volume_24h_btc": btc, "reason": why}
    for aspect, key, name, tracked, btc, why in [
        ("reserves", "upbit", "Upbit", False, 300.0, "no wallets known"),
        ("reserves", "gdax", "Coinbase Exchange", True, 4_000.0, "no wallets known"),
        ("volume", "kraken", "Kraken", True, None, "not in the listing"),
        ("volume", "small", "Small", False, None, "not in the listing"),
    ]
]

EXCLUDED: Rows = [
    {"observed_at": ASKED, "category": category, "coin_id": coin}
    for category, coin in [("wrapped-tokens", "weth"), ("stablecoins", "tether"), ("stablecoins", "usd-coin")]
]
TABLES_OF_DATA: Mapping[str, Rows] = {
    "raw.exchanges": LISTING,
    "raw.trending_coins": [{"observed_at": OBSERVED, "coin_id": "pepe"}],
    "raw.excluded_coins": EXCLUDED,
    "raw.cex_snapshots": SNAPSHOTS,
    "core.exchanges": EXCHANGES,
    "core.exchange_volumes": VOLUMES,
    "mart.exchange_flows": FLOWS,
    "mart.exchange_netflow": NETFLOWS,
    "mart.whale_signals": WHALES,
    "mart.exchange_tvl": TVL,
    "mart.exchange_members": MEMBERS,
    "mart.exchange_shares": SHARES,
    "mart.exchange_dominance": DOMINANCE,
    "mart.exchange_coverage": COVERAGE,
    "meta.fetches": FETCHES,
}


def publish_exchanges(folder: Path, data: Mapping[str, Rows] = TABLES_OF_DATA) -> Path:
    """Publish some tables of the part under a folder with a config.toml."""
    if data is TABLES_OF_DATA or data.keys() != TABLES_OF_DATA.keys():
        tables = {table: frame(table, *rows) for table, rows in data.items()}
        return publish_tables(folder, "exchanges", tables, config=CONFIG, now=NOW)
    changed = {table: frame(table, *rows) for table, rows in data.items() if rows != TABLES_OF_DATA[table]}
    return publish_copy(folder, publish_exchanges, changed, config=CONFIG)
