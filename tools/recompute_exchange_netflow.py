"""Compute the net flow of reserves a second time, from raw tables: names of tokens, bases, faulty prices, mean prices.

Usage: ``python tools/recompute_exchange_netflow.py FILE``. The rules are those of ``docs/decisions/0005`` (the table of
names is read from there) and of the data dictionary, as plain loops; golden_exchanges.py has the arithmetic of a
day. Nothing of the package is imported. Prices of the market are those of ``raw.market_caps``.
"""

from __future__ import annotations

import math
import re
import sys
from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from golden_exchanges import Holding, day_flows, day_of_record, market_moves
from recompute import Rows, differences, main, read

DECISION = Path(__file__).resolve().parent.parent / "docs" / "decisions" / "0005-exchange-net-flow.md"
JUMP = 5.0

Held = dict[str, dict[date, dict[str, Holding]]]
Row = dict[str, Any]


def names() -> dict[str, str]:
    """Names of tokens in capitals, their own among them, to the token: the table of the decision."""
    result = {}
    for line in DECISION.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `") and len(cells) == 4:
            result |= {name.upper(): cells[1] for name in (cells[1], *re.findall(r"`([^`]+)`", cells[0]))}
    return result


def token_of(symbol: str, aliases: dict[str, str]) -> str:
    """The token that a symbol names."""
    name = symbol.removeprefix("coingecko:")
    return aliases.get(name.upper(), name)


def key_of(row: Row) -> str:
    """A row's key as the quarantine writes it."""
    return f"{row['slug']},{row['ts'].astimezone(UTC):%Y-%m-%dT%H:%M:%SZ},{row['token']}"


def jumps(ratio: float) -> bool:
    """Whether a ratio lies beyond 5 times, up or down."""
    return ratio > JUMP or ratio < 1 / JUMP


def market_prices(file: str) -> dict[str, list[tuple[datetime, float]]]:
    """Symbol in capitals to the prices of its largest coin, by time."""
    rows = read(
        file,
        "select upper(symbol) as symbol, coin_id, ts, price_usd, market_cap_usd"
        " from raw.coins join raw.market_caps using (coin_id) order by ts",
    )
    largest: dict[str, tuple[float, str]] = {}
    for row in rows:
        size = (row["market_cap_usd"], row["coin_id"])
        largest[row["symbol"]] = max(largest.get(row["symbol"], size), size)
    result: dict[str, list[tuple[datetime, float]]] = {}
    for row in rows:
        if row["coin_id"] == largest[row["symbol"]][1] and row["price_usd"]:
            result.setdefault(row["symbol"], []).append((row["ts"], row["price_usd"]))
    return result


def price_at(prices: list[tuple[datetime, float]], moment: datetime) -> float | None:
    """The newest price at or before a moment, up to 26 hours older."""
    place = bisect_right(prices, moment, key=lambda point: point[0])
    if not place or moment - prices[place - 1][0] > timedelta(hours=26):
        return None
    return prices[place - 1][1]


def faulty(rows: Rows, market: dict[str, list[tuple[datetime, float]]]) -> set[str]:
    """Keys of the records in which one unit is worth what it cannot be."""
    paths: dict[tuple[str, str], Rows] = {}
    for row in sorted(rows, key=lambda row: row["ts"]):
        if not row["is_now"] and (row["quantity"] or 0) > 0 and (row["value_usd"] or 0) > 0:
            price = row["value_usd"] / row["quantity"]
            market_price = price_at(market.get(row["token"].upper(), []), row["ts"])
            path = paths.setdefault((row["slug"], row["token"]), [])
            path.append(row | {"price": price, "market": market_price})
    moves: dict[tuple[str, date, date], list[float]] = {}
    for (_, token), path in paths.items():
        for before, now in pairwise(path):
            days = day_of_record(before["ts"]), day_of_record(now["ts"])
            moves.setdefault((token, *days), []).append(now["price"] / before["price"])
    elsewhere = {key: median(ratios) for key, ratios in moves.items() if len(ratios) >= 3}
    return {key_of(row) for (_, token), path in paths.items() for row in _faulty_of(path, token, elsewhere)}


def _faulty_of(path: Rows, token: str, elsewhere: dict[tuple[str, date, date], float]) -> Iterator[Row]:
    basis = 1.0
    for place, row in enumerate(path):
        before = path[place - 1] if place else None
        row["rebased"] = False
        if before:
            move = elsewhere.get((token, day_of_record(before["ts"]), day_of_record(row["ts"])), 1.0)
            value = row["value_usd"] / before["value_usd"]
            cancels = any(abs(ratio - 1) <= 0.05 + 1e-9 for ratio in (value, value / move))
            row["rebased"] = jumps(row["price"] / before["price"]) and cancels
            market = row["market"] / before["market"] if row["market"] and before["market"] else 1.0
            if row["rebased"] and not jumps(market):
                basis *= row["quantity"] / before["quantity"]
        row["relative"] = row["price"] * basis / row["market"] if row["market"] else None
    known = [row["relative"] for row in path if row["relative"]]
    usual = median(known) if known else None
    for place, row in enumerate(path):
        before = path[place - 1] if place else None
        row["at_fault"] = not row["rebased"] and _is_at_fault(path, place, usual)
        if row["at_fault"] and max(row["value_usd"], before["value_usd"] if before else 0.0) >= 10_000:
            yield row


def _is_at_fault(path: Rows, place: int, usual: float | None) -> bool:
    row = path[place]
    if row["relative"] and usual and not jumps(usual):
        return jumps(row["relative"] / usual)
    if not place or not jumps(row["price"] / path[place - 1]["price"]):
        return False
    is_confirmed = place + 1 < len(path) and not jumps(path[place + 1]["price"] / row["price"])
    earlier = path[place - 2] if place >= 2 else None
    is_return = earlier is not None and not earlier["at_fault"] and not jumps(row["price"] / earlier["price"])
    return not is_return and (not is_confirmed or jumps(row["quantity"] / path[place - 1]["quantity"]))


def holdings(rows: Rows, aliases: dict[str, str]) -> tuple[Held, dict[tuple[str, date], datetime]]:
    """Slug to day to token to holding, of the record nearest each midnight, and the time of that record."""
    nearest: dict[tuple[str, date], tuple[timedelta, datetime]] = {}
    for row in rows:
        if not row["is_now"]:
            day = day_of_record(row["ts"])
            midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
            distance = (abs(row["ts"] - midnight), row["ts"])
            nearest[row["slug"], day] = min(nearest.get((row["slug"], day), distance), distance)
    times = {key: ts for key, (_, ts) in nearest.items()}
    held: Held = {}
    for row in rows:
        day = day_of_record(row["ts"])
        if row["is_now"] or times[row["slug"], day] != row["ts"]:
            continue
        tokens = held.setdefault(row["slug"], {}).setdefault(day, {})
        token = token_of(row["token"], aliases)
        quantity, value = tokens.get(token, (0.0, None))
        unknown = quantity is None or row["quantity"] is None
        value = row["value_usd"] if value is None else value + (row["value_usd"] or 0.0)
        tokens[token] = (None if unknown else quantity + row["quantity"], value)
    return held, times


def netflows(held: Held, own: dict[str, set[str]], quarantined: dict[tuple[str, date], set[str]]) -> Iterator[Row]:
    """Figures of each day that is compared with a record before."""
    moves = market_moves(held)
    for slug, days in held.items():
        ordered = sorted(days)
        for before, day in pairwise(ordered):
            if days[before] == days[day]:
                continue  # carried forward
            since = {token: moves.get((token, before, day), 1.0) for token in days[day]}
            left_out = quarantined.get((slug, before), set()) | quarantined.get((slug, day), set())
            yield {
                "slug": slug,
                "day": day,
                **day_flows(days[before], days[day], own.get(slug, set()), since, left_out),
            }


def compare(file: str) -> list[str]:
    """One line for each figure of the file that is not as recomputed."""
    # Without any figure it is what a later answer no longer names in that record.
    rows = read(
        file,
        "select slug, ts, token, quantity, value_usd, is_now from raw.cex_token_balances"
        " where quantity is not null or value_usd is not null",
    )
    settled = read(
        file,
        "select key, rule from meta.quarantine where table_name = 'raw.cex_token_balances' and released_at is null",
    )
    found = {row["key"] for row in settled if row["rule"] == "reserve_prices"}
    others = {row["key"] for row in settled} - found
    expected = faulty([row for row in rows if key_of(row) not in others], market_prices(file)) - others
    lines = [f"quarantine: {key} is left out by one side only" for key in sorted(found ^ expected)]

    aliases = names()
    gone = [row for row in rows if key_of(row) in found | others]
    held, times = holdings([row for row in rows if key_of(row) not in found | others], aliases)
    left_out: dict[tuple[str, date], set[str]] = {}
    for row in gone:
        key = row["slug"], day_of_record(row["ts"])
        if times.get(key) == row["ts"]:
            left_out.setdefault(key, set()).add(token_of(row["token"], aliases))
    exchanges = read(file, "select defillama_slug as slug, own_tokens from core.exchanges where own_tokens is not null")
    own = {row["slug"]: {token_of(each.strip(), aliases) for each in row["own_tokens"].split(",")} for row in exchanges}
    stored = read(file, "from mart.exchange_netflow where left_out_usd is not null")
    recomputed = [
        {name: value for name, value in row.items() if not (isinstance(value, float) and math.isnan(value))}
        for row in netflows(held, own, left_out)
    ]
    return lines + [f"exchange_netflow {line}" for line in differences(recomputed, stored, ("slug", "day"))]


if __name__ == "__main__":
    sys.exit(main(compare, sys.argv[1:]))
