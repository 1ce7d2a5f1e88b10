"""What every answer about the cross-asset part says of its figures: of when, from where, whether too old or made up."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from marketflows_pipeline.cli.reports.published_data import PublishedData
from marketflows_pipeline.warehouse.accepted import accepted_name

BARS, SHARES, VOLATILITY = "raw.daily_bars", "raw.shares_outstanding", "raw.volatility_index"

# The longest way from one session to the next is a holiday beside a weekend.
SESSION_LIMIT = timedelta(days=5)
# Issuers publish a session's shares on the next one.
FLOW_LIMIT = timedelta(days=7)
FETCH_LIMIT = timedelta(hours=26)

SYNTHETIC = "Synthetic: a made-up market of the tutorial, about no real asset. "

_COINS = "data provided by CoinGecko (https://www.coingecko.com)"
_A_MONDAY = datetime(1970, 1, 5, tzinfo=UTC)
_FIVE_DAYS, _WEEK = timedelta(days=5), timedelta(days=7)

_NAMES = {
    "yahoo": "Yahoo",
    "ssga": "State Street",
    "blackrock": "BlackRock",
    "spdr_gold": "SPDR Gold",
    "cboe": "Cboe",
    "fred": "FRED (Federal Reserve Bank of St. Louis)",
    "folder": "own files",
}


def head(source: PublishedData, as_of: datetime | None, *, stale: bool) -> dict[str, Any]:
    """The keys that every answer begins with; made-up prices are synthetic outside of the tutorial too."""
    return {**source.head(as_of, stale=stale), "synthetic": is_synthetic(source)}


def is_synthetic(source: PublishedData) -> bool:
    """Whether the figures are made up: the tutorial's, or bars whose source says so."""
    return source.setting.is_tutorial or any("synthetic" in name for name in _sources(source, BARS))


def fetched(source: PublishedData) -> dict[str, datetime | None]:
    """When each kind of data was last fetched."""
    return {table.removeprefix("raw."): source.as_of(table) for table in (BARS, SHARES, VOLATILITY)}


def is_stale(source: PublishedData, session: date | None, fetched_at: datetime | None) -> bool:
    """Whether a session is over 5 days ago, or the fetch over 26 hours of weekdays; unknown times are."""
    if session is None or fetched_at is None:
        return True
    return is_past(source, session, SESSION_LIMIT) or weekday_time(fetched_at, source.judged_at) > FETCH_LIMIT


def is_past(source: PublishedData, session: date, limit: timedelta) -> bool:
    """Whether a date is longer ago than the limit, in days of the calendar."""
    return source.judged_at.astimezone(UTC).date() - session > limit


def weekday_time(since: datetime, until: datetime) -> timedelta:
    """The time between two moments, Saturdays and Sundays (UTC) left out: nothing trades on them."""
    return _weekday_time(until) - _weekday_time(since)


def _weekday_time(moment: datetime) -> timedelta:
    weeks, rest = divmod(moment - _A_MONDAY, _WEEK)
    return weeks * _FIVE_DAYS + min(rest, _FIVE_DAYS)


def credit(source: PublishedData, *tables: str, with_coins: bool = False) -> str:
    """Where the figures are from, as the stored rows say, and that they are synthetic where they are.

    Args:
        source: the published file.
        tables: raw tables that the figures were made from, as far as they hold rows.
        with_coins: whether supplies of coins from the market-cap part are among the figures.
    """
    words = {BARS: "prices", SHARES: "shares outstanding", VOLATILITY: "VIX and VIX3M"}
    parts = [f"{words[table]}: {_in_words(_sources(source, table))}" for table in tables if source.has(table)]
    if with_coins:
        parts.append(f"supplies of coins: {_COINS}")
    text = "; ".join(parts) or "no source is stored"
    text = f"{text[0].upper()}{text[1:]}."
    return source.setting.synthetic_note + text if is_synthetic(source) else text


def _sources(source: PublishedData, table: str) -> list[str]:
    if not source.has(table):
        return []
    question = f"select distinct source from {accepted_name(table)} order by source"  # noqa: S608
    return [row["source"] for row in source.rows(question)]


def _in_words(sources: Iterable[str]) -> str:
    services = dict.fromkeys(name.partition(":")[0] for name in sources)
    return ", ".join(_NAMES.get(name, name) for name in services)


def dollars(amount: float) -> str:
    """An amount as people say it, without its sign."""
    size = abs(amount)
    for least, word in ((999.5e6, "billion"), (999_500.0, "million")):
        if size >= least:
            return f"${size / (1e9 if word == 'billion' else 1e6):,.{2 if word == 'billion' else 1}f} {word}"
    return f"${size:,.0f}"


def counted(number: int, noun: str) -> str:
    """A number with its noun: 1 session, 2 sessions."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
