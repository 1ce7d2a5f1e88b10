"""Compute the chained index a second time, from raw tables by the text of the methodology, and compare.

Usage: ``python tools/recompute_index.py FILE [SETTINGS]``. It imports nothing of the package. The rules: a basket set
at the close of day s uses what was known at s; ``u_i = w_i / P_i``, ``I_t = I_s sum(u P_t)``, and on caps
``C_s sum(w C_t / C_s)``; members and weights are set anew at the first close of a month; incumbents within rank N + 2
stay, best first, the rest is filled by rank among coins that have a price; a missing price is held and not covered;
before the first stored list its members are taken, back-filled. In a coin both are divided by that coin's relatives.

The day on which an index began is taken from the stored table: it is carried on, and follows from no raw table.
"""

from __future__ import annotations

import math
import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from recompute import Rows, read, utc_day
from recompute_closes import (
    MAX_AGE,
    Close,
    Closes,
    daily_closes,
    days_between,
    midnight,
    narrative_lists,
    observations,
    redenominations,
    restated,
)
from recompute_compare import Comparison, compared, main

BASE = 1000.0
STARTS: dict[str, Callable[[date], bool]] = {
    "weekly": lambda day: day.weekday() == 0,
    "monthly": lambda day: day.day == 1,
    "quarterly": lambda day: day.day == 1 and day.month % 3 == 1,
}
# In place of a close: present prices, after all of them.
NOW = date.max
TOP_N, BUFFER = 10, 2

Basket = dict[str, float]  # coin to weight, best first


def capped_weights(weights: Mapping[str, float], limit: float) -> Basket:
    """Excess goes to coins that are not capped, in proportion, until none is above; equal where all would be capped."""
    total = math.fsum(weights.values())
    shares = {coin: weight / total for coin, weight in weights.items()}
    if limit * len(shares) <= 1:
        return dict.fromkeys(shares, 1 / len(shares))
    capped: set[str] = set()
    while True:
        free = math.fsum(weight for coin, weight in shares.items() if coin not in capped)
        left = 1 - limit * len(capped)
        now = {coin: limit if coin in capped else weight * left / free for coin, weight in shares.items()}
        above = {coin for coin, weight in now.items() if coin not in capped and weight > limit}
        if not above:
            return now
        capped |= above


def weights_of(caps: Mapping[str, float], weighting: str) -> Basket:
    """By cap, by cap with at most the larger of a quarter and 1/n, or equal."""
    if weighting == "equal":
        return dict.fromkeys(caps, 1 / len(caps))
    if weighting == "capped":
        return capped_weights(caps, max(0.25, 1 / len(caps)))
    total = math.fsum(caps.values())
    return {coin: cap / total for coin, cap in caps.items()}


def members_of(ranked: Sequence[str], incumbents: Sequence[str], top_n: int, buffer: int = BUFFER) -> list[str]:
    """Incumbents within the buffer, best first, then others by rank; all by rank."""
    staying = [coin for coin in ranked[: top_n + buffer] if coin in incumbents][:top_n]
    others = [coin for coin in ranked if coin not in staying]
    chosen = {*staying, *others[: top_n - len(staying)]}
    return [coin for coin in ranked if coin in chosen]


@dataclass
class Level:
    """An index at one close: before a basket is set there, but for `turnover`, which says what that changed.

    Attributes:
        price: the price index.
        cap: the cap index.
        n: coins held up to here.
        coverage: share of the price index whose prices are known.
        contributions: coin to its share of the return since the close before.
        points: coin to the points of the price index in it at the close before and here.
        cap_points: coin to the points of the cap index in it.
        turnover: half of the sum of changes of weights, where a basket is set.
    """

    price: float
    cap: float
    n: int
    coverage: float = 1.0
    contributions: dict[str, float] = field(default_factory=dict)
    points: dict[str, tuple[float, float]] = field(default_factory=dict)
    cap_points: dict[str, float] = field(default_factory=dict)
    turnover: float | None = None


