"""Compute breadth a second time, from raw tables by the text of the methodology, and compare.

Usage: ``python tools/recompute_breadth.py FILE [SETTINGS]``. It imports nothing of the package. The rules: members are
those of the close before with both prices known; what is unchanged counts neither as advancing nor as declining;
"above EMA s" counts coins that have s closes; bitcoin is not in the denominator of "beat bitcoin", and equal is not
beaten; McClellan is EMA 19 less EMA 39 of the ratio-adjusted number, null for 38 steps; dispersion has n - 1 and no
weights; churn is 1 less the correlation of average ranks; fewer than 8 coins give null. Members are those of the list
that was known at the close before, or of the first one; a range has those whose caps were in it then, and a cap equal
to a limit belongs below. A close here is an observation of the 24 hours before it.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import median, stdev
from typing import Any

from recompute import DAY, Rows, read, utc_day
from recompute_attribution import range_of
from recompute_closes import (
    Close,
    Closes,
    accepted,
    daily_closes,
    days_between,
    ema,
    midnight,
    narrative_lists,
    observations,
    restated,
    source_of,
)
from recompute_compare import Comparison, compared, main

LEAST = 8
SPANS = (20, 50, 200)
BEATEN = (7, 30, 90)
CHURN_DAYS = 7
BITCOIN = "bitcoin"


def average_ranks(values: Sequence[float]) -> list[float]:
    """Places from 1 on; equal values share the mean of their places."""
    return [
        sum(other < value for other in values) + (sum(other == value for other in values) + 1) / 2 for value in values
    ]


def correlation(left: Sequence[float], right: Sequence[float]) -> float | None:
    """Pearson's; None where one side does not vary."""
    mean_left, mean_right = math.fsum(left) / len(left), math.fsum(right) / len(right)
    across = math.fsum((a - mean_left) * (b - mean_right) for a, b in zip(left, right, strict=True))
    spread = math.sqrt(math.fsum((a - mean_left) ** 2 for a in left) * math.fsum((b - mean_right) ** 2 for b in right))
    return across / spread if spread else None


def churn(before: Sequence[float], now: Sequence[float]) -> float | None:
    """0 where the order of caps stayed."""
    same = correlation(average_ranks(before), average_ranks(now))
    return None if same is None else 1 - same


def share_pct(flags: Sequence[bool]) -> float | None:
    """Percent of the flags that hold; None of fewer than 8."""
    return 100 * sum(flags) / len(flags) if len(flags) >= LEAST else None


def mcclellan(numbers: Sequence[float | None]) -> list[float | None]:
    """Of one series at all its closes; null for 38 steps from its first value on."""
    fast, slow = ema(numbers, 19), ema(numbers, 39)
    first = next((at for at, value in enumerate(numbers) if value is not None), len(numbers))
    return [
        None if quick is None or late is None or at < first + 38 else quick - late
        for at, (quick, late) in enumerate(zip(fast, slow, strict=True))
    ]


@dataclass(frozen=True)
class Market:
    """What the measures need of every coin.

    Attributes:
        closes: in one unit of each coin throughout.
        averages: span to coin to its EMA at a day.
        places: coin to how many closes it has by a day.
    """

    closes: Closes
    averages: Mapping[int, Mapping[str, Mapping[date, float]]]
    places: Mapping[str, Mapping[date, int]]

    @classmethod
    def of(cls, closes: Closes) -> Market:
        """Averages age over days without a close."""
        averages: dict[int, dict[str, dict[date, float]]] = {span: {} for span in SPANS}
        places = {}
        for coin, own in closes.items():
            known = sorted(own)
            places[coin] = {day: at for at, day in enumerate(known, 1)}
            if not known:
                continue
            days = days_between(known[0], known[-1])
            prices = [own[day].price if day in own else None for day in days]
            for span in SPANS:
                smoothed = zip(days, ema(prices, span), strict=True)
                averages[span][coin] = {day: value for day, value in smoothed if value is not None}
        return cls(closes, averages, places)

    def at(self, coin: str, day: date) -> Close | None:
        """A coin's close, if it has one."""
        return self.closes.get(coin, {}).get(day)

    def gain(self, coin: str, day: date, days: int) -> float | None:
        """Its price over that some days before."""
        now, before = self.at(coin, day), self.at(coin, day - days * DAY)
        return now.price / before.price if now and before else None


