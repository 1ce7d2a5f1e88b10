"""Compute the tutorial's golden cross-asset tables, independently of the package's code.

Usage: ``python tools/golden_cross_asset.py OUT [FOLDER]``. Reads the made-up market in FOLDER (default
``marketflows_pipeline/tutorial/cross_asset/``) and writes ``golden.<table>.parquet`` into OUT. It imports nothing
of the package: plain loops, written from the descriptions of tables and columns, so that an error would have to be made
twice to go unseen. Clear before fast. Of each table it computes the columns that carry a formula; where it covers only
the newest sessions of a table, the file's metadata say from which on (``since``).
"""

from __future__ import annotations

import json
import math
import statistics
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date
from decimal import Decimal
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import recompute_regimes

MARKET = Path(__file__).resolve().parent.parent / "marketflows_pipeline" / "tutorial" / "cross_asset"
COINS = {"bitcoin": "BTC", "ethereum": "ETH"}
SINCE = date(2025, 5, 1)
WINDOWS = (1, 5, 21, 63)
OUTSIDE = "(outside the universe)"

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Figures:
    """What an issuer says of one session, in present shares; None for what it does not say."""

    shares: float | None = None
    nav: float | None = None
    net_assets: float | None = None


@dataclass(frozen=True)
class Inputs:
    """The packaged files: bars by asset and session, issuers' figures likewise, closes of indices by name.

    Of coins the last (supply, price) of each day in UTC, from their market caps.
    """

    bars: dict[str, dict[date, dict[str, Any]]]
    figures: dict[str, dict[date, Figures]]
    supplies: dict[str, dict[date, tuple[float, float]]]
    indices: dict[str, dict[date, float]]

    @property
    def sessions(self) -> list[date]:
        """Days on which any fund has a bar; coins, whose volume is in USD, trade on all days."""
        funds = (days for days in self.bars.values() if not _is_coin(days))
        return sorted({day for days in funds for day in days})


def _is_coin(bars: dict[date, dict[str, Any]]) -> bool:
    return any(bar["volume_unit"] == "usd" for bar in bars.values())


def read_inputs(folder: Path) -> Inputs:
    """Read the packaged files; of two vintages of a session the later one stands."""
    bars: dict[str, dict[date, dict[str, Any]]] = {}
    for row in _read(folder / "bars.parquet"):
        bars.setdefault(row["symbol"], {})[row["session"]] = row
    splits: dict[str, list[tuple[date, float]]] = {}
    for row in _read(folder / "actions.parquet"):
        if row["action"] == "split":
            splits.setdefault(row["symbol"], []).append((row["session"], row["value"]))
    figures: dict[str, dict[date, Figures]] = {}
    for row in sorted(_read(folder / "shares.parquet"), key=lambda row: row["vintage"]):
        day, shares, nav, net_assets = (row[name] for name in ("session", "shares", "nav_usd", "net_assets_usd"))
        later = [ratio for when, ratio in splits.get(row["symbol"], []) if when > day]
        # Whoever states present shares already has taken all splits into account.
        factor = math.prod(later) if row["convention"] == "as_traded" else 1.0
        if net_assets is None:
            net_assets = shares * nav
        figures.setdefault(row["symbol"], {})[day] = Figures(
            None if shares is None else shares * factor, nav / factor, net_assets
        )
    indices: dict[str, dict[date, float]] = {}
    for row in _read(folder / "volatility.parquet"):
        indices.setdefault(row["index_name"], {})[row["session"]] = row["close"]
    return Inputs(bars, figures, read_supplies(MARKET.parent), indices)


def read_supplies(folder: Path) -> dict[str, dict[date, tuple[float, float]]]:
    """Supply and price of each coin at the last observation of each day.

    Supply is the median of market cap over price on the last seven days that have an observation, the present one
    included; no coin here was redenominated.
    """
    last: dict[str, dict[date, tuple[float, float]]] = {symbol: {} for symbol in COINS.values()}
    files = (folder / "market_caps.parquet", folder / "stored/raw.market_caps.parquet")
    for row in sorted((row for file in files for row in _read(file)), key=lambda row: row["ts"]):
        if row["coin_id"] in COINS:
            day = row["ts"].astimezone(UTC).date()
            last[COINS[row["coin_id"]]][day] = (row["market_cap_usd"] / row["price_usd"], row["price_usd"])
    return {
        symbol: {
            day: (
                statistics.median(quotient for quotient, _ in list(days.values())[max(place - 6, 0) : place + 1]),
                price,
            )
            for place, (day, (_, price)) in enumerate(days.items())
        }
        for symbol, days in last.items()
    }


