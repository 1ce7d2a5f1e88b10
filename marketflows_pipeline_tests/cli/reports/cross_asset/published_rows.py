"""A small, hand-made cross-asset part, published: every figure of an answer can be worked out by eye."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from marketflows_pipeline.schema import tables_of
from marketflows_pipeline.transforms.cross_asset.flow_map import flow_map
from marketflows_pipeline.transforms.cross_asset.flow_rankings import flow_rankings
from marketflows_pipeline_tests.cli.reports.publishing import Rows, publish_copy, publish_tables
from marketflows_pipeline_tests.warehouse.frames import frame

# A Friday, before its close.
NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)
FETCHED = datetime(2026, 11, 19, 22, 30, tzinfo=UTC)
TRAINED = datetime(2026, 11, 15, 3, tzinfo=UTC)
EARLIER = datetime(2026, 1, 1, 3, tzinfo=UTC)

CONFIG = "[cross_asset]\nratio_pairs = []\n" + "".join(
    f'[[cross_asset.universe]]\nsymbol = "{symbol}"\nname = "{name}"\nclass = "{kind}"\nprovider_symbol = "{symbol}"\n'
    f'share_source = "{source}"\nshare_id = "{share_id}"\n'
    for symbol, name, kind, source, share_id in [
        ("SPY", "S&P 500", "equity", "ssga", "spy"),
        ("QQQ", "Nasdaq-100", "equity", "none", ""),
        ("GLD", "Gold (XAU)", "metal", "spdr_gold", "gld"),
        ("TLT", "Treasury bonds", "bond", "blackrock", "239454"),
        ("IBIT", "Bitcoin fund", "crypto", "blackrock", "333011"),
        ("BTC", "Bitcoin", "crypto", "supply", "bitcoin"),
        ("SLV", "Silver (XAG)", "metal", "blackrock", "239855"),
    ]
)
NAMES = {
    "SPY": "S&P 500",
    "QQQ": "Nasdaq-100",
    "GLD": "Gold (XAU)",
    "TLT": "Treasury bonds",
    "IBIT": "Bitcoin fund",
    "BTC": "Bitcoin",
}


def day(number: int) -> date:
    return date(2026, 11, number)


# Thursday, Friday, Monday to Thursday; three sessions back reach to the 17th, against the 16th.
SESSIONS = [12, 13, 16, 17, 18, 19]

# Million USD of each session; the first has none to be compared with.
FLOWS_OF: dict[str, tuple[str, str, list[float | None]]] = {
    "SPY": ("equity", "shares", [None, 5.0, -100.0, -200.0, 50.0, -50.0]),
    "QQQ": ("equity", "price_only", [None] * 6),
    "GLD": ("metal", "shares", [None, 10.0, 20.0, 60.0, 30.0, 30.0]),
    # The issuer has not published the newest session.
    "TLT": ("bond", "shares", [None, 10.0, 10.0, 30.0, 10.0, None]),
    "IBIT": ("crypto", "aum", [None, 0.0, 0.0, -50.0, 0.0, 0.0]),
    "BTC": ("crypto", "supply", [None, 1.0, 1.0, 10.0, 15.0, 15.0]),
}
CLOSES = {"SPY": [100.0, 100.0, 100.0, 100.0, 98.0, 99.0], "QQQ": [50.0, 50.0, 40.0, 40.0, 40.0, 42.0]}
CAPS = {"SPY": [10e9, 10e9, 10e9, 9.8e9, 9.8e9, 9.7e9]}
PRICE_EFFECTS = {"SPY": [None, 0.0, 0.0, -40e6, -30e6, -30e6]}

FLOWS: Rows = [
    {
        "symbol": symbol,
        "session": day(number),
        "asset_class": asset_class,
        "previous_session": day(SESSIONS[place - 1]) if place else None,
        "close_usd": CLOSES.get(symbol, [10.0] * 6)[place],
        "market_cap_usd": CAPS[symbol][place] if symbol in CAPS else None,
        "price_effect_usd": PRICE_EFFECTS[symbol][place] if symbol in PRICE_EFFECTS else None,
        "flow_usd": None if flow is None else flow * 1e6,
        "flow_method": "price_only" if flow is None else method,
        "is_supply_revision": False,
        "is_large_creation": False,
    }
    for symbol, (asset_class, method, flows) in FLOWS_OF.items()
    for place, (number, flow) in enumerate(zip(SESSIONS, flows, strict=True))
]


def raw(source: str, **columns: Any) -> dict[str, Any]:
    return {"session": day(19), "source": source, "fetched_at": FETCHED, **columns}


BARS: Rows = [raw("yahoo:chart", symbol=symbol, volume_unit="shares") for symbol in FLOWS_OF]
SHARES: Rows = [
    raw("ssga:navhist", symbol="SPY"),
    raw("spdr_gold:archive", symbol="GLD"),
    raw("blackrock:historical", symbol="TLT"),
    raw("blackrock:historical", symbol="IBIT"),
]
VOLATILITY: Rows = [raw("cboe:daily_prices", index_name=name, close=20.0) for name in ("VIX", "VIX3M")]

# Coin, its first day, and million USD of each day from there on.
ISSUED: list[tuple[str, int, list[float | None]]] = [
    # The 17th to the 19th: 100 + unknown + 50. Today and the 16th are outside of three sessions.
    ("tether", 16, [500.0, 100.0, None, 50.0, 999.0]),
    ("usd-coin", 17, [-20.0, -30.0, 0.0]),
]
STABLECOINS: Rows = [
    {"coin_id": coin, "day": day(first + step), "supply": 1e9, "issuance_usd": None if usd is None else usd * 1e6}
    for coin, first, issued in ISSUED
    for step, usd in enumerate(issued)
]

REGIMES: Rows = [
    {
        "session": day(number),
        "regime": regime,
        "vix": vix,
        "vix_percentile": None if vix is None else 0.9,
        "term_structure": None if vix is None else vix / 20,
        "is_backwardation": None if vix is None else vix > 20,
        "vix_regime": regime,
        "ratio_score": -2,
        "ratio_pairs_known": 3,
        "ratio_regime": "risk_off",
    }
    for number, regime, vix in [
        (12, None, None),
        (13, "mixed", 18.0),
        (16, "mixed", 19.0),
        (17, "risk_off", 25.0),
        (18, "risk_off", 30.0),
        (19, "risk_off", 24.0),
    ]
]

MODEL = "direction_5_logistic_20261115T030000Z"
LONG_MODEL = "direction_20_logistic_20261115T030000Z"
RANK_MODEL = "rank_20_logistic_20261115T030000Z"


def evaluated(
    variant: str, metric: str, scope: str, value: float, bounds: tuple[float, float] | None = None, **columns: Any
) -> dict[str, Any]:
    lower, upper = bounds or (None, None)
    return {
        "model_id": MODEL,
        "variant": variant,
        "metric": metric,
        "scope": scope,
        "value": value,
        "lower_95": lower,
        "upper_95": upper,
        "n": 5_000,
        "trained_at": TRAINED,
        "is_synthetic": False,
        **columns,
    }


EVALUATION: Rows = [
    evaluated("with_flows", "auc", "mean of assets", 0.507, (0.491, 0.527)),
    evaluated("with_flows", "auc", "SPY", 0.51, (0.48, 0.54), n=1_000),
    evaluated("with_flows", "auc", "GLD", 0.49, (0.46, 0.52), n=1_000),
    evaluated("with_flows", "date_auc", "all", 0.503, (0.489, 0.517)),
    evaluated("with_flows", "brier", "all", 0.2475),
    evaluated("with_flows", "brier_skill", "all", -0.006, (-0.01, -0.002)),
    evaluated("with_flows", "log_loss", "all", 0.69),
    evaluated("with_flows", "accuracy", "all", 0.55),
    evaluated("with_flows", "ece", "all", 0.02),
    evaluated("with_flows", "pooled_auc", "all", 0.52, (0.5, 0.54)),
    evaluated("with_flows", "ablation_auc", "mean of assets", 0.002, (-0.004, 0.008)),
    evaluated("with_flows", "ablation_date_auc", "all", 0.001, (-0.01, 0.01)),
    evaluated("with_flows", "ablation_brier", "all", -0.0001, (-0.001, 0.001)),
    evaluated("with_flows", "reliability", "bin 02", 0.6, (0.55, 0.65), n=2_500),
    evaluated("with_flows", "reliability_predicted", "bin 02", 0.62, n=2_500),
    evaluated("with_flows", "reliability", "bin 01", 0.52, (0.47, 0.57), n=2_500),
    evaluated("with_flows", "reliability_predicted", "bin 01", 0.5, n=2_500),
    evaluated("without_flows", "auc", "mean of assets", 0.505, (0.49, 0.52)),
    evaluated("without_flows", "brier", "all", 0.2474),
    evaluated("base_rate", "brier", "all", 0.246),
    evaluated("always_up", "brier", "all", 0.44),
    # An older model of the same kind, and a newer one of another.
    evaluated("with_flows", "brier", "all", 0.1, model_id="direction_5_logistic_20260101T030000Z", trained_at=EARLIER),
    evaluated("with_flows", "brier", "all", 0.25, model_id=RANK_MODEL),
]


def scored(symbol: str, probability: float, **columns: Any) -> dict[str, Any]:
    return {
        "model_id": MODEL,
        "session": day(19),
        "symbol": symbol,
        "horizon": 5,
        "target": "direction",
        "probability": probability,
        "bin_lower_95": 0.55,
        "bin_upper_95": 0.65,
        "base_rate": 0.56,
        "verdict": "no evidence of edge over the base rate: as before",
        "scored_at": FETCHED,
        "is_synthetic": False,
        **columns,
    }


SCORES: Rows = [
    scored("SPY", 0.61),
    scored("GLD", 0.58, verdict="no evidence of edge over the base rate: another"),
    # Its newest session is the one before.
    scored("BTC", 0.5, session=day(18)),
    scored("SPY", 0.99, session=day(12), scored_at=FETCHED - timedelta(days=7)),
    scored("SPY", 0.98, model_id="direction_5_logistic_20260101T030000Z", scored_at=FETCHED - timedelta(days=9)),
    scored("SPY", 0.45, model_id=LONG_MODEL, horizon=20, scored_at=FETCHED - timedelta(hours=1)),
    scored("SPY", 0.4, model_id=RANK_MODEL, horizon=20, target="rank"),
]

WINDOWS = (1, 3, 5)


def traded(flows: Rows) -> Rows:
    """Rows of core.asset_flows whose counts are about their own session, where a row does not say otherwise."""
    return [
        {
            "trade_session": row["session"],
            "trade_flow_usd": row["flow_usd"],
            "trade_gap_flow_usd": row.get("gap_flow_usd"),
            **row,
        }
        for row in flows
    ]


def rankings(flows: Rows, windows: tuple[int, ...] = WINDOWS) -> pl.DataFrame:
    """What the pipeline makes of these flows."""
    names = pl.DataFrame({"symbol": list(NAMES), "name": list(NAMES.values())})
    return flow_rankings(frame("core.asset_flows", *traded(flows)), names, windows)


def flow_maps(flows: Rows, windows: tuple[int, ...] = WINDOWS) -> pl.DataFrame:
    """The pipeline's attribution, with and without issuance."""
    ranked = rankings(flows, windows)
    return pl.concat([flow_map(ranked, include_issuance=counts) for counts in (False, True)])