def measures(market: Market, members: Iterable[str], day: date) -> dict[str, Any]:
    """All but McClellan, of the members of the close before, at one close."""
    listed = sorted(set(members))
    both = [coin for coin in listed if market.at(coin, day) and market.at(coin, day - DAY)]
    now = {coin: market.closes[coin][day] for coin in both}
    old = {coin: market.closes[coin][day - DAY] for coin in both}
    returns = {coin: now[coin].price / old[coin].price - 1 for coin in both}
    up, down = (sum(now[c].price > old[c].price for c in both), sum(now[c].price < old[c].price for c in both))
    is_enough = len(both) >= LEAST
    row: dict[str, Any] = {"n": len(both), "n_members": len(listed), "n_advancing": up, "n_declining": down}
    row["advance_decline"] = (1000 * (up - down) / (up + down) if up + down else 0.0) if is_enough else None
    for span in SPANS:
        aged = [coin for coin in both if market.places[coin][day] >= span]
        row[f"n_ema_{span}"] = len(aged)
        row[f"above_ema_{span}_pct"] = share_pct([now[c].price > market.averages[span][c][day] for c in aged])
    for days in BEATEN:
        bitcoin = market.gain(BITCOIN, day, days)
        gains = [gain for c in both if c != BITCOIN and (gain := market.gain(c, day, days)) is not None]
        row[f"n_beat_{days}d"] = len(gains)
        row[f"beat_bitcoin_{days}d_pct"] = None if bitcoin is None else share_pct([gain > bitcoin for gain in gains])
    ranked = [coin for coin in both if market.at(coin, day - CHURN_DAYS * DAY)]
    row["n_ranked_7d"] = len(ranked)
    row["rank_churn_7d"] = (
        churn([market.closes[c][day - CHURN_DAYS * DAY].cap for c in ranked], [now[c].cap for c in ranked])
        if len(ranked) >= LEAST
        else None
    )
    names = ("median_return_pct", "cap_weighted_return_pct", "median_minus_cap_weighted_pct", "dispersion_pct")
    row |= dict.fromkeys((*names, "hhi_index", "n_effective"))
    if is_enough:
        middle = median(returns.values())
        weighted = math.fsum(old[c].cap * returns[c] for c in both) / math.fsum(old[c].cap for c in both)
        total, squares = math.fsum(now[c].cap for c in both), math.fsum(now[c].cap ** 2 for c in both)
        figures = (100 * middle, 100 * weighted, 100 * (middle - weighted), 100 * stdev(returns.values()))
        row |= dict(zip(names, figures, strict=True))
        row |= {"hhi_index": 10_000 * squares / total**2, "n_effective": total**2 / squares}
    return row


# From here on: a warehouse file.


def cohort_coins(file: str) -> tuple[list[str], date]:
    """Coins that were ever listed above the smallest limit and not excluded, and the first list's close."""
    rows = accepted(file, "raw.cohort_members", ("observed_at", "coin_id"))
    newest_flag = {row["coin_id"]: row["is_excluded"] for row in sorted(rows, key=lambda row: row["observed_at"])}
    first = min(utc_day(row["observed_at"]) for row in rows) + DAY
    return sorted(coin for coin, is_excluded in newest_flag.items() if not is_excluded), first


def newest(lists: Mapping[date, list[str]], day: date) -> tuple[list[str], bool]:
    """The newest list known at a close, or the first one; and whether it is that, known later only."""
    known = [at for at in lists if at <= day]
    at = max(known) if known else min(lists)
    return lists[at], not known


def fresh_closes(file: str, last: date) -> Closes:
    """Closes whose observation is of the 24 hours before them, in one unit of each coin."""
    seen = observations(file)
    times = {coin: [ts for ts, _ in points] for coin, points in seen.items()}
    closes = daily_closes(seen, last)
    fresh = {
        coin: {
            day: close
            for day, close in own.items()
            if any(midnight(day) - DAY < ts <= midnight(day) for ts in times[coin])
        }
        for coin, own in closes.items()
    }
    return restated(fresh)


def universes(file: str, settings: Path, closes: Closes) -> Iterator[tuple[str, str, Any]]:
    """Category, series, and a function of a close to (members, whether back-filled)."""
    source = source_of(settings)
    top_n, limits = source.get("narrative_top_n", 10), sorted(source["range_lower_limits"])
    ranked = narrative_lists(file)
    for slug in source["narratives"]:
        tops = {day: [coin for coin, _ in rows[:top_n]] for day, rows in ranked[slug].items()}
        yield "Narratives", slug, lambda day, tops=tops: newest(tops, day)
    cohort, first = cohort_coins(file)

    def in_range(day: date, limit: float | None) -> tuple[list[str], bool]:
        caps = {coin: closes[coin][day].cap for coin in cohort if day in closes.get(coin, {})}
        wanted = [coin for coin, cap in caps.items() if cap > limits[0]]
        return [coin for coin in wanted if limit is None or range_of(caps[coin], limits) == limit], day < first

    for limit in limits:
        yield "Ranges", str(int(limit)), lambda day, limit=limit: in_range(day, limit)
    yield "Cohort", "cohort", lambda day: in_range(day, None)


def recompute(file: str, settings: Path) -> list[Comparison]:
    """Compare every universe at every close."""
    stored = [row | {"ts": utc_day(row["ts"])} for row in read(file, "select * from mart.breadth")]
    if not stored:
        return []
    closes = fresh_closes(file, max(row["ts"] for row in stored))
    market, expected = Market.of(closes), []
    for category, series, members_at in universes(file, settings, closes):
        days = sorted(row["ts"] for row in stored if (row["category"], row["series"]) == (category, series))
        rows: Rows = []
        for day in days:
            members, is_backfilled = members_at(day - DAY)
            key = {"category": category, "series": series, "ts": day, "is_backfilled": is_backfilled}
            rows.append(key | measures(market, members, day))
        for row, value in zip(rows, mcclellan([row["advance_decline"] for row in rows]), strict=True):
            row["mcclellan"] = value
        expected += rows
    return [compared("mart.breadth", expected, stored, ("category", "series", "ts"))]


if __name__ == "__main__":
    sys.exit(main(recompute, sys.argv[1:]))
