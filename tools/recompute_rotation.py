"""Compute rotation a second time, from stored closes of indices by the text of the methodology, and compare.

Usage: ``python tools/recompute_rotation.py FILE``. It imports nothing of the package. The rules: E is the EMA 10 of
``100 I / B``; the ratio is 100 plus E's z-score over 21 closes, the present one included, n - 1; S is the EMA 10 of the
ratio's one-step change; momentum is 100 plus the z-score of S over 21. A deviation below 1e-9 of the mean's size gives
null. Leading: both from 100 on; weakening: momentum below; lagging: both below; improving: ratio below. The heading is
clockwise from straight up, of the step from the point before.

``I / B`` is the price index in a coin as it is stored, from its base on. Assets of the cross-asset part are measured by
weeks: the last close of each completed week over the benchmark's, over 14 weeks; flows by the net flow of four weeks in
percent of the assets before them, its z-score over 14 weeks and that of the change of this. No placebo is computed.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any

from recompute import DAY, Rows, read, utc_day
from recompute_closes import ema
from recompute_compare import Comparison, compared, main

SPAN, WINDOW = 10, 21
WEEKS, FLOW_WEEKS = 14, 4
FLAT = 1e-9


def zscores(values: Sequence[float | None], window: int) -> list[float | None]:
    """Of each value among the last ones, itself included; null where one of them is, or where they do not vary."""
    found: list[float | None] = []
    for at in range(len(values)):
        past = values[max(0, at + 1 - window) : at + 1]
        known = [value for value in past if value is not None]
        if len(known) < window:
            found.append(None)
            continue
        mean = math.fsum(known) / window
        deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in known) / (window - 1))
        found.append(None if deviation <= FLAT * abs(mean) else (known[-1] - mean) / deviation)
    return found


@dataclass(frozen=True)
class Point:
    """A series at one close; None before there are enough closes."""

    smoothed: float
    ratio: float | None
    change: float | None
    momentum: float | None

    @property
    def quadrant(self) -> str | None:
        """By the two axes."""
        if self.ratio is None or self.momentum is None:
            return None
        if self.ratio >= 100:
            return "leading" if self.momentum >= 100 else "weakening"
        return "improving" if self.momentum >= 100 else "lagging"


def steps_of(values: Sequence[float | None]) -> list[float | None]:
    """Each value less the one before it."""
    steps = [None if before is None or now is None else now - before for before, now in pairwise(values)]
    return [None, *steps]


def points_of(relative: Sequence[float], span: int = SPAN, window: int = WINDOW) -> list[Point]:
    """The path of a series whose level over the benchmark's is given at every close."""
    smoothed = ema([100 * value for value in relative], span)
    ratio = [None if z is None else 100 + z for z in zscores(smoothed, window)]
    change = ema(steps_of(ratio), span)
    momentum = [None if z is None else 100 + z for z in zscores(change, window)]
    points = []
    for level, *rest in zip(smoothed, ratio, change, momentum, strict=True):
        assert level is not None
        points.append(Point(level, *rest))
    return points


def step_of(before: Point | None, now: Point) -> tuple[float | None, float | None]:
    """Heading in degrees and length of the step from the point before."""
    if before is None or None in {before.ratio, before.momentum, now.ratio, now.momentum}:
        return None, None
    assert before.ratio is not None
    assert before.momentum is not None
    assert now.ratio is not None
    assert now.momentum is not None
    right, up = now.ratio - before.ratio, now.momentum - before.momentum
    length = math.hypot(right, up)
    return (math.degrees(math.atan2(right, up)) % 360 if length else None), length


def flow_points(flows: Sequence[float | None], window: int = WEEKS) -> list[Point]:
    """The path of a fund whose flow in percent of its assets is given for every week."""
    ratio = [None if z is None else 100 + z for z in zscores(flows, window)]
    change = steps_of(ratio)
    momentum = [None if z is None else 100 + z for z in zscores(change, window)]
    return [Point(0.0, *rest) for rest in zip(ratio, change, momentum, strict=True)]


# From here on: a warehouse file.


def saturday(day: date) -> date:
    """The end of a session's week."""
    return day + ((5 - day.weekday()) % 7) * DAY


def last_closes(sessions: Rows) -> dict[date, float]:
    """Week to the last close in it."""
    return {saturday(row["session"]): row["close_usd"] for row in sessions}


def weekly_flows(sessions: Rows, weeks: Sequence[date]) -> list[float | None]:
    """Of each week the flow of four in percent of the assets at the end of the week before them.

    What moved over sessions without a figure is known at the first one after them, and counts there.
    """
    by_week: dict[date, list[float | None]] = {}
    assets = {saturday(row["session"]): row["market_cap_usd"] for row in sessions}
    bridged = {at - back for at, row in enumerate(sessions) for back in range(1, row["gap_sessions"] or 1)}
    for at, row in enumerate(sessions):
        moved = row["trade_flow_usd"] if row["trade_gap_flow_usd"] is None else row["trade_gap_flow_usd"]
        moved = 0.0 if at in bridged else moved
        by_week.setdefault(saturday(row["trade_session"] or row["session"]), []).append(moved)
    found: list[float | None] = []
    for at in range(len(weeks)):
        four = [flow for week in weeks[max(0, at + 1 - FLOW_WEEKS) : at + 1] for flow in by_week.get(week, [None])]
        before = assets.get(weeks[at - FLOW_WEEKS]) if at >= FLOW_WEEKS else None
        known = [flow for flow in four if flow is not None]
        found.append(100 * math.fsum(known) / before if before and len(known) == len(four) else None)
    return found