TABLES_OF_DATA: Mapping[str, Rows] = {
    "raw.daily_bars": BARS,
    "raw.shares_outstanding": SHARES,
    "raw.volatility_index": VOLATILITY,
    "core.asset_flows": FLOWS,
    "core.stablecoin_issuance": STABLECOINS,
    "mart.flow_rankings": rankings(FLOWS).to_dicts(),
    "mart.regimes": REGIMES,
    "mart.model_evaluation": EVALUATION,
    "mart.model_scores": SCORES,
}


def publish_market(folder: Path, data: Mapping[str, Rows] = TABLES_OF_DATA) -> Path:
    """Publish all tables of the part under a folder with a config.toml; those that are left out are empty."""
    if data is TABLES_OF_DATA:
        return publish_tables(folder, "cross_asset", _frames(data), config=CONFIG, now=NOW)
    changed = {name for name in {*TABLES_OF_DATA, *data} if data.get(name) != TABLES_OF_DATA.get(name)}
    frames = {name: rows for name, rows in _frames(data).items() if name in changed}
    return publish_copy(folder, publish_market, frames, config=CONFIG)


def _frames(data: Mapping[str, Rows]) -> dict[str, pl.DataFrame]:
    data = {**data, "core.asset_flows": traded(data.get("core.asset_flows", []))}
    return {
        entry.name: frame(entry.name, *data[entry.name]) if data.get(entry.name) else entry.empty()
        for entry in tables_of("cross_asset")
    }
