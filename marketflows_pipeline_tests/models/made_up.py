"""Made-up panels and frames, small or with a signal whose strength is known."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

import numpy as np
import polars as pl

from marketflows_pipeline.models.panel import FEATURES
from marketflows_pipeline.schema import table

FIRST = date(2015, 1, 5)
TRAINED_AT = datetime(2026, 11, 20, 22, 30, tzinfo=UTC)


def weekdays(count: int, first: date = FIRST) -> list[date]:
    """So many days from Monday to Friday."""
    days = (first + timedelta(days=offset) for offset in range(2 * count + 7))
    return [day for day in days if day.weekday() < 5][:count]


class Market(NamedTuple):
    """A panel with its labels, and the probabilities they were drawn from."""

    panel: pl.DataFrame
    labels: pl.DataFrame
    truth: np.ndarray


def market(
    *, sessions: int, symbols: int, effect: float, feature: str = "flow_zscore", is_noisy: bool = True, seed: int = 7
) -> Market:
    """Features that are noise, and independent labels of which one feature's share is known.

    The label is 1 with probability ``1 / (1 + exp(-effect * feature))``, the feature being normal with deviation 1, and
    is known a session later. Where it is not noisy all other features are 0. Rows are by (session, symbol).
    """
    rng = np.random.default_rng(seed)
    days = weekdays(sessions + 1)
    rows = sessions * symbols
    x = rng.normal(size=(rows, len(FEATURES)))
    planted = FEATURES.index(feature)
    truth = 1 / (1 + np.exp(-effect * x[:, planted]))
    if not is_noisy:
        x[:, np.arange(len(FEATURES)) != planted] = 0.0
    keys = {
        "symbol": [f"A{place:02d}" for place in range(symbols)] * sessions,
        "session": np.repeat(np.array(days[:-1], dtype="datetime64[D]"), symbols),
    }
    panel = pl.DataFrame(keys | {name: x[:, place] for place, name in enumerate(FEATURES)})
    outcome = (rng.random(rows) < truth).astype(np.int8)
    labels = pl.DataFrame(
        keys | {"label_end": np.repeat(np.array(days[1:], dtype="datetime64[D]"), symbols), "label": outcome}
    )
    return Market(panel, labels, truth)


class Frames(NamedTuple):
    """What `panel.features` takes."""

    flows: pl.DataFrame
    pressure: pl.DataFrame
    regimes: pl.DataFrame
    volatility: pl.DataFrame

    def upto(self, day: date) -> Frames:
        """What could be seen at the close of a day: nothing later, and no flow that was not yet known."""
        close = datetime.combine(day, time(21), UTC)
        flow_columns = ["flow_usd", "share_effect_usd", "flow_zscore", "flow_pct_of_market_cap", "gross_flow_share"]
        is_known = (pl.col("known_at") <= close).fill_null(value=False)
        cut = Frames(*(frame.filter(pl.col("session") <= day) for frame in self))
        flows = cut.flows.with_columns(pl.when(is_known).then(pl.col(name)).alias(name) for name in flow_columns)
        return cut._replace(flows=flows)


CLASSES = {"SPY": "equity", "GLD": "metal", "TLT": "bond", "IBIT": "crypto", "BTC": "crypto"}


def frames(sessions: int = 330, seed: int = 3) -> Frames:
    """A walk of five assets: SPY, GLD, TLT and IBIT with flows, BTC with issuance; winter sessions without holidays."""
    rng = np.random.default_rng(seed)
    days = weekdays(sessions)
    following = [*days[1:], days[-1] + timedelta(days=1)]
    entry = table("core.asset_flows")
    parts = []
    for symbol, asset_class in CLASSES.items():
        close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, sessions)))
        flow = rng.normal(0, 1e7, sessions)
        known = {
            "symbol": [symbol] * sessions,
            "session": days,
            "asset_class": [asset_class] * sessions,
            "close_usd": close,
            "price_usd": close,
            "market_cap_usd": 1e9 * close / 100,
            "flow_usd": flow,
            "share_effect_usd": flow,
            "flow_method": ["supply" if symbol == "BTC" else "shares"] * sessions,
            "flow_pct_of_market_cap": 100 * flow / 1e9,
            "flow_zscore": flow / 1e7,
            "gross_flow_share": flow / 5e7,
            "notional_usd": np.exp(rng.normal(20, 0.3, sessions)),
            "notional_share": rng.uniform(0.1, 0.3, sessions),
            "notional_zscore": rng.normal(size=sessions),
            "known_at": [datetime.combine(day, time(14, 30), UTC) for day in following],
        }
        parts.append(pl.DataFrame(known))
    flows = pl.concat(parts)
    missing = [
        pl.lit(None, dtype).alias(name) for name, dtype in entry.polars_schema.items() if name not in flows.columns
    ]
    flows = flows.with_columns(missing).select(entry.column_names).cast(pl.Schema(entry.polars_schema))
    pressure = flows.select(
        "symbol",
        "session",
        **{
            name: rng.uniform(low, 1, flows.height)
            for name, low in (("cmf_20", -1), ("relative_volume", 0.1), ("signed_notional_ratio", -1))
        },
    )
    vix = 20 * np.exp(rng.normal(0, 0.2, sessions))
    regimes = pl.DataFrame({"session": days, "vix_percentile": rng.random(sessions), "term_structure": vix / 20})
    volatility = pl.DataFrame({"index_name": ["VIX"] * sessions, "session": days, "close": vix})
    return Frames(flows, pressure, regimes, volatility)