def recompute_weekly(file: str) -> list[Comparison]:
    """Compare the points and stays of assets and of their flows."""
    stored = [row | {"ts": utc_day(row["ts"])} for row in read(file, "select * from mart.cross_asset_rotation")]
    if not stored:
        return []
    sessions: dict[str, Rows] = {}
    for row in read(file, "select * from core.asset_flows order by session"):
        sessions.setdefault(row["symbol"], []).append(row)
    last = max(row["ts"] for row in stored)
    expected: Rows = []
    stays: Rows = []
    for universe, series, benchmark in sorted({(r["universe"], r["series"], r["benchmark"]) for r in stored}):
        key = {"universe": universe, "series": series, "benchmark": benchmark}
        closes, others = last_closes(sessions[series]), last_closes(sessions.get(benchmark, []))
        weeks = [week for week in sorted(closes) if week <= last and (not others or week in others)]
        levels = {week: closes[week] / others.get(week, 1.0) for week in weeks}
        if universe == "flows":
            points = flow_points(weekly_flows(sessions[series], weeks))
        else:
            points = points_of([*levels.values()], SPAN, WEEKS)
        rows = rows_of(key, [(week, False) for week in weeks], points)
        expected += rows
        stays += stays_of(key, rows, levels)
    return [
        compared("mart.cross_asset_rotation", expected, stored, ("universe", "series", "benchmark", "ts")),
        compared(
            "mart.cross_asset_rotation_log",
            stays,
            read_log(file, "select * from mart.cross_asset_rotation_log"),
            ("universe", "series", "benchmark", "entered_at"),
        ),
    ]


def read_log(file: str, sql: str) -> Rows:
    """Stays as stored, by days."""
    return [
        row | {name: row[name] and utc_day(row[name]) for name in ("entered_at", "left_at")} for row in read(file, sql)
    ]


def rows_of(key: dict[str, Any], closes: Sequence[tuple[date, bool]], points: Sequence[Point]) -> Rows:
    """Rows of the points that have a ratio, of closes and whether each is back-filled."""
    rows: Rows = []
    for at, ((day, is_backfilled), point) in enumerate(zip(closes, points, strict=True)):
        if point.ratio is None:
            continue
        heading, speed = step_of(points[at - 1] if at else None, point)
        rows.append(
            key
            | {
                "ts": day,
                "ratio": point.ratio,
                "momentum": point.momentum,
                "quadrant": point.quadrant,
                "heading_deg": heading,
                "speed": speed,
                "is_backfilled": is_backfilled,
            }
        )
    return rows


def recompute(file: str) -> list[Comparison]:
    """Compare the points and stays of narratives, and those of assets."""
    stored = [row | {"ts": utc_day(row["ts"])} for row in read(file, "select * from mart.rotation")]
    if not stored:
        return recompute_weekly(file)
    levels = read(
        file,
        "select series, base_asset as benchmark, ts, price_index, is_backfilled from mart.narrative_index"
        " where category = 'Narratives' and base_asset <> 'us-dollar' and not is_provisional order by ts",
    )
    expected: Rows = []
    stays: Rows = []
    for series, benchmark in sorted({(row["series"], row["benchmark"]) for row in levels}):
        own = [row for row in levels if (row["series"], row["benchmark"]) == (series, benchmark)]
        points = points_of([row["price_index"] for row in own])
        key = {"universe": "narratives", "series": series, "benchmark": benchmark}
        rows = rows_of(key, [(utc_day(row["ts"]), row["is_backfilled"]) for row in own], points)
        expected += rows
        stays += stays_of(key, rows, {utc_day(row["ts"]): row["price_index"] for row in own})
    log = read_log(file, "select * from mart.rotation_log")
    return [
        compared("mart.rotation", expected, stored, ("universe", "series", "benchmark", "ts")),
        compared("mart.rotation_log", stays, log, ("universe", "series", "benchmark", "entered_at")),
        *recompute_weekly(file),
    ]


def stays_of(key: dict[str, Any], rows: Rows, levels: dict[Any, float]) -> Rows:
    """Stays in quadrants: entered, left, days and the return while inside."""
    stays: Rows = []
    inside = [row for row in rows if row["quadrant"] is not None]
    at = 0
    while at < len(inside):
        end = at
        while end < len(inside) and inside[end]["quadrant"] == inside[at]["quadrant"]:
            end += 1
        entered, is_open = inside[at]["ts"], end == len(inside)
        last = inside[-1 if is_open else end]["ts"]
        stays.append(
            key
            | {
                "entered_at": entered,
                "left_at": None if is_open else last,
                "quadrant": inside[at]["quadrant"],
                "days": (last - entered).days,
                "return_pct": 100 * (levels[last] / levels[entered] - 1),
                "is_seen_to_begin": at > 0,
                "is_backfilled": inside[at]["is_backfilled"],
            }
        )
        at = end
    return stays


if __name__ == "__main__":
    sys.exit(main(recompute, sys.argv[1:], by_settings=False))
