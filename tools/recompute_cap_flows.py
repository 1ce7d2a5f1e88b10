"""Compute attribution, migration between ranges and the ranges' chains from raw tables a second time, and compare.

Usage: ``python tools/recompute_cap_flows.py FILE [SETTINGS]``. ``recompute_attribution.py`` has the rules of a day. It
imports nothing of the package. Members are those known at a close: of a narrative the stored list of the day before,
of a range the coins by their caps at the close. A coin without a close any more goes at its last one.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from recompute import DAY, Rows, read, utc_day
from recompute_attribution import Effects, State, added, effects, range_of, states, sticky_range
from recompute_breadth import cohort_coins, newest
from recompute_closes import (
    accepted,
    daily_closes,
    days_between,
    narrative_lists,
    observations,
    restated,
    source_of,
)
from recompute_compare import Comparison, compared, main

PERIODS = (1, 7, 30)
BASE = 1000.0
NAMES = {
    "price_effect_usd": "price",
    "supply_effect_usd": "supply",
    "large_supply_step_usd": "large_step",
    "timing_usd": "timing",
}

States = Mapping[str, Mapping[date, State]]


@dataclass(frozen=True)
class Market:
    """What all tables are made of.

    Attributes:
        states: coin to its states at its closes.
        pegged: coins whose supply has no large steps.
        cohort: coins that ranges consist of.
        first_list: the close that the first list of the cohort is for.
        seen_since: coin to the day of its first observation.
        gone: coins whose id the service no longer has.
        limits: of the ranges, ascending.
    """

    states: States
    pegged: frozenset[str]
    cohort: tuple[str, ...]
    first_list: date
    seen_since: Mapping[str, date]
    gone: frozenset[str]
    limits: tuple[float, ...]

    def at(self, coin: str, day: date) -> State | None:
        """A coin at a close, if it has one."""
        return self.states.get(coin, {}).get(day)

    def range_at(self, coin: str, day: date) -> float | None:
        """The range of its cap."""
        state = self.at(coin, day)
        return None if state is None else range_of(state.cap, self.limits)

    def in_range(self, limit: float, day: date) -> list[str]:
        """Coins of a range at a close."""
        return [coin for coin in self.cohort if self.range_at(coin, day) == limit]


def pegged_coins(file: str) -> frozenset[str]:
    """Coins that are excluded from narratives or ranges: pegged, wrapped, staked, lending receipts."""
    found = {row["coin_id"] for row in read(file, "select distinct coin_id from raw.excluded_coins")}
    for name in ("raw.narrative_members", "raw.cohort_members"):
        key = ("observed_at", "narrative", "coin_id") if "narrative" in name else ("observed_at", "coin_id")
        found |= {row["coin_id"] for row in accepted(file, name, key) if row["is_excluded"]}
        found |= {row["coin_id"] for row in accepted(file, name, key) if row.get("narrative") == "stablecoins"}
    return frozenset(found)


def day_effects(market: Market, coin: str, day: date) -> Effects | None:
    """What a coin's cap did since the close before; None where it lacks one of both."""
    before, now = market.at(coin, day - DAY), market.at(coin, day)
    return effects(before, now, is_pegged=coin in market.pegged) if before and now else None


def attribution_rows(market: Market, first: date, last: date) -> Rows:
    """Rows of ``mart.cap_attribution``."""
    rows: Rows = []
    for coin, own in market.states.items():
        for day in sorted(day for day in own if first <= day <= last):
            done, state = day_effects(market, coin, day), own[day]
            rows.append(
                {
                    "coin_id": coin,
                    "ts": day,
                    "market_cap_usd": state.cap,
                    "price_usd": state.price,
                    "supply": state.supply,
                    "change_usd": done and done.change,
                    **{column: done and getattr(done, name) for column, name in NAMES.items()},
                }
            )
    return rows


def totals_of(market: Market, before: Sequence[str], now: Sequence[str], day: date) -> dict[str, Any]:
    """One series at one close: its members at the close before, and here."""
    old = {coin: market.states[coin][day - DAY] for coin in before if market.at(coin, day - DAY)}
    new = {coin: market.states[coin][day] for coin in now if market.at(coin, day)}
    own = added(done for coin in old if (done := day_effects(market, coin, day)) is not None)
    came = [new[coin].cap for coin in new if coin not in old]
    left = [(market.at(coin, day) or old[coin]).cap for coin in old if coin not in new]
    return {
        "market_cap_before_usd": math.fsum(state.cap for state in old.values()),
        "market_cap_usd": math.fsum(state.cap for state in new.values()),
        "change_usd": math.fsum([*(s.cap for s in new.values()), *(-s.cap for s in old.values())]),
        **{column: getattr(own, name) for column, name in NAMES.items()},
        "arrivals_usd": math.fsum(came),
        "departures_usd": math.fsum(left),
        "n_members": len(new),
        "n_arrivals": len(came),
        "n_departures": len(left),
    }


