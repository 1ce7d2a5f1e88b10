"""What services of market caps share: the names of a coin, points of charts, and checks of times and caps."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
import polars as pl

from marketflows_pipeline.providers.bad_rows import UntimelyError
from marketflows_pipeline.providers.http.responses import ParseError, one_line
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


# The moment of a point, of its milliseconds in the column `ms`.
MOMENT = pl.from_epoch("ms", time_unit="ms").dt.cast_time_unit("us").dt.replace_time_zone("UTC")


def once_each(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows in their order, each coin once."""
    return rows.unique("coin_id", keep="first", maintain_order=True)


def by_falling_cap(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows by falling ``market_cap_usd``, those without one last."""
    return rows.sort("market_cap_usd", descending=True, nulls_last=True, maintain_order=True)


def frame_of(rows: Sequence[tuple[object, ...]], schema: pl.Schema) -> pl.DataFrame:
    """Rows in a schema; ranks and years are whole numbers only once they are known to fit, and else null."""
    whole = [column for column, dtype in schema.items() if dtype.is_integer()]
    frame = pl.DataFrame(rows, schema={**schema, **dict.fromkeys(whole, pl.Float64())}, orient="row")
    return frame.with_columns(pl.col(column).cast(schema[column], strict=False) for column in whole)


def timed_value(point: object, value_type: Any, expected: str, span: TimeSpan) -> tuple[int, Any]:  # noqa: ANN401 (a type)
    """Milliseconds and value of a point of a chart.

    Raises:
        ParseError: it is no pair of a number and such a value, as it is ``expected``; as UntimelyError where its time
            is outside the span.
    """
    try:
        moment, value = msgspec.convert(point, tuple[float, value_type])
    except msgspec.ValidationError:
        raise bad_point(point, expected) from None
    if not span.holds_seconds(moment / 1000):
        raise UntimelyError(f"{moment:.0f} ms should be from {span}")
    return int(moment), value


def bad_point(point: object, expected: str) -> ParseError:
    """The error of a point of another shape than ``expected``."""
    return ParseError(f"should be [milliseconds, {expected}], found {one_line(str(point))}")