def chain(
    days: Sequence[date], basket_of: Callable[[date, list[str]], Basket | None], closes: Closes
) -> dict[date, Level]:
    """The index at each close from 1 on.

    Args:
        days: all closes, the first of which has a basket.
        basket_of: the basket that is set at a close, given the coins held so far; None where none is.
        closes: in one unit of each coin throughout.
    """
    levels: dict[date, Level] = {}
    basket: Basket = {}
    set_price = set_cap = 1.0
    set_at: dict[str, Close] = {}
    last: dict[str, Close] = {}
    before: dict[str, float] = {}
    for day in days:
        known = {coin: own[day] for coin, own in closes.items() if day in own}
        level = Level(set_price, set_cap, len(basket))
        if basket:
            last |= {coin: known[coin] for coin in basket if coin in known}
            points = {coin: set_price * w * last[coin].price / set_at[coin].price for coin, w in basket.items()}
            cap_points = {coin: set_cap * w * last[coin].cap / set_at[coin].cap for coin, w in basket.items()}
            total = math.fsum(points.values())
            level = Level(
                total,
                math.fsum(cap_points.values()),
                len(basket),
                math.fsum(value for coin, value in points.items() if coin in known) / total,
                {coin: (points[coin] - before[coin]) / math.fsum(before.values()) for coin in basket},
                {coin: (before[coin], points[coin]) for coin in basket},
                cap_points,
            )
            before = points
        levels[day] = level
        new = basket_of(day, list(basket))
        if new is not None:
            if basket:
                drifted = {coin: value / level.price for coin, value in before.items()}
                moved = [
                    abs(new.get(coin, 0.0) - drifted.get(coin, 0.0)) for coin in sorted(new.keys() | drifted.keys())
                ]
                level.turnover = math.fsum(moved) / 2
            else:
                level.n = len(new)
            basket, set_price, set_cap = new, level.price, level.cap
            set_at = {coin: known[coin] for coin in basket}
            last = dict(set_at)
            before = {coin: set_price * weight for coin, weight in basket.items()}
    return levels


# From here on: a warehouse file.


@dataclass(frozen=True)
class Rule:
    """How an index is made, from the settings."""

    top_n: int
    buffer: int
    weighting: str
    reconstitution: str
    narratives: list[str]
    portfolios: dict[str, list[str]]
    bases: list[str]

    @classmethod
    def read(cls, path: Path) -> Rule:
        """From a TOML file."""
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
        source, index = (
            settings["providers"][settings.get("provider", "coingecko")],
            settings.get("narrative_index", {}),
        )
        return cls(
            source.get("narrative_top_n", TOP_N),
            index.get("buffer", BUFFER),
            index.get("weighting", "cap"),
            index.get("reconstitution", "monthly"),
            source["narratives"],
            source.get("asset_groups", {}),
            list(dict.fromkeys(["us-dollar", *source.get("base_assets", ["us-dollar", "bitcoin"])])),
        )


@dataclass
class Baskets:
    """Sets the basket of one series, and keeps what it set."""

    rule: Rule
    closes: Closes
    first: date
    last: date
    lists: Mapping[date, list[tuple[str, float | None]]] | None
    portfolio: Sequence[str] = ()
    made: dict[date, tuple[Basket, set[str]]] = field(default_factory=dict)
    ranks: dict[date, dict[str, int]] = field(default_factory=dict)

    def known_list(self, day: date) -> tuple[list[str], bool]:
        """The newest list known at a close, else the first one; and whether it is that, known later."""
        if self.lists is None:
            return list(self.portfolio), False
        known = [at for at in self.lists if at <= day]
        at = max(known) if known else min(self.lists)
        return [coin for coin, _ in self.lists[at]], not known

    def __call__(self, day: date, incumbents: list[str]) -> Basket | None:
        """The basket at the first close of all and of each period, as far as closes are final."""
        if day > self.last or (day != self.first and not STARTS[self.rule.reconstitution](day)):
            return None
        listed, is_later = self.known_list(day)
        eligible = [coin for coin in listed if day in self.closes.get(coin, {})]
        if self.lists is None or is_later:
            chosen = eligible[: self.rule.top_n] if self.lists is not None else eligible
        else:
            chosen = members_of(eligible, incumbents, self.rule.top_n, self.rule.buffer)
        basket = weights_of({coin: self.closes[coin][day].cap for coin in chosen}, self.rule.weighting)
        self.made[day] = (basket, set(incumbents))
        self.ranks[day] = {coin: place for place, coin in enumerate(eligible, 1)}
        return basket