def _read(path: Path) -> Rows:
    rows: Rows = pq.read_table(path).to_pylist()
    return [{name: float(v) if isinstance(v, Decimal) else v for name, v in row.items()} for row in rows]


# Flows


def fund_session(before: dict[str, Any], now: dict[str, Any], old: Figures, new: Figures) -> dict[str, Any]:
    """Effects of one session against the one before it, all in present shares."""
    p0, p1 = before["close_usd"], now["close_usd"]
    if old.nav is not None and new.nav is not None:
        p0, p1 = old.nav, new.nav
    if old.shares is not None and new.shares is not None:
        price_effect, share_effect, method = old.shares * (p1 - p0), p1 * (new.shares - old.shares), "shares"
    elif old.net_assets is not None and new.net_assets is not None:
        growth = p1 / p0
        price_effect, method = old.net_assets * (growth - 1), "aum"
        share_effect = new.net_assets - old.net_assets * growth
    else:
        return dict(NOTHING_KNOWN)
    return {
        "price_effect_usd": price_effect,
        "share_effect_usd": share_effect,
        "flow_usd": share_effect,
        "flow_method": method,
    }


NOTHING_KNOWN = {"price_effect_usd": None, "share_effect_usd": None, "flow_usd": None, "flow_method": "price_only"}


def market_cap(bar: dict[str, Any], figures: Figures) -> float | None:
    """Shares at their net asset value, or at the close where that is unknown; net assets where shares are unknown."""
    if figures.shares is None:
        return figures.net_assets
    return figures.shares * (bar["close_usd"] if figures.nav is None else figures.nav)


def all_flow_rows(inputs: Inputs) -> Rows:
    """core.asset_flows of every session."""
    rows: Rows = []
    sessions, unknown = inputs.sessions, Figures()
    for symbol, bars in inputs.bars.items():
        if _is_coin(bars):
            rows += coin_rows(symbol, bars, sessions, inputs.supplies.get(symbol, {}))
            continue
        figures = inputs.figures.get(symbol, {})
        for before, day in pairwise([None, *sorted(bars)]):
            assert day is not None
            known = figures.get(day, unknown)
            effects = dict(NOTHING_KNOWN)
            if before is not None:
                effects = fund_session(bars[before], bars[day], figures.get(before, unknown), known)
            rows.append(
                {
                    "symbol": symbol,
                    "session": day,
                    "close_usd": bars[day]["close_usd"],
                    "market_cap_usd": market_cap(bars[day], known),
                    **effects,
                    "notional_usd": bars[day]["close_usd"] * bars[day]["volume"],
                }
            )
    with_shares_of_session(rows)
    return sorted(rows, key=lambda row: (row["symbol"], row["session"]))


def coin_rows(
    symbol: str, bars: dict[date, dict[str, Any]], sessions: list[date], supplies: dict[date, tuple[float, float]]
) -> Iterator[dict[str, Any]]:
    """A coin: what was traded, and what changed, on all days since the session before, if no day is missing."""
    before = None
    for day in (session for session in sessions if session in bars):
        traded, effects = None, dict(NOTHING_KNOWN)
        if before is not None:
            days = [date.fromordinal(n) for n in range(before.toordinal() + 1, day.toordinal() + 1)]
            if all(each in bars for each in days):
                traded = math.fsum(bars[each]["volume"] for each in days)
            if all(each in supplies for each in [before, *days]):
                effects = coin_session([supplies[each] for each in [before, *days]])
        supply, price = supplies.get(day, (None, None))
        yield (
            {"symbol": symbol, "session": day, "close_usd": bars[day]["close_usd"]}
            | {"market_cap_usd": None if supply is None or price is None else supply * price}
            | effects
            | {"notional_usd": traded}
        )
        before = day


