"""Small frames of what exchanges hold: exchange, day, token, (quantity, value)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

import polars as pl

from marketflows_pipeline.providers.protocols.exchanges import CEX_TVL_SCHEMA, TOKEN_BALANCE_SCHEMA

Holding = tuple[float | None, float | None]
Record = Mapping[str, Holding]

FIRST = datetime(2026, 1, 1, tzinfo=UTC)


def moment(day: float) -> datetime:
    """That many days after the first midnight."""
    return FIRST + timedelta(days=day)


def on(day: int) -> date:
    """The date that many days after the first."""
    return moment(day).date()


def balances_of(wallets: Mapping[str, Mapping[float, Record]]) -> pl.DataFrame:
    """Exchange to day to token to (quantity, value), as daily records."""
    rows = [
        (slug, moment(day), token, quantity, value, False)
        for slug, records in wallets.items()
        for day, record in records.items()
        for token, (quantity, value) in record.items()
    ]
    return pl.DataFrame(rows, schema=TOKEN_BALANCE_SCHEMA, orient="row", strict=False)


def tvl_of(totals: Mapping[str, Mapping[float, float]]) -> pl.DataFrame:
    """Exchange to day to served total."""
    rows = [(slug, moment(day), total, False) for slug, days in totals.items() for day, total in days.items()]
    return pl.DataFrame(rows, schema=CEX_TVL_SCHEMA, orient="row", strict=False)


def own_tokens_of(own: Mapping[str, str | None]) -> pl.DataFrame:
    """Exchange to its own tokens, comma separated."""
    return pl.DataFrame(list(own.items()), schema={"slug": pl.String, "own_tokens": pl.String}, orient="row")