def recompute(file: str, settings: Path) -> list[Comparison]:
    """Compare levels, members and contributions of every series."""
    rule, seen = Rule.read(settings), observations(file)
    stored = [row | {"ts": place_of(row["ts"])} for row in read(file, "select * from mart.narrative_index")]
    if not stored:
        return []
    raw = daily_closes(seen, max(row["ts"] for row in stored if row["ts"] != NOW))
    for coin, close in present(seen).items():
        raw[coin][NOW] = close
    closes, lists = restated(raw), narrative_lists(file)
    expected: dict[str, Rows] = {"levels": [], "members": [], "contributions": []}
    units = {coin: redenominations(own) for coin, own in raw.items()}
    for category, names in (("Narratives", rule.narratives), ("Portfolios", list(rule.portfolios))):
        for name in names:
            own = [row for row in stored if (row["category"], row["series"]) == (category, name)]
            if not own:
                continue
            final = [row["ts"] for row in own if not row["is_provisional"]]
            later = sorted({row["ts"] for row in own if row["is_provisional"]})
            days = days_between(min(final), max(final))
            baskets = Baskets(
                rule,
                closes,
                days[0],
                days[-1],
                lists[name] if category == "Narratives" else None,
                rule.portfolios.get(name, ()) if category == "Portfolios" else (),
            )
            levels = chain([*days, *later], baskets, closes)
            key = {"category": category, "series": name}
            first_known = min(lists[name]) if category == "Narratives" else None
            expected["levels"] += level_rows(key, levels, closes, rule, first_known=first_known, last_final=days[-1])
            expected["members"] += member_rows(key, baskets, raw, units)
            expected["contributions"] += contribution_rows(key, {day: levels[day] for day in days})
    members = read(file, "select * from core.narrative_constituents")
    members = [row | {"effective_from": utc_day(row["effective_from"])} for row in members]
    parts = [row | {"ts": utc_day(row["ts"])} for row in read(file, "select * from mart.index_contributions")]
    return [
        compared("mart.narrative_index", expected["levels"], stored, ("category", "series", "base_asset", "ts")),
        compared(
            "core.narrative_constituents",
            expected["members"],
            members,
            ("category", "series", "coin_id", "effective_from"),
        ),
        compared("mart.index_contributions", expected["contributions"], parts, ("category", "series", "coin_id", "ts")),
    ]


def place_of(moment: datetime) -> date:
    """The close of a row, or that of the present prices."""
    return utc_day(moment) if moment == midnight(utc_day(moment)) else NOW


def present(seen: Mapping[str, Sequence[tuple[datetime, Close]]]) -> dict[str, Close]:
    """Each coin's last observation, at most two days older than the newest of all."""
    newest = max(points[-1][0] for points in seen.values())
    return {coin: points[-1][1] for coin, points in seen.items() if newest - points[-1][0] <= MAX_AGE}


def level_rows(
    key: dict[str, Any],
    levels: Mapping[date, Level],
    closes: Closes,
    rule: Rule,
    *,
    first_known: date | None,
    last_final: date,
) -> Rows:
    """Rows of ``mart.narrative_index``; a series without stored lists is back-filled throughout."""
    rows: Rows = []
    first = min(levels)
    for base in rule.bases:
        for day, level in levels.items():
            price = cap = 1.0
            if base != "us-dollar":
                now, then = closes[base].get(day), closes[base][first]
                if now is None:
                    continue
                price, cap = now.price / then.price, now.cap / then.cap
            rows.append(
                key
                | {
                    "base_asset": base,
                    "ts": day,
                    "price_index": BASE * level.price / price,
                    "cap_index": BASE * level.cap / cap,
                    "n": level.n,
                    "coverage_pct": 100 * level.coverage,
                    "turnover_pct": None if level.turnover is None else 100 * level.turnover,
                    "is_backfilled": first_known is None or day < first_known,
                    "is_provisional": day > last_final,
                }
            )
    return rows


def member_rows(key: dict[str, Any], baskets: Baskets, raw: Closes, units: Mapping[str, Mapping[date, float]]) -> Rows:
    """Rows of ``core.narrative_constituents``; what is redenominated while a basket holds is in its new unit there."""
    days, rows = sorted(baskets.made), []
    for day, end in zip(days, [*days[1:], date.max], strict=True):
        basket, incumbents = baskets.made[day]
        for coin, weight in basket.items():
            split = math.prod(factor for at, factor in units[coin].items() if day < at <= end)
            price = raw[coin][day].price / split
            rows.append(
                key
                | {
                    "coin_id": coin,
                    "effective_from": day,
                    "rank": baskets.ranks[day][coin],
                    "weight": weight,
                    "units": weight / price,
                    "is_incumbent": coin in incumbents,
                    "price_usd": price,
                    "market_cap_usd": raw[coin][day].cap,
                }
            )
    return rows


def contribution_rows(key: dict[str, Any], levels: Mapping[date, Level]) -> Rows:
    """Rows of ``mart.index_contributions``."""
    return [
        key
        | {
            "coin_id": coin,
            "ts": day,
            "points_before": BASE * before,
            "points": BASE * after,
            "cap_points": BASE * level.cap_points[coin],
            "contribution_pct": 100 * level.contributions[coin],
        }
        for day, level in levels.items()
        for coin, (before, after) in level.points.items()
    ]


if __name__ == "__main__":
    sys.exit(main(recompute, sys.argv[1:]))
