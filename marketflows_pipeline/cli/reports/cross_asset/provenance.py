"""What every answer about the cross-asset part says of its figures: of when, from where, whether too old or made up."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from marketflows_pipeline.cli.reports.published_data import PublishedData
from marketflows_pipeline.report import ages
from marketflows_pipeline.report.credits import BARS, REFERENCE, SHARES, VOLATILITY, service_names
from marketflows_pipeline.warehouse.accepted import accepted_name


def header(data: PublishedData, as_of: datetime | None, *, stale: bool) -> dict[str, Any]:
    """The keys that every report begins with; made-up prices are synthetic outside of the tutorial too."""
    return {**data.header(as_of, stale=stale), "synthetic": is_synthetic(data)}


def is_synthetic(data: PublishedData) -> bool:
    """Whether the figures are made up: the tutorial's, or bars whose source says so."""
    return data.context.is_tutorial or any("synthetic" in name for name in _sources(data, BARS))


def fetched(data: PublishedData) -> dict[str, datetime | None]:
    """When each kind of data was last fetched."""
    return {table.removeprefix("raw."): data.as_of(table) for table in (BARS, SHARES, VOLATILITY)}


def is_stale(data: PublishedData, session: date | None, fetched_at: datetime | None) -> bool:
    """Whether a session is over 5 days ago, or the fetch over 26 hours of weekdays; unknown times are."""
    return session is None or fetched_at is None or data.now > ages.bars_stale_at(session, fetched_at)


def is_past(data: PublishedData, session: date, limit: timedelta) -> bool:
    """Whether a date is longer ago than the limit, in days of the calendar."""
    return data.now > ages.session_stale_at(session, limit)


def coins_source(data: PublishedData) -> str:
    """Whom supplies of coins are from, as a part of a sentence says it."""
    return f"{data.market_source[0].lower()}{data.market_source[1:]}"


def credit(data: PublishedData, *tables: str, with_coins: bool = False) -> str:
    """Where the figures are from, as the stored rows say, and that they are synthetic where they are.

    Args:
        data: the published file.
        tables: raw tables that the figures were made from, as far as they hold rows.
        with_coins: whether supplies of coins from the market-cap part are among the figures.
    """
    words = {
        BARS: "prices",
        SHARES: "shares outstanding",
        VOLATILITY: "VIX and VIX3M",
        REFERENCE: "reference series",
    }
    parts = [f"{words[table]}: {service_names(_sources(data, table))}" for table in tables if data.has(table)]
    if with_coins:
        parts.append(f"supplies of coins: {coins_source(data)}")
    text = "; ".join(parts) or "no source is stored"
    text = f"{text[0].upper()}{text[1:]}."
    return data.context.part.synthetic_note + text if is_synthetic(data) else text


def _sources(data: PublishedData, table: str) -> list[str]:
    if not data.has(table):
        return []
    question = f"select distinct source from {accepted_name(table)} order by source"
    return [row["source"] for row in data.rows(question)]


def dollars(amount: float) -> str:
    """An amount as people say it, without its sign."""
    size = abs(amount)
    if size >= 999.5e6:
        return f"${size / 1e9:,.2f} billion"
    return f"${size / 1e6:,.1f} million" if size >= 999_500 else f"${size:,.0f}"


def counted(number: int, noun: str) -> str:
    """A number with its noun: 1 session, 2 sessions."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def in_words(regime: str | None) -> str:
    """A regime as people write it."""
    return "unknown" if regime is None else regime.replace("_", "-")