def coin_session(path: list[tuple[float, float]]) -> dict[str, Any]:
    """Effects of (supply, price) day by day; a supply that moves by more than a tenth is a re-count and no flow."""
    steps = list(pairwise(path))
    issued = math.fsum(p1 * (q1 - q0) for (q0, _), (q1, p1) in steps)
    is_recount = any(abs(q1 - q0) > 0.1 * q0 for (q0, _), (q1, _) in steps)
    return {
        "price_effect_usd": math.fsum(q0 * (p1 - p0) for (q0, p0), (_, p1) in steps),
        "share_effect_usd": issued,
        "flow_usd": None if is_recount else issued,
        "flow_method": "supply",
    }


def with_shares_of_session(rows: Rows) -> None:
    """Add each asset's part of what was traded, and of the absolute flows, in its session; issuance is no flow."""
    of_investors = [None if row["flow_method"] == "supply" else row["flow_usd"] for row in rows]
    traded: dict[date, list[float]] = {}
    flows: dict[date, list[float]] = {}
    for row, flow in zip(rows, of_investors, strict=True):
        traded.setdefault(row["session"], []).append(row["notional_usd"] or 0.0)
        flows.setdefault(row["session"], []).append(abs(flow or 0.0))
    for row, flow in zip(rows, of_investors, strict=True):
        row["notional_share"] = _part(row["notional_usd"], traded[row["session"]])
        row["gross_flow_share"] = _part(flow, flows[row["session"]])


def _part(value: float | None, sizes: list[float]) -> float | None:
    whole = math.fsum(sizes)
    return None if value is None or whole == 0 else value / whole


def flow_rows(inputs: Inputs) -> Iterator[dict[str, Any]]:
    """core.asset_flows, of the newest sessions."""
    for row in all_flow_rows(inputs):
        if row["session"] >= SINCE:
            yield {name: value for name, value in row.items() if name != "close_usd"}


# Windows


def ranking_rows(inputs: Inputs) -> Iterator[dict[str, Any]]:
    """mart.flow_rankings: sums of what is known in the window, changes against the session before it."""
    sessions = inputs.sessions
    assets: dict[str, dict[date, dict[str, Any]]] = {}
    for row in all_flow_rows(inputs):
        assets.setdefault(row["symbol"], {})[row["session"]] = row
    for window in WINDOWS:
        inside, before = sessions[-window:], sessions[-window - 1]
        rows = []
        for symbol, days in assets.items():
            own = [days[day] for day in inside if day in days]
            flows = [row["flow_usd"] for row in own if row["flow_usd"] is not None]
            effects = [row["price_effect_usd"] for row in own if row["price_effect_usd"] is not None]
            methods = [row["flow_method"] for row in own if row["flow_method"] != "price_only"]
            old, new = days.get(before, {}), days.get(sessions[-1], {})
            cap, flow = old.get("market_cap_usd"), math.fsum(flows) if flows else None
            rows.append(
                {
                    "window_sessions": window,
                    "symbol": symbol,
                    "session": sessions[-1],
                    "flow_method": methods[-1] if methods else "price_only",
                    "flow_usd": flow,
                    "sessions_known": len(flows),
                    "flow_pct_of_market_cap": None if flow is None or not cap else 100 * flow / cap,
                    "price_effect_usd": math.fsum(effects) if effects else None,
                    "market_cap_change_usd": None if cap is None else _less(new.get("market_cap_usd"), cap),
                    "price_return": new["close_usd"] / old["close_usd"] - 1 if new and old else None,
                }
            )
        for sign, name in ((1, "inflow_rank"), (-1, "outflow_rank")):
            # Issuance is no choice of investors, and has no place.
            ranked = [0.0 if row["flow_method"] == "supply" else sign * (row["flow_usd"] or 0.0) for row in rows]
            sizes = sorted(ranked, reverse=True)
            for row, size in zip(rows, ranked, strict=True):
                row[name] = sizes.index(size) + 1 if size > 0 else None
        yield from rows