def members_by_series(
    file: str, settings: Mapping[str, Any], market: Market
) -> dict[tuple[str, str], tuple[date, Callable[[date], list[str]]]]:
    """Category and series to the first close at which members are known, and to those of a close."""

    def listed(tops: dict[date, list[str]]) -> Callable[[date], list[str]]:
        return lambda day: newest(tops, day)[0]

    def fixed(coins: list[str]) -> Callable[[date], list[str]]:
        return lambda _: coins

    def in_range(limit: float) -> Callable[[date], list[str]]:
        return lambda day: market.in_range(limit, day)

    found: dict[tuple[str, str], tuple[date, Callable[[date], list[str]]]] = {}
    ranked, top_n = narrative_lists(file), settings.get("narrative_top_n", 10)
    for slug in settings["narratives"]:
        tops = {day: [coin for coin, _ in rows[:top_n]] for day, rows in ranked[slug].items()}
        found["Narratives", slug] = (min(tops), listed(tops))
    for name, coins in settings.get("asset_groups", {}).items():
        found["Portfolios", name] = (date.min, fixed(list(coins)))
    for limit in market.limits:
        found["Ranges", str(int(limit))] = (market.first_list, in_range(limit))
    return found


def total_rows(file: str, settings: Mapping[str, Any], market: Market, first: date, last: date) -> Rows:
    """Rows of ``mart.cap_attribution_totals``."""
    return [
        {"category": category, "series": series, "ts": day}
        | totals_of(market, members_at(day - DAY), members_at(day), day)
        for (category, series), (known, members_at) in members_by_series(file, settings, market).items()
        for day in days_between(max(first, known) + DAY, last)
    ]


def migration_rows(market: Market, first: date, last: date) -> Rows:
    """Rows of ``mart.range_migration``."""
    rows: Rows = []
    for period in PERIODS:
        for day in days_between(first + period * DAY, last):
            then = day - period * DAY
            for coin in market.cohort:
                old, new = market.range_at(coin, then), market.range_at(coin, day)
                if old == new:
                    continue
                before, after = market.at(coin, then), market.at(coin, day)
                if before is None and market.seen_since[coin] > then:
                    kind = "listed"
                elif after is None and coin in market.gone:
                    kind = "delisted"
                else:
                    kind = "entered" if old is None else "left" if new is None else "moved"
                rows.append(
                    {
                        "period_days": period,
                        "ts": day,
                        "ts_from": then,
                        "coin_id": coin,
                        "from_range": None if old is None else str(int(old)),
                        "to_range": None if new is None else str(int(new)),
                        "cap_before_usd": before and before.cap,
                        "cap_after_usd": after and after.cap,
                        "kind": kind,
                    }
                )
    return rows


def chain_rows(market: Market, first: date, last: date) -> Rows:
    """Rows of ``mart.range_chain``, without the level that it is shown beside."""
    held: dict[str, float | None] = {}
    levels: dict[float, float | None] = dict.fromkeys(market.limits)
    rows: Rows = []
    for day in days_between(first, last):
        for limit in market.limits:
            inside = [coin for coin, own in held.items() if own == limit]
            both = [coin for coin in inside if market.at(coin, day - DAY) and market.at(coin, day)]
            level = levels[limit]
            if level is not None and both:
                grown, before = (math.fsum(market.states[c][at].cap for c in both) for at in (day, day - DAY))
                levels[limit] = level * grown / before
        for coin in market.cohort:
            state = market.at(coin, day)
            if state is None:
                held.pop(coin, None)
            else:
                held[coin] = sticky_range(held.get(coin), state.cap, market.limits, is_new=coin not in held)
        for limit in market.limits:
            inside = [coin for coin, own in held.items() if own == limit]
            if levels[limit] is None and inside:
                levels[limit] = BASE
            rows.append(
                {
                    "series": str(int(limit)),
                    "ts": day,
                    "chain_index": levels[limit],
                    "n_members": len(inside),
                    "n_kept": sum(market.range_at(coin, day) != limit for coin in inside),
                }
            )
    return rows


def read_market(file: str, limits: Sequence[float], last: date) -> Market:
    """The market from raw tables."""
    seen = observations(file)
    coins, first_list = cohort_coins(file)
    gone = read(file, "select coin_id from raw.coins where not is_active")
    return Market(
        states(restated(daily_closes(seen, last))),
        pegged_coins(file),
        tuple(coins),
        first_list,
        {coin: utc_day(points[0][0]) for coin, points in seen.items()},
        frozenset(row["coin_id"] for row in gone),
        tuple(sorted(limits)),
    )


def recompute(file: str, settings: Path) -> list[Comparison]:
    """Compare the four tables."""
    found = {
        name: [row | {key: utc_day(row[key]) for key in ("ts", "ts_from") if key in row} for row in read(file, sql)]
        for name, sql in (
            ("mart.cap_attribution", "select * from mart.cap_attribution"),
            ("mart.cap_attribution_totals", "select * from mart.cap_attribution_totals"),
            ("mart.range_migration", "select * from mart.range_migration"),
            ("mart.range_chain", "select * from mart.range_chain"),
        )
    }
    stored = found["mart.cap_attribution"]
    if not stored:
        return []
    first, last = (pick(row["ts"] for row in stored) for pick in (min, max))
    source = source_of(settings)
    market = read_market(file, source["range_lower_limits"], last)
    began = max(first, market.first_list)
    expected = {
        "mart.cap_attribution": (attribution_rows(market, first, last), ("coin_id", "ts")),
        "mart.cap_attribution_totals": (
            total_rows(file, source, market, first, last),
            ("category", "series", "ts"),
        ),
        "mart.range_migration": (migration_rows(market, began, last), ("period_days", "ts", "coin_id")),
        "mart.range_chain": (chain_rows(market, began, last), ("series", "ts")),
    }
    return [
        compared(name, rows, found[name], key, sizes=("market_cap_usd",) if "attribution" in name else ())
        for name, (rows, key) in expected.items()
    ]


if __name__ == "__main__":
    sys.exit(main(recompute, sys.argv[1:]))
