"""What services of market caps share: the names of a coin, and checks of times, caps, and each coin once."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from marketflows_pipeline.providers.bad_rows import UntimelyError
from marketflows_pipeline.providers.http.responses import ParseError
from marketflows_pipeline.providers.parsing import Figure, NotBlank, Row, described, iso_moment
from marketflows_pipeline.transforms.market_caps.observations import MAX_CAP_USD
from marketflows_pipeline.transforms.time_span import TimeSpan


class NamedCoin(Row):
    """A coin in a list: its id, symbol and name."""

    ids = ("id",)
    names = ("symbol", "name")
    id: NotBlank
    symbol: str
    name: str


def utc_time(text: str, key: str, span: TimeSpan) -> datetime:
    """An ISO time, in UTC where it has no offset.

    Raises:
        ParseError: it is none; as UntimelyError where it is outside the span.
    """
    moment = iso_moment(text)
    if moment is None:
        raise ParseError(f"`{key}` should be an ISO time, found {described(text)}")
    if not span.holds(moment):
        raise UntimelyError(f"`{key}` should be from {span}, found {moment:%Y-%m-%d %H:%M:%S}")
    return moment


def refuse_impossible_cap(cap: Figure) -> None:
    """Refuse a market cap in USD beyond all wealth on earth.

    Raises:
        ParseError: it is that large.
    """
    if cap is not None and cap > MAX_CAP_USD:
        raise ParseError(f"`market_cap` should be at most {MAX_CAP_USD:g} USD, found {cap:g}")


def once_each(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows in their order, each coin once."""
    return rows.unique("coin_id", keep="first", maintain_order=True)
