"""Compute shares and concentration of spot volume over a fixed set a second time, from raw tables.

Usage: ``python tools/recompute_market_shares.py FILE``. The rule: members are the exchanges measured on 90 % or more of
those of the last 90 days on which anybody is; fewer than two make no set. A day counts where the members missing on it
make up at most 1 % by their mean shares of all measured. A change over 30 days is over the exchanges measured on both
days, two or more. Plain loops that import nothing of the package.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from datetime import date
from typing import Any

from recompute import DAY, differences, main, read, utc_day

Values = dict[date, dict[str, float]]


def spot_values(file: str) -> dict[str, Values]:
    """Segment to day to exchange to its volume, of the last observation of each day: of ``all`` and ``tracked``."""
    exchanges = read(file, "select exchange_id, exchange_key, is_tracked from core.exchanges")
    keys = {row["exchange_id"]: row["exchange_key"] for row in exchanges if row["exchange_id"]}
    tracked = {row["exchange_key"] for row in exchanges if row["is_tracked"]}
    charts = read(file, "select exchange_id, ts, volume_24h_btc from raw.exchange_volumes")
    listed = read(file, "select exchange_id, observed_at as ts, volume_24h_btc from raw.exchanges")
    last: dict[tuple[str, date], tuple[Any, int, float]] = {}
    list_days = set()
    for is_listed, rows in ((0, charts), (1, listed)):
        for row in rows:
            volume = row["volume_24h_btc"]
            if volume is None or not math.isfinite(volume) or volume < 0:
                continue
            key, day = keys.get(row["exchange_id"], row["exchange_id"]), utc_day(row["ts"])
            point = (row["ts"], is_listed, volume)
            last[key, day] = max(last.get((key, day), point), point)
    list_days = {day for (_, day), (_, is_listed, _) in last.items() if is_listed}
    segments: dict[str, Values] = {"all": {}, "tracked": {}}
    for (key, day), (_, _, volume) in last.items():
        if volume > 0 and day in list_days:
            segments["all"].setdefault(day, {})[key] = volume
        if volume > 0 and key in tracked:
            segments["tracked"].setdefault(day, {})[key] = volume
    return segments


def shares_of(volumes: dict[str, float]) -> dict[str, float]:
    """Shares in percent."""
    total = math.fsum(volumes.values())
    return {key: 100 * volume / total for key, volume in volumes.items()}


def index_of(volumes: dict[str, float]) -> float:
    """The sum of squared shares."""
    return math.fsum(share**2 for share in shares_of(volumes).values())


def members_of(values: Values) -> dict[str, dict[str, Any]]:
    """Every exchange of the window with its days, its mean share and whether it is a member."""
    window = [day for day in values if day > max(values) - 90 * DAY]
    shares: dict[str, list[float]] = {}
    for day in window:
        for key, share in shares_of(values[day]).items():
            shares.setdefault(key, []).append(share)
    enough = {key for key, each in shares.items() if len(each) / len(window) >= 0.9}
    return {
        key: {
            "days_measured": len(each),
            "days_in_window": len(window),
            "mean_share_pct": math.fsum(each) / len(each),
            "is_member": key in enough and len(enough) >= 2,
        }
        for key, each in shares.items()
    }


def fixed_days(values: Values, members: dict[str, dict[str, Any]]) -> Values:
    """The members' volumes on the days that count."""
    inside = {key: each["mean_share_pct"] for key, each in members.items() if each["is_member"]}
    if not inside:
        return {}
    return {
        day: {key: volume for key, volume in volumes.items() if key in inside}
        for day, volumes in values.items()
        if math.fsum(share for key, share in inside.items() if key not in volumes) <= 1 + 1e-9
    }


def dominance(values: Values, fixed: Values) -> Iterator[dict[str, Any]]:
    """Index over the fixed set, and the change over 30 days over the exchanges measured on both days."""
    for day, volumes in values.items():
        before = values.get(day - 30 * DAY, {})
        both = sorted(volumes.keys() & before.keys())
        then, now = ({key: each[key] for key in both} for each in (before, volumes))
        is_compared = len(both) >= 2
        yield {
            "day": day,
            "fixed_hhi_index": index_of(fixed[day]) if fixed.get(day) else None,
            "hhi_30d_ago": index_of(then) if is_compared else None,
            "hhi_change_30d": index_of(now) - index_of(then) if is_compared else None,
        }


def compare(file: str) -> list[str]:
    """One line for each figure of the file that is not as recomputed."""
    lines = []
    for segment, measured in spot_values(file).items():
        where = f"where measure = 'spot_volume' and segment = '{segment}'"
        members = members_of(measured) if measured else {}
        fixed = fixed_days(measured, members)
        # The tracked segment is of the fixed set alone.
        values = fixed if segment == "tracked" else measured
        told = [{"exchange_key": key, **each} for key, each in members.items()]
        shares = [
            {"day": day, "exchange_key": key, "fixed_share_pct": shares_of(fixed.get(day, {})).get(key)}
            for day, volumes in values.items()
            for key in volumes
        ]
        for name, rows, key in (
            ("exchange_members", told, ("exchange_key",)),
            ("exchange_shares", shares, ("day", "exchange_key")),
            ("exchange_dominance", list(dominance(values, fixed)), ("day",)),
        ):
            stored = read(file, f"from mart.{name} {where}")
            lines += [f"{name} of {segment} {line}" for line in differences(rows, stored, key)]
    return lines


if __name__ == "__main__":
    sys.exit(main(compare, sys.argv[1:]))
