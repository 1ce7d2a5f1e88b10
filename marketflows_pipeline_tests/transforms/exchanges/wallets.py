"""Small frames of what exchanges hold: exchange, day, token, (quantity, value)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl

from marketflows_pipeline.providers.protocols.exchanges import CEX_TVL_SCHEMA, TOKEN_BALANCE_SCHEMA
from marketflows_pipeline.transforms.exchanges.token_flows import token_flows

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


NOBODY = own_tokens_of({})


def flows_between(before: Record, now: Record, own: str | None = None) -> dict[str, dict[str, Any]]:
    """Token to its row of the second of two days; cash that never moves keeps every record present and different."""
    cash_before, cash_now = {"CASH": (1e6, 1e6)}, {"CASH": (1e6, 1.001e6)}
    balances = balances_of({"x": {0: {**cash_before, **before}, 1: {**cash_now, **now}}})
    rows = token_flows(balances, own_tokens_of({"x": own})).filter(pl.col("day") == on(1), pl.col("token") != "CASH")
    return {row["token"]: row for row in rows.to_dicts()}


def parts(row: dict[str, Any]) -> tuple[Any, ...]:
    """What a change of value is taken apart into."""
    return row["price_usd"], row["flow_usd"], row["price_effect_usd"], row["left_out_usd"], row["reason"]
