"""Daily closes of coins from the raw tables of a warehouse file; shared by the scripts that recompute measures on them.

A close of a coin is its last observation at or before 00:00 UTC that has a price and a market cap; one that is more
than two days old is none. Days are dates, meaning their 00:00 UTC. It imports nothing of the package.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from recompute import DAY, Rows, read, utc_day

MAX_AGE = timedelta(days=2)
SUPPLY_CLOSES = 7
QUERIES = {
    "raw.market_caps": "select coin_id, ts, market_cap_usd, price_usd from raw.market_caps",
    "raw.narrative_members": "select * from raw.narrative_members",
    "raw.cohort_members": "select * from raw.cohort_members",
}
# Price and supply move inversely beyond half, and the cap, their product, stays.
REDENOMINATED_FROM, STEADY_CAP = 2.0, 1.5


class Close(NamedTuple):
    """A coin at a close; supply is the quotient of both."""

    cap: float
    price: float

    @property
    def supply(self) -> float:
        """Of this close alone."""
        return self.cap / self.price


Closes = dict[str, dict[date, Close]]


def midnight(day: date) -> datetime:
    """00:00 UTC of a day."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def days_between(first: date, last: date) -> list[date]:
    """All days from the first to the last."""
    return [first + n * DAY for n in range((last - first).days + 1)]


def accepted(file: str, name: str, key: Sequence[str]) -> Rows:
    """Rows of a raw table by its key, without what is quarantined."""
    quarantine = read(file, "select table_name, key from meta.quarantine where released_at is null")
    left_out = {row["key"] for row in quarantine if row["table_name"] == name}
    rows = read(file, QUERIES[name])
    return [row for row in rows if ",".join(_text(row[column]) for column in key) not in left_out]


def _text(value: object) -> str:
    return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if isinstance(value, datetime) else str(value)


def observations(file: str) -> dict[str, list[tuple[datetime, Close]]]:
    """Each coin's observations of price and cap, by time."""
    seen: dict[str, list[tuple[datetime, Close]]] = {}
    for row in accepted(file, "raw.market_caps", ("coin_id", "ts")):
        figures = (row["market_cap_usd"], row["price_usd"])
        if all(figure is not None and math.isfinite(figure) and figure > 0 for figure in figures):
            close = Close(row["market_cap_usd"], row["price_usd"])
            seen.setdefault(row["coin_id"], []).append((row["ts"].astimezone(UTC), close))
    return {coin: sorted(points, key=lambda point: point[0]) for coin, points in sorted(seen.items())}


def daily_closes(seen: Mapping[str, Sequence[tuple[datetime, Close]]], last: date) -> Closes:
    """Of each coin the last observation at or before each 00:00 UTC, at most two days old."""
    closes: Closes = {}
    for coin, points in seen.items():
        at, own = 0, closes.setdefault(coin, {})
        for day in days_between(utc_day(points[0][0]), last):
            while at < len(points) and points[at][0] <= midnight(day):
                at += 1
            if at and midnight(day) - points[at - 1][0] <= MAX_AGE:
                own[day] = points[at - 1][1]
    return closes


def redenominations(own: Mapping[date, Close]) -> dict[date, float]:
    """Day to how many new units stand for an old one: supply and price moved inversely beyond half at a steady cap."""
    found = {}
    days = sorted(own)
    for before, day in pairwise(days):
        units = own[day].supply / own[before].supply
        price, cap = own[day].price / own[before].price, own[day].cap / own[before].cap
        inverse = (units > REDENOMINATED_FROM and price < 1 / REDENOMINATED_FROM) or (
            units < 1 / REDENOMINATED_FROM and price > REDENOMINATED_FROM
        )
        if inverse and 1 / STEADY_CAP < cap < STEADY_CAP:
            # So many whole new units for an old one, or the reverse; the quotient knows it but for timing.
            found[day] = float(round(units)) if units > 1 else 1 / round(1 / units)
    return found


def restated(closes: Closes) -> Closes:
    """Prices in the first unit of each coin throughout; caps stay."""
    result: Closes = {}
    for coin, own in closes.items():
        units, steps = 1.0, redenominations(own)
        result[coin] = {}
        for day in sorted(own):
            units *= steps.get(day, 1.0)
            result[coin][day] = Close(own[day].cap, own[day].price * units)
    return result


def median_supply(quotients: Sequence[float], window: int = SUPPLY_CLOSES) -> list[float]:
    """The median of the last closes at each; of fewer at the beginning."""
    return [median(quotients[max(0, at + 1 - window) : at + 1]) for at in range(len(quotients))]


def supplies(own: Mapping[date, Close]) -> dict[date, float]:
    """A coin's supply at its closes."""
    days = sorted(own)
    return dict(zip(days, median_supply([own[day].supply for day in days]), strict=True))


def ema(values: Iterable[float | None], span: int) -> list[float | None]:
    """Seeded with the first value; a null stays null and ages the past."""
    alpha, average, steps = 2 / (span + 1), None, 0
    found: list[float | None] = []
    for value in values:
        steps += 1
        if value is None:
            found.append(None)
            continue
        if average is None:
            average = value
        else:
            old = (1 - alpha) ** steps
            average = (old * average + alpha * value) / (old + alpha)
        steps = 0
        found.append(average)
    return found


def narrative_lists(file: str) -> dict[str, dict[date, list[tuple[str, float | None]]]]:
    """Narrative to the day at whose 00:00 a list was known to its coins by rank; excluded ones are left out."""
    rows = accepted(file, "raw.narrative_members", ("observed_at", "narrative", "coin_id"))
    last: dict[tuple[str, date], datetime] = {}
    for row in rows:
        key = (row["narrative"], utc_day(row["observed_at"]))
        last[key] = max(last.get(key, row["observed_at"]), row["observed_at"])
    lists: dict[str, dict[date, list[tuple[str, float | None]]]] = {}
    for row in sorted(rows, key=lambda row: row["rank"]):
        day = utc_day(row["observed_at"])
        if row["observed_at"] == last[row["narrative"], day] and not row["is_excluded"]:
            lists.setdefault(row["narrative"], {}).setdefault(day + DAY, []).append(
                (row["coin_id"], row["market_cap_usd"])
            )
    return lists


def source_of(settings: Path) -> dict[str, Any]:
    """The table of the chosen market-cap provider."""
    table = tomllib.loads(settings.read_text(encoding="utf-8"))
    source: dict[str, Any] = table["providers"][table.get("provider", "coingecko")]
    return source
