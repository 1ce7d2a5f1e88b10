"""Compute rotation a second time, from stored closes of indices by the text of the methodology, and compare.

Usage: ``python tools/recompute_rotation.py FILE``. It imports nothing of the package. The rules: E is the EMA 10 of
``100 I / B``; the ratio is 100 plus E's z-score over 21 closes, the present one included, n - 1; S is the EMA 10 of the
ratio's one-step change; momentum is 100 plus the z-score of S over 21. A deviation below 1e-9 of the mean's size gives
null. Leading: both from 100 on; weakening: momentum below; lagging: both below; improving: ratio below. The heading is
clockwise from straight up, of the step from the point before.

``I / B`` is the price index in a coin as it is stored, from its base on; the placebo is not computed.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from recompute import Rows, read, utc_day
from recompute_closes import ema
from recompute_compare import Comparison, compared, say

SPAN, WINDOW = 10, 21
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


def points_of(relative: Sequence[float], span: int = SPAN, window: int = WINDOW) -> list[Point]:
    """The path of a series whose level over the benchmark's is given at every close."""
    smoothed = ema([100 * value for value in relative], span)
    ratio = [None if z is None else 100 + z for z in zscores(smoothed, window)]
    steps: list[float | None] = [None]
    for before, now in pairwise(ratio):
        steps.append(None if before is None or now is None else now - before)
    change = ema(steps, span)
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


# From here on: a warehouse file.


def recompute(file: str) -> list[Comparison]:
    """Compare the points and stays of narratives."""
    stored = [row | {"ts": utc_day(row["ts"])} for row in read(file, "select * from mart.rotation")]
    if not stored:
        return []
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
        rows = []
        for at, (row, point) in enumerate(zip(own, points, strict=True)):
            if point.ratio is None:
                continue
            heading, speed = step_of(points[at - 1] if at else None, point)
            rows.append(
                key
                | {
                    "ts": utc_day(row["ts"]),
                    "ratio": point.ratio,
                    "momentum": point.momentum,
                    "quadrant": point.quadrant,
                    "heading_deg": heading,
                    "speed": speed,
                    "is_backfilled": row["is_backfilled"],
                }
            )
        expected += rows
        stays += stays_of(key, rows, {utc_day(row["ts"]): row["price_index"] for row in own})
    found = read(file, "select * from mart.rotation_log")
    log = [row | {name: row[name] and utc_day(row[name]) for name in ("entered_at", "left_at")} for row in found]
    return [
        compared("mart.rotation", expected, stored, ("universe", "series", "benchmark", "ts")),
        compared("mart.rotation_log", stays, log, ("universe", "series", "benchmark", "entered_at")),
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


def main(arguments: list[str]) -> int:
    """Compare a file's tables."""
    if not arguments:
        sys.stderr.write("Say which file: python tools/recompute_rotation.py FILE\n")
        return 2
    return say(recompute(arguments[0]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
