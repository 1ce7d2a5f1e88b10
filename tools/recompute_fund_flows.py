"""Compute the flows of funds a second time, from raw tables by the text of the rules, and compare.

Usage: ``python tools/recompute_fund_flows.py FILE``, with a DuckDB file that holds the raw tables and
``core.asset_flows``; it names the rows that differ, and exits with 1 if there are any. It imports nothing of the
package: plain loops, so that an error would have to be made twice to go unseen. Coins are left out.

The rules: a flow is the change of shares, both sides in present shares, at the net asset value where both sides have
one, else at the close; without shares it is net assets less their growth by price. Figures are compared with the last
ones before them: over more than one session what moved is the flow of the gap. A change of the issuer's basis is no
flow: with ``e = close ratio / value ratio`` outside 0.9 to 1.1 and equal to the share ratio within 2 % it is a split;
without net asset values a share ratio from 1.5 up or 2/3 down within 1 % of a simple split leaves the flow unknown; a
listed ratio of 1 denies both. A listed split takes effect with the count, up to five of its sessions off. A count is
about the session so many before it as its source lags, and its flow is valued there.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb

LAGS = {"blackrock": 1, "grayscale": 1}
SIMPLE = {n / m for m in (1, 2, 3) for n in range(m + 1, 11)} | {12, 15, 20, 25, 30, 40, 50, 100}
COLUMNS = (
    "flow_usd", "gap_flow_usd", "gap_sessions", "flow_unknown_reason", "is_large_creation", "trade_session",
    "trade_flow_usd", "trade_gap_flow_usd",
)  # fmt: skip
TOLERANCE = 1e-9

Row = dict[str, Any]


@dataclass(frozen=True)
class Figures:
    """A fund at one session, in present shares; None for what its issuer does not say."""

    place: int
    close: float
    shares: float | None
    nav: float | None
    assets: float | None


@dataclass(frozen=True)
class Splits:
    """Listed splits of a fund, as session and ratio: as listed, and as its counts and its values take them."""

    listed: list[tuple[date, float]]
    by_count: list[tuple[date, float]]
    by_value: list[tuple[date, float]]


def recompute(bars: list[Row], figures: list[Row], actions: list[Row], lags: dict[str, int]) -> dict[Any, Row]:
    """Rows of ``core.asset_flows`` by (symbol, session), with COLUMNS.

    Args:
        bars: symbol, session, close_usd of funds.
        figures: symbol, session, vintage, shares, nav_usd, net_assets_usd, convention, fetched_on (a date), source.
        actions: symbol, session, action, value.
        lags: of assets of which the settings say one.
    """
    newest: dict[tuple[str, date], Row] = {}
    for row in sorted(figures, key=lambda row: row["vintage"]):
        newest[row["symbol"], row["session"]] = row
    result = {}
    for symbol in sorted({row["symbol"] for row in bars}):
        closes = {row["session"]: row["close_usd"] for row in bars if row["symbol"] == symbol}
        own = {day: row for (name, day), row in sorted(newest.items()) if name == symbol}
        splits = [
            (row["session"], row["value"]) for row in actions if row["symbol"] == symbol and row["action"] == "split"
        ]
        source = own[max(own)]["source"] if own else None
        lag = lags.get(symbol, LAGS.get((source or "").split(":")[0], 0))
        for day, flow in of_fund(closes, own, splits, lag).items():
            result[symbol, day] = flow
    return result


def of_fund(
    closes: dict[date, float], own: dict[date, Row], splits: list[tuple[date, float]], lag: int
) -> dict[date, Row]:
    """The flows of one fund by session."""
    days = sorted(closes)
    real = [(day, ratio) for day, ratio in splits if abs(ratio - 1) > 1e-9]
    denied = [day for day, ratio in splits if abs(ratio - 1) <= 1e-9]
    by_count = [(taken(own, "shares", day, ratio), ratio) for day, ratio in real]
    by_value = [(taken(own, "nav_usd", day, ratio), ratio) for day, ratio in real]
    taken_as = Splits(real, by_count, by_value)
    known: list[Figures] = []
    rows = {}
    for place, day in enumerate(days):
        row = dict.fromkeys(COLUMNS) | {"is_large_creation": False}
        back = place - lag
        row["trade_session"] = days[back] if back >= 0 else None
        now = present(place, day, closes[day], own.get(day), taken_as)
        if now.shares is not None or now.assets is not None:
            if known:
                row |= step(known[-1], now, [days[known[-1].place], day], denied)
                if back >= 0 and lag:
                    there = present(back, days[back], closes[days[back]], own.get(days[back]), taken_as)
                    row |= traded(row, there, now, known[-1])
            known.append(now)
        if not lag:
            row["trade_flow_usd"], row["trade_gap_flow_usd"] = row["flow_usd"], row["gap_flow_usd"]
        rows[day] = row
    return rows


def taken(own: dict[date, Row], column: str, listed: date, ratio: float) -> date:
    """The session with which a figure takes a listed split."""
    days = [day for day, row in sorted(own.items()) if row["convention"] == "as_traded" and (row[column] or 0) > 0]
    first = sum(day < listed for day in days)
    sign = 1 if column == "shares" else -1

    def part(at: int) -> float:
        return sign * math.log(own[days[at]][column] / own[days[at - 1]][column]) / math.log(ratio)

    if 0 < first < len(days) and part(first) > 0.5:
        return listed
    near = [at for at in range(max(1, first - 5), min(len(days), first + 6)) if abs(part(at) - 1) < 0.1]
    if not near:
        return listed
    return days[min(near, key=lambda at: (at != first, abs(part(at) - 1), abs(at - first), at))]


def present(place: int, day: date, close: float, row: Row | None, splits: Splits) -> Figures:
    """Figures of a session in present shares."""
    if row is None:
        return Figures(place, close, None, None, None)
    if row["convention"] == "as_traded":
        count = math.prod(ratio for at, ratio in splits.by_count if at > day)
        value = math.prod(ratio for at, ratio in splits.by_value if at > day)
    else:
        count = value = math.prod(ratio for at, ratio in splits.listed if at > row["fetched_on"])
    return Figures(
        place,
        close,
        None if row["shares"] is None else row["shares"] * count,
        None if row["nav_usd"] is None else row["nav_usd"] / value,
        row["net_assets_usd"],
    )


def step(old: Figures, new: Figures, days: list[date], denied: list[date]) -> Row:
    """What moved between two figures of a fund."""
    counts = assets = None
    if old.shares is not None and new.shares is not None:
        counts = (old.shares, new.shares)
    elif old.assets is not None and new.assets is not None:
        assets = (old.assets, new.assets)
    else:
        return {}
    navs = (old.nav, new.nav) if old.nav is not None and new.nav is not None else None
    ratio = counts[1] / counts[0] if counts else None
    if assets and navs:
        ratio = (assets[1] / navs[1]) / (assets[0] / navs[0])
    is_denied = any(days[0] < day <= days[1] for day in denied)
    basis = 1.0
    if navs and ratio:
        e = (new.close / old.close) / (navs[1] / navs[0])
        if not 0.9 <= e <= 1.1 and abs(ratio / e - 1) <= 0.02 and not is_denied:
            basis = ratio
    elif ratio and (ratio >= 1.5 - 1e-9 or ratio <= 2 / 3 + 1e-9) and not is_denied:
        bases = SIMPLE | {1 / each for each in SIMPLE}
        if any(abs(ratio / each - 1) <= 0.01 + 1e-9 for each in bases):
            return {"flow_unknown_reason": "suspected_split"}
    before, after = (navs[0] / basis, navs[1]) if navs else (old.close, new.close)
    if counts:
        flow, held = after * (counts[1] - counts[0] * basis), counts[0] * basis * before
        if abs(counts[1] - counts[0] * basis) <= 1e-12 * counts[0] * basis:
            flow = 0.0
    else:
        assert assets is not None
        flow, held = assets[1] - assets[0] * after / before, assets[0]
    if basis != 1.0:
        flow = 0.0
    is_gap = new.place - old.place > 1
    return {
        "gap_flow_usd" if is_gap else "flow_usd": flow,
        "gap_sessions": new.place - old.place if is_gap else None,
        "is_large_creation": abs(flow) > 0.35 * held,
    }


def traded(row: Row, there: Figures, now: Figures, old: Figures) -> Row:
    """The flow at the price of the session whose orders the count holds."""
    at = now.nav if now.nav is not None and old.nav is not None else now.close
    price = there.close if there.nav is None else there.nav
    return {
        f"trade_{name}": None if row[name] is None else row[name] / at * price for name in ("flow_usd", "gap_flow_usd")
    }


def differences(expected: dict[Any, Row], found: list[Row]) -> list[str]:
    """A line for each figure of the package that is another."""
    lines = []
    for row in found:
        for name in COLUMNS:
            wanted, given = expected[row["symbol"], row["session"]][name], row[name]
            if isinstance(wanted, float) and isinstance(given, float):
                is_same = math.isclose(wanted, given, rel_tol=1e-6, abs_tol=TOLERANCE * (row["market_cap_usd"] or 1))
            else:
                is_same = wanted == given
            if not is_same:
                lines.append(f"{row['symbol']} {row['session']} {name}: {wanted} by the rules, {given} in the table")
    return lines


def main(arguments: list[str]) -> int:
    """Compare a file's table with its raw tables."""
    if len(arguments) != 1:
        sys.stderr.write("Say which file: python tools/recompute_fund_flows.py FILE\n")
        return 2
    with duckdb.connect(arguments[0], read_only=True) as file:

        def rows(sql: str) -> list[Row]:
            asked = file.execute(sql)
            names = [column[0] for column in asked.description or ()]
            return [dict(zip(names, row, strict=True)) for row in asked.fetchall()]

        found = rows(
            "select * from core.asset_flows where symbol not in"
            " (select symbol from raw.daily_bars where volume_unit = 'usd') and flow_method <> 'supply'"
        )
        bars = rows(
            "select symbol, session, close_usd from raw.daily_bars semi join core.asset_flows using (symbol, session)"
        )
        figures = rows(
            "select *, (fetched_at at time zone 'America/New_York')::date as fetched_on from raw.shares_outstanding"
        )
        actions = rows("select * from accepted.corporate_actions")
    lags = {row["symbol"]: row["share_lag_sessions"] or 0 for row in found}
    lines = differences(recompute(bars, figures, actions, lags), found)
    sys.stdout.write("\n".join([*lines[:20], f"{len(found)} rows, {len(lines)} differences"]) + "\n")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