def _less(value: float | None, other: float) -> float | None:
    return None if value is None else value - other


def map_rows(inputs: Inputs) -> Iterator[dict[str, Any]]:
    """mart.flow_map, without issuance of coins and with it."""
    rankings = list(ranking_rows(inputs))
    for window, includes_issuance in product(WINDOWS, (False, True)):
        flows = {
            row["symbol"]: row["flow_usd"] or 0.0
            for row in rankings
            if row["window_sessions"] == window and (includes_issuance or row["flow_method"] != "supply")
        }
        lost = {symbol: -flow for symbol, flow in flows.items() if flow < 0}
        gained = {symbol: flow for symbol, flow in flows.items() if flow > 0}
        out, into = math.fsum(lost.values()), math.fsum(gained.values())
        pairs = {(a, b): lost[a] * gained[b] / max(out, into) for a in lost for b in gained}
        pairs |= {(a, OUTSIDE): lost[a] * (out - into) / out for a in lost if out > into}
        pairs |= {(OUTSIDE, b): gained[b] * (into - out) / into for b in gained if into > out}
        for (loser, gainer), flow in sorted(pairs.items()):
            yield {
                "window_sessions": window,
                "includes_issuance": includes_issuance,
                "from_symbol": loser,
                "to_symbol": gainer,
                "session": inputs.sessions[-1],
                "flow_usd": flow,
            }


# Regimes


def regime_rows(inputs: Inputs) -> Iterator[dict[str, Any]]:
    """mart.regimes, of the newest sessions."""
    closes = {symbol: {day: bar["close_usd"] for day, bar in bars.items()} for symbol, bars in inputs.bars.items()}
    vix, vix3m = inputs.indices["VIX"], inputs.indices["VIX3M"]
    rows = recompute_regimes.regime_rows(inputs.sessions, closes, vix, vix3m, recompute_regimes.Rule())
    return (row for row in rows if row["session"] >= SINCE)


# How each table is computed, and the column by which it is cut to the newest sessions.
TABLES: dict[str, tuple[Callable[[Inputs], Any], str | None]] = {
    "core.asset_flows": (flow_rows, "session"),
    "mart.flow_rankings": (ranking_rows, None),
    "mart.flow_map": (map_rows, None),
    "mart.regimes": (regime_rows, "session"),
}
TYPES = {
    "session": pa.date32(),
    **dict.fromkeys(("includes_issuance", "is_backwardation"), pa.bool_()),
    **dict.fromkeys(("window_sessions", "sessions_known", "inflow_rank", "outflow_rank"), pa.int32()),
    **dict.fromkeys(("ratio_score", "ratio_pairs_known"), pa.int32()),
    **dict.fromkeys(("symbol", "from_symbol", "to_symbol", "flow_method"), pa.string()),
    **dict.fromkeys(("vix_regime", "ratio_regime", "regime"), pa.string()),
}


def main(arguments: list[str]) -> int:
    """Compute all tables and write them."""
    if not arguments:
        sys.stderr.write("Say which folder the tables go to: python tools/golden_cross_asset.py OUT [FOLDER]\n")
        return 2
    out, folder = Path(arguments[0]), Path(arguments[1]) if len(arguments) > 1 else MARKET
    inputs = read_inputs(folder)
    for name, (rows_of, cut_by) in TABLES.items():
        since = {cut_by: SINCE.isoformat()} if cut_by else {}
        rows = list(rows_of(inputs))
        types = {column: TYPES.get(column, pa.float64()) for column in rows[0]}
        columns = {column: pa.array([row[column] for row in rows], kind) for column, kind in types.items()}
        floats = [column for column, kind in types.items() if pa.types.is_floating(kind)]
        pq.write_table(
            pa.table(columns).replace_schema_metadata({"since": json.dumps(since)}),
            out / f"golden.{name}.parquet",
            compression="zstd",
            compression_level=19,
            use_dictionary=[column for column in types if column not in floats],
            column_encoding=dict.fromkeys(floats, "BYTE_STREAM_SPLIT"),
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
