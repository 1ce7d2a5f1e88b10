"""Small frames of the cross-asset part that the chart tests share; every column that a picture takes, and no more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl

from marketflows_pipeline.charts.spec import SeriesStyle
from marketflows_pipeline.charts.style.theme import series_styles

# A Friday; the sessions below are the days before it, weekends or not.
LAST = date(2026, 3, 6)
TRAINED = datetime(2026, 3, 7, 6, 0, tzinfo=UTC)
ASSETS = (("SPY", "S&P 500"), ("QQQ", "Nasdaq-100"), ("GLD", "Gold (XAU)"), ("TLT", "TLT"), ("BTC", "Bitcoin"))

RANKING_SCHEMA: dict[str, Any] = {
    "window_sessions": pl.Int32,
    "symbol": pl.String,
    "name": pl.String,
    "session": pl.Date,
    "flow_method": pl.String,
    "flow_usd": pl.Float64,
    "sessions_known": pl.Int32,
    "flow_pct_of_market_cap": pl.Float64,
}
EVALUATION_SCHEMA: dict[str, Any] = {
    "model_id": pl.String,
    "variant": pl.String,
    "metric": pl.String,
    "scope": pl.String,
    "value": pl.Float64,
    "lower_95": pl.Float64,
    "upper_95": pl.Float64,
    "n": pl.Int64,
    "trained_at": pl.Datetime("us", "UTC"),
    "is_synthetic": pl.Boolean,
}


def back(days: int) -> date:
    """The day so many days before ``LAST``."""
    return LAST - timedelta(days=days)


def styles() -> tuple[SeriesStyle, ...]:
    """Styles of `ASSETS`."""
    return series_styles([(symbol, symbol) for symbol, _ in ASSETS])


def flows_frame(flows: Mapping[str, Sequence[float | None]], methods: Mapping[str, str] | None = None) -> pl.DataFrame:
    """Rows of ``core.asset_flows`` from the last flows of each symbol, up to ``LAST``.

    A flow that is not known has the method price_only. Market caps are 1,000 before each day; price effects are 10.
    """
    rows = []
    for symbol, values in flows.items():
        for ago, flow in zip(range(len(values) - 1, -1, -1), values, strict=True):
            method = (methods or {}).get(symbol, "shares") if flow is not None else "price_only"
            price = None if flow is None else 10.0
            cap, change = (None, None) if flow is None else (1010.0 + flow, 10.0 + flow)
            known = 0 if flow is None else 1
            rows.append((symbol, back(ago), method, flow, price, flow, cap, change, 100.0 + ago, known))
    schema: dict[str, Any] = {
        "symbol": pl.String,
        "session": pl.Date,
        "flow_method": pl.String,
        "flow_usd": pl.Float64,
        "price_effect_usd": pl.Float64,
        "share_effect_usd": pl.Float64,
        "market_cap_usd": pl.Float64,
        "market_cap_change_usd": pl.Float64,
        "close_usd": pl.Float64,
        "sessions_known": pl.Int32,
    }
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(
        shares=pl.lit(None, pl.Float64),
        share_lag_sessions=pl.lit(None, pl.Int32),
        gap_flow_usd=pl.lit(None, pl.Float64),
        gap_price_effect_usd=pl.lit(None, pl.Float64),
        gap_sessions=pl.lit(None, pl.Int32),
    )


def rankings_frame(
    rows: Sequence[tuple[str, str, float | None]], window: int = 5, known: int | None = None
) -> pl.DataFrame:
    """Rows of ``mart.flow_rankings`` from (symbol, method, flow); flows are out of market caps of 100 billion."""
    full = [
        (
            window,
            symbol,
            dict(ASSETS).get(symbol, symbol),
            LAST,
            method,
            flow,
            0 if flow is None else window if known is None else known,
            None if flow is None else flow / 1e9,
        )
        for symbol, method, flow in rows
    ]
    return pl.DataFrame(full, schema=RANKING_SCHEMA, orient="row")


def map_frame(
    rows: Sequence[tuple[str, str, float]], window: int = 5, *, includes_issuance: bool = False
) -> pl.DataFrame:
    """Rows of ``mart.flow_map`` from (from, to, flow)."""
    full = [(window, includes_issuance, source, target, LAST, flow) for source, target, flow in rows]
    schema: dict[str, Any] = {
        "window_sessions": pl.Int32,
        "includes_issuance": pl.Boolean,
        "from_symbol": pl.String,
        "to_symbol": pl.String,
        "session": pl.Date,
        "flow_usd": pl.Float64,
    }
    return pl.DataFrame(full, schema=schema, orient="row")


def regimes_frame(rows: Sequence[tuple[float | None, float | None, str | None]]) -> pl.DataFrame:
    """What the picture of regimes takes from (close, VIX, regime) of the last days."""
    full = [
        (back(len(rows) - 1 - place), close, vix, None if vix is None else 0.4, 1, regime)
        for place, (close, vix, regime) in enumerate(rows)
    ]
    schema: dict[str, Any] = {
        "session": pl.Date,
        "close_usd": pl.Float64,
        "vix": pl.Float64,
        "vix_percentile": pl.Float64,
        "ratio_score": pl.Int32,
        "regime": pl.String,
    }
    return pl.DataFrame(full, schema=schema, orient="row")


def correlations_frame(rows: Sequence[tuple[str, str, float | None]], window: int = 63) -> pl.DataFrame:
    """Rows of ``mart.correlations`` from (symbol, symbol, correlation)."""
    full = [(one, other, window, LAST, correlation) for one, other, correlation in rows]
    schema: dict[str, Any] = {
        "symbol_a": pl.String,
        "symbol_b": pl.String,
        "window_sessions": pl.Int32,
        "session": pl.Date,
        "correlation": pl.Float64,
    }
    return pl.DataFrame(full, schema=schema, orient="row")


def evaluation_frame(
    *,
    auc: tuple[float, float, float] = (0.507, 0.491, 0.527),
    skill: tuple[float, float, float] = (-0.004, -0.010, 0.002),
    added: tuple[float, float, float] = (0.004, -0.003, 0.012),
    assets: Mapping[str, tuple[float, float, float]] | None = None,
    target: str = "direction",
    horizon: int = 5,
    kind: str = "logistic",
    is_synthetic: bool = False,
    trained_at: datetime = TRAINED,
    placebo: tuple[float, float, float] | None = None,
) -> pl.DataFrame:
    """Rows of ``mart.model_evaluation`` of one model: what the picture and the card take."""
    own = assets if assets is not None else {"SPY": (0.48, 0.45, 0.52), "GLD": (0.53, 0.49, 0.58)}
    model_id = f"{target}_{horizon}_{kind}_{trained_at:%Y%m%dT%H%M%SZ}"
    brier, base = (0.2475, 0.2445, 0.2505), (0.2460, 0.2430, 0.2490)
    figures: list[tuple[str, str, str, tuple[float, float | None, float | None], int]] = [
        ("with_flows", "auc", "mean of assets", auc, 1000),
        ("with_flows", "date_auc", "all", auc, 1000),
        ("with_flows", "brier", "all", brier, 1000),
        ("with_flows", "brier_skill", "all", skill, 1000),
        ("with_flows", "ece", "all", (0.012, None, None), 1000),
        ("with_flows", "ablation_auc", "mean of assets", added, 1000),
        ("with_flows", "ablation_date_auc", "all", added, 1000),
        ("base_rate", "brier", "all", base, 1000),
        ("always_up", "brier", "all", (0.439, 0.43, 0.45), 1000),
        *(("with_flows", "auc", symbol, values, 500) for symbol, values in own.items()),
    ]
    if placebo is not None:
        figures += [
            ("placebo", "auc", "mean of assets", placebo, 39),
            ("placebo", "date_auc", "all", placebo, 39),
            ("placebo", "brier_skill", "all", (-0.001, -0.002, 0.001), 39),
        ]
    for place in range(10):
        middle = 0.47 + 0.02 * place
        scope = f"bin {place + 1:02d}"
        figures += [
            ("with_flows", "reliability", scope, (0.55, 0.52, 0.58), 100),
            ("with_flows", "reliability_predicted", scope, (middle, middle - 0.01, middle + 0.01), 100),
        ]
    rows = [
        (model_id, variant, metric, scope, *values, n, trained_at, is_synthetic)
        for variant, metric, scope, values, n in figures
    ]
    return pl.DataFrame(rows, schema=EVALUATION_SCHEMA, orient="row")


def all_records(vega_lite: dict[str, Any], *fields: str) -> list[dict[str, Any]]:
    """All inline records of a chart that have some fields."""
    return [
        record
        for records in vega_lite["datasets"].values()
        if isinstance(records, list)
        for record in records
        if set(fields) <= set(record)
    ]
