"""Small frames of the exchange part that the chart tests share; every column that a picture takes, and no more."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import polars as pl

TODAY = date(2026, 3, 5)
NOW = datetime(2026, 3, 5, 14, 5, tzinfo=UTC)
_TIME = pl.Datetime("us", "UTC")

WHALE_SCHEMA: dict[str, Any] = {
    "symbol": pl.String,
    "rank": pl.Int64,
    "observed_at": _TIME,
    "volume_to_mcap_pct": pl.Float64,
    "price_change_24h_pct": pl.Float64,
    "volume_24h_usd": pl.Float64,
    "is_unusual": pl.Boolean,
    "signal_type": pl.String,
}
TVL_SCHEMA: dict[str, Any] = {
    "kind": pl.String,
    "slug": pl.String,
    "name": pl.String,
    "rank": pl.Int64,
    "observed_at": _TIME,
    "tvl_usd": pl.Float64,
    "clean_tvl_usd": pl.Float64,
    "tvl_dominance_pct": pl.Float64,
    "change_7d_pct": pl.Float64,
}


def back(days: int) -> date:
    """The day so many days before ``TODAY``."""
    return TODAY - timedelta(days=days)


def netflow_frame(
    rows: Sequence[tuple[int, float | None, float | None]], slug: str = "binance-cex", name: str = "Binance"
) -> pl.DataFrame:
    """Rows of ``mart.exchange_netflow`` from (days back, reserves, net flow), the earliest first."""
    days = [back(ago) for ago, _, _ in rows]
    return pl.DataFrame(
        {
            "slug": [slug] * len(rows),
            "name": [name] * len(rows),
            "day": days,
            "ts": [_midnight(day) for day in days],
            "previous_day": [None, *days[:-1]] if days else [],
            "reserves_usd": [reserves for _, reserves, _ in rows],
            "netflow_mid_usd": [flow for _, _, flow in rows],
            "own_token_share_pct": [15.04] * len(rows),
            "coverage_pct": [98.0] * len(rows),
        },
        schema={
            "slug": pl.String,
            "name": pl.String,
            "day": pl.Date,
            "ts": _TIME,
            "previous_day": pl.Date,
            "reserves_usd": pl.Float64,
            "netflow_mid_usd": pl.Float64,
            "own_token_share_pct": pl.Float64,
            "coverage_pct": pl.Float64,
        },
    )


def shares_frame(
    days: Sequence[tuple[int, dict[str, float]]], segment: str = "centralised", measure: str = "spot_volume"
) -> pl.DataFrame:
    """Rows of ``mart.exchange_shares`` from (days back, volume by exchange)."""
    rows = [
        (measure, segment, back(ago), _midnight(back(ago)), key, key.upper(), value, 100 * value / sum(values.values()))
        for ago, values in days
        for key, value in values.items()
    ]
    schema: dict[str, Any] = {
        "measure": pl.String,
        "segment": pl.String,
        "day": pl.Date,
        "ts": _TIME,
        "exchange_key": pl.String,
        "name": pl.String,
        "value": pl.Float64,
        "fixed_share_pct": pl.Float64,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def members_frame(rows: Sequence[tuple[str, str, float, bool]], measure: str = "spot_volume") -> pl.DataFrame:
    """Rows of ``mart.exchange_members`` from (segment, exchange, mean share, whether it is a member)."""
    schema: dict[str, Any] = {
        "measure": pl.String,
        "segment": pl.String,
        "exchange_key": pl.String,
        "name": pl.String,
        "mean_share_pct": pl.Float64,
        "is_member": pl.Boolean,
    }
    full = [(measure, segment, key, key.upper(), share, is_member) for segment, key, share, is_member in rows]
    return pl.DataFrame(full, schema=schema, orient="row")


def dominance_frame(
    rows: Sequence[tuple[str, int, float, float | None, float | None]], measure: str = "spot_volume"
) -> pl.DataFrame:
    """Rows of ``mart.exchange_dominance`` from (segment, days back, index, lower bound, upper bound)."""
    full = [
        (measure, segment, back(ago), _midnight(back(ago)), index, low, high) for segment, ago, index, low, high in rows
    ]
    schema: dict[str, Any] = {
        "measure": pl.String,
        "segment": pl.String,
        "day": pl.Date,
        "ts": _TIME,
        "fixed_hhi_index": pl.Float64,
        "fixed_hhi_lower_bound": pl.Float64,
        "fixed_hhi_upper_bound": pl.Float64,
    }
    return pl.DataFrame(full, schema=schema, orient="row")


def whale_frame(rows: Sequence[tuple[str, float, float | None, float, bool]]) -> pl.DataFrame:
    """Rows of ``mart.whale_signals`` from (symbol, volume over market cap, price change, volume, unusual)."""
    full = [
        (symbol, place, NOW, ratio, change, volume, unusual, _signal(change))
        for place, (symbol, ratio, change, volume, unusual) in enumerate(rows, start=1)
    ]
    return pl.DataFrame(full, schema=WHALE_SCHEMA, orient="row")


def tvl_frame(rows: Sequence[tuple[str, float | None, float | None, float | None]], kind: str = "cex") -> pl.DataFrame:
    """Rows of ``mart.exchange_tvl`` from (name, TVL, clean TVL, change over 7 days), the largest first."""
    total = sum(tvl for _, tvl, _, _ in rows if tvl is not None)
    full = [
        (
            kind,
            name.lower(),
            name,
            None if tvl is None else place,
            NOW,
            tvl,
            clean,
            None if tvl is None else 100 * tvl / total,
            change,
        )
        for place, (name, tvl, clean, change) in enumerate(rows, start=1)
    ]
    return pl.DataFrame(full, schema=TVL_SCHEMA, orient="row")


def coverage_frame(rows: Sequence[tuple[str, str, float | None]]) -> pl.DataFrame:
    """Rows of ``mart.exchange_coverage`` from (aspect, name, volume)."""
    schema = {"aspect": pl.String, "name": pl.String, "volume_24h_btc": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def league_frame(rows: Sequence[tuple[str, float | None, float | None]]) -> pl.DataFrame:
    """Rows of ``mart.exchange_league`` over 7 days from (name, net flow, inflow) in M USD, ranked ones first.

    Reserves are a billion. One without a net flow is not tracked.
    """
    full = [
        {
            "period_days": 7,
            "exchange_key": name.lower(),
            "name": name,
            "is_tracked": flow is not None,
            "rank": None if flow is None else place,
            "observed_at": NOW,
            "to_day": None if flow is None else TODAY,
            "days_known": 0 if flow is None else 7,
            "netflow_mid_usd": None if flow is None else flow * 1e6,
            "netflow_pct_of_reserves": None if flow is None else flow / 10,
            "defillama_inflow_usd": None if inflow is None else inflow * 1e6,
            "signs_differ": None if flow is None or inflow is None else flow * inflow < 0,
        }
        for place, (name, flow, inflow) in enumerate(rows, start=1)
    ]
    schema: dict[str, Any] = {
        "period_days": pl.Int32,
        "exchange_key": pl.String,
        "name": pl.String,
        "is_tracked": pl.Boolean,
        "rank": pl.Int32,
        "observed_at": _TIME,
        "to_day": pl.Date,
        "days_known": pl.Int32,
        "netflow_mid_usd": pl.Float64,
        "netflow_pct_of_reserves": pl.Float64,
        "defillama_inflow_usd": pl.Float64,
        "signs_differ": pl.Boolean,
    }
    return pl.DataFrame(full, schema=schema)


def layers(vega_lite: dict[str, Any]) -> list[dict[str, Any]]:
    """All layers of a chart that show something, those of its panels too."""
    inner = [each for layer in vega_lite["layer"] for each in (_panel(layer) if "layer" in layer else [layer])]
    return [layer for layer in inner if layer["mark"].get("opacity") != 0]


def _panel(vega_lite: dict[str, Any]) -> list[dict[str, Any]]:
    """Layers of a panel, each with the data that Altair writes once where all share them."""
    shared = {name: vega_lite[name] for name in ("data",) if name in vega_lite}
    return [shared | layer for layer in layers(vega_lite)]


def marks(vega_lite: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    """The layers of one mark type."""
    return [layer for layer in layers(vega_lite) if layer["mark"]["type"] == kind]


def rows_of(vega_lite: dict[str, Any], layer: dict[str, Any]) -> Any:
    """The records that a layer draws, from JSON or CSV."""
    stored = vega_lite["datasets"][layer["data"]["name"]]
    if not isinstance(stored, str):
        return stored
    types = layer["data"]["format"]["parse"]
    return [
        {name: text if types[name] == "string" else float(text) for name, text in record.items()}
        for record in csv.DictReader(io.StringIO(stored))
    ]


def texts(vega_lite: dict[str, Any]) -> str:
    """All that is written on a chart by marks: heads, keys, labels, footer."""
    found: list[str] = []
    for layer in marks(vega_lite, "text"):
        fixed = layer["mark"].get("text")
        found += fixed if isinstance(fixed, list) else [fixed] if fixed else []
        if "text" in layer.get("encoding", {}):
            field = layer["encoding"]["text"]["field"]
            found += [record[field] for record in rows_of(vega_lite, layer)]
    return " · ".join(found)


def page_size(vega_lite: dict[str, Any]) -> tuple[float, float]:
    """Width and height of the page, margins included."""
    padding = vega_lite["padding"]
    return (
        vega_lite["width"] + padding["left"] + padding["right"],
        vega_lite["height"] + padding["top"] + padding["bottom"],
    )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(0, 3), UTC)


def _signal(change: float | None) -> str | None:
    if change is None or change == 0:
        return None
    return "accumulation" if change > 0 else "distribution"
