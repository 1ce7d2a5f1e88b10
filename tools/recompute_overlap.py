"""Compute what narratives share, the market map and dominance a second time, from raw tables, and compare.

Usage: ``python tools/recompute_overlap.py FILE [SETTINGS]``. It imports nothing of the package. The rules: what two
narratives share is the caps of coins in both, of the smaller one and of their union; disjoint, each coin belongs to the
smallest narrative that has it, by the total of its members, else to "other"; dominance is of the coins above the
smallest limit at a close, stablecoins among them, without other pegged, wrapped and staked coins.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from pathlib import Path

from recompute import DAY, Rows, read, utc_day
from recompute_breadth import Market, cohort_coins, fresh_closes, newest
from recompute_closes import Closes, accepted, narrative_lists, source_of
from recompute_compare import Comparison, compared, main

OTHER = "other"
PERIODS = (1, 7, 30)


def shared(left: Collection[str], right: Collection[str], caps: Mapping[str, float]) -> tuple[float, float, float]:
    """The caps of coins in both, and its parts of the smaller group and of the union."""
    both, either = (math.fsum(caps[coin] for coin in coins) for coins in ({*left} & {*right}, {*left} | {*right}))
    smaller = min(math.fsum(caps[coin] for coin in group) for group in (left, right))
    return both, both / smaller, both / either


def assigned(groups: Mapping[str, Collection[str]], caps: Mapping[str, float]) -> dict[str, str]:
    """Each coin to the smallest group that has it, by the caps of its members, or to none of them."""
    totals = {name: math.fsum(caps[coin] for coin in coins) for name, coins in groups.items()}
    order = sorted(groups, key=lambda name: (totals[name], name))
    return {coin: next((name for name in order if coin in groups[name]), OTHER) for coin in caps}


# From here on: a warehouse file.


def members_on(file: str, settings: Path, day: date) -> tuple[dict[str, list[str]], bool]:
    """Narrative to its members known at a close, and whether any are known later only."""
    source, ranked = source_of(settings), narrative_lists(file)
    groups, is_backfilled = {}, False
    for slug in source["narratives"]:
        lists = {at: [coin for coin, _ in rows] for at, rows in ranked[slug].items()}
        coins, is_later = newest(lists, day)
        groups[slug], is_backfilled = coins[: source.get("narrative_top_n", 10)], is_backfilled or is_later
    return groups, is_backfilled


def weighted_change(market: Market, coins: Sequence[str], day: date, days: int) -> float | None:
    """Of the coins known at both ends, by their caps before, in percent."""
    both = [coin for coin in coins if market.gain(coin, day, days) is not None]
    if not both:
        return None
    before = {coin: market.closes[coin][day - days * DAY].cap for coin in both}
    gains = math.fsum(before[coin] * ((market.gain(coin, day, days) or 1) - 1) for coin in both)
    return 100 * gains / math.fsum(before.values())


def map_tables(file: str, settings: Path, closes: Closes, day: date) -> tuple[Rows, Rows]:
    """Rows of ``mart.narrative_overlap`` and ``mart.market_map``."""
    limit = min(source_of(settings)["range_lower_limits"])
    caps = {coin: own[day].cap for coin, own in closes.items() if day in own}
    listed, is_backfilled = members_on(file, settings, day)
    groups = {slug: [coin for coin in coins if coin in caps] for slug, coins in listed.items()}
    slugs, overlaps = sorted(groups), []
    for at, left in enumerate(slugs):
        for right in slugs[at + 1 :]:
            both, of_smaller, of_union = shared(groups[left], groups[right], caps)
            overlaps.append(
                {
                    "series": left,
                    "other_series": right,
                    "ts": day,
                    "n_shared": len({*groups[left]} & {*groups[right]}),
                    "shared_usd": both,
                    "of_smaller_pct": 100 * of_smaller,
                    "of_union_pct": 100 * of_union,
                    "is_backfilled": is_backfilled,
                }
            )
    cohort, _ = cohort_coins(file)
    inside = {coin for group in groups.values() for coin in group} | {c for c in cohort if caps.get(c, 0) > limit}
    all_caps = {coin: caps[coin] for coin in sorted(inside)}
    parts, total = assigned(groups, all_caps), math.fsum(all_caps.values())
    market, rows = Market.of(closes), []
    for coin, part in parts.items():
        peers = [other for other, own in parts.items() if own == part]
        part_usd = math.fsum(all_caps[other] for other in peers)
        row = {
            "coin_id": coin,
            "series": part,
            "ts": day,
            "market_cap_usd": all_caps[coin],
            "share_pct": 100 * all_caps[coin] / total,
            "n_narratives": sum(coin in group for group in groups.values()),
            "series_usd": part_usd,
            "series_share_pct": 100 * part_usd / total,
            "is_backfilled": is_backfilled,
        }
        for days in PERIODS:
            gain = market.gain(coin, day, days)
            row[f"price_change_{days}d_pct"] = None if gain is None else 100 * (gain - 1)
            row[f"series_price_change_{days}d_pct"] = weighted_change(market, peers, day, days)
        rows.append(row)
    return overlaps, rows


def dominance_rows(file: str, closes: Closes, limit: float, days: Sequence[date]) -> Rows:
    """Rows of ``mart.dominance``."""
    coins, first = cohort_coins(file)
    lists = accepted(file, "raw.narrative_members", ("observed_at", "narrative", "coin_id"))
    stable = {row["coin_id"] for row in lists if row["narrative"] == "stablecoins"}
    rows: Rows = []
    for day in days:
        caps = {
            coin: closes[coin][day].cap
            for coin in sorted({*coins} | stable)
            if day in closes.get(coin, {}) and closes[coin][day].cap > limit
        }
        total, pegged = math.fsum(caps.values()), [caps[coin] for coin in caps if coin in stable]
        bitcoin, ether, dollars = caps["bitcoin"], caps["ethereum"], math.fsum(pegged)
        rows.append(
            {
                "ts": day,
                "n": len(caps),
                "n_stablecoins": len(pegged),
                "total_usd": total,
                "bitcoin_pct": 100 * bitcoin / total,
                "ethereum_pct": 100 * ether / total,
                "stablecoins_pct": 100 * dollars / total,
                "others_pct": 100 * (total - bitcoin - ether - dollars) / total,
                "total_without_bitcoin_usd": total - bitcoin,
                "total_without_bitcoin_and_ethereum_usd": total - bitcoin - ether,
                "total_without_stablecoins_usd": total - dollars,
                "is_backfilled": day < first,
            }
        )
    return rows


def recompute(file: str, settings: Path) -> list[Comparison]:
    """Compare the three tables."""
    found = {
        name: [row | {"ts": utc_day(row["ts"])} for row in read(file, sql)]
        for name, sql in (
            ("mart.narrative_overlap", "select * from mart.narrative_overlap"),
            ("mart.market_map", "select * from mart.market_map"),
            ("mart.dominance", "select * from mart.dominance"),
        )
    }
    if not found["mart.dominance"]:
        return []
    days = sorted(row["ts"] for row in found["mart.dominance"])
    closes = fresh_closes(file, days[-1])
    limit = min(source_of(settings)["range_lower_limits"])
    overlaps, places = map_tables(file, settings, closes, days[-1])
    expected = {
        "mart.narrative_overlap": (overlaps, ("series", "other_series")),
        "mart.market_map": (places, ("coin_id",)),
        "mart.dominance": (dominance_rows(file, closes, limit, days), ("ts",)),
    }
    return [compared(name, rows, found[name], key) for name, (rows, key) in expected.items()]


if __name__ == "__main__":
    sys.exit(main(recompute, sys.argv[1:]))
