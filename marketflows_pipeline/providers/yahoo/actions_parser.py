"""Parser of dividends and splits in Yahoo's charts, and the check that prices are adjusted for the splits."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from functools import partial

import msgspec
import polars as pl

from marketflows_pipeline.providers.bad_rows import BadRows, UntimelyError
from marketflows_pipeline.providers.http.responses import ParseError, one_line
from marketflows_pipeline.providers.parsing import Row, described, finite, parse_row
from marketflows_pipeline.transforms.cross_asset.split_adjustment import unadjusted_splits
from marketflows_pipeline.transforms.time_span import FUNDS_SINCE, TimeSpan

logger = logging.getLogger(__name__)

# The service may list a split some days before it adjusts prices for it.
ADJUSTED_WITHIN = timedelta(days=30)
# Announced events are no errors, and not returned yet.
ANNOUNCED_WITHIN = timedelta(days=366)


class Events(msgspec.Struct):
    """Events of an asset's shares, by meaningless keys; each event is parsed by itself."""

    dividends: dict[str, object] | None = None
    splits: dict[str, object] | None = None


class _Event(Row):
    date: object = None


class _Dividend(_Event, kw_only=True):
    amount: float

    @property
    def value(self) -> float:
        return self.amount


class _Split(_Event, kw_only=True):
    numerator: float
    denominator: float

    @property
    def value(self) -> float:
        if not (self.numerator > 0 and self.denominator > 0):
            raise ParseError(f"a split of {self.numerator:g} to {self.denominator:g}")
        return finite(self.numerator / self.denominator, "numerator")


def read_actions(events: Events, zone: str, now: datetime, bad_rows: BadRows) -> pl.DataFrame:
    """Dividends and splits until now, each kind once a session: dividends of one session add up, splits multiply.

    Sessions are dated in ``zone``.

    Returns:
        session, action and value, in no order.

    Raises:
        ParseError: too many dividends or splits would be left out.
    """
    span = TimeSpan(FUNDS_SINCE, now + ANNOUNCED_WITHIN)
    kinds = (
        ("dividend", events.dividends, _Dividend, pl.col("value").sum()),
        ("split", events.splits, _Split, pl.col("value").product()),
    )
    frames = []
    for action, listed, event_type, combined in kinds:
        items = [(f"{action} {one_line(key)}", event) for key, event in (listed or {}).items()]
        parse = partial(_event, event_type, span)
        good = bad_rows.keep(items, parse, lambda _, item: item[0], array=action, is_of_many=True)
        happened = [(at, value) for at, value in good if at <= now.timestamp() and value > 0]
        frame = pl.DataFrame(happened, schema={"at": pl.Int64(), "value": pl.Float64()}, orient="row")
        dated = frame.with_columns(session_of("at", zone), action=pl.lit(action))
        frames.append(dated.group_by("session", "action").agg(combined))
    return pl.concat(frames)


def _event(event_type: type[_Dividend | _Split], span: TimeSpan, item: tuple[str, object]) -> tuple[int, float]:
    event = parse_row(item[1], event_type, [])
    return seconds_of(event.date, span), event.value


def seconds_of(stamp: object, span: TimeSpan) -> int:
    """Whole seconds of a time.

    Raises:
        ParseError: it is no number, or (an UntimelyError) outside the span.
    """
    try:
        seconds = msgspec.convert(stamp, float)
    except msgspec.ValidationError:
        raise ParseError(f"the timestamp should be seconds, found {described(stamp)}") from None
    if not span.holds_seconds(seconds):
        raise UntimelyError(f"{stamp} s should be from {span}")
    return int(seconds)


def session_of(stamp: str, zone: str) -> pl.Expr:
    """The date that a stamp in seconds falls on there, be it the open, a coin's midnight or the last trade."""
    at = pl.from_epoch(stamp, time_unit="s").dt.replace_time_zone("UTC")
    return at.dt.convert_time_zone(zone).dt.date().alias("session")


def check_adjusted(rows: pl.DataFrame, splits: pl.DataFrame, requested: str, now: datetime) -> None:
    """Refuse closes that jump at a recent split: the split would be undone twice.

    See `unadjusted_splits`, which needs no size of a split. Rows are at and close_usd with session, as the response has
    them; splits are session and value (new shares for an old one).

    Raises:
        ParseError: prices are not adjusted yet for a split of the last days.
    """
    closes = rows.filter(pl.col("close_usd").is_not_null()).sort("at").unique("session", keep="last")
    for session, ratio in unadjusted_splits(closes, splits):
        found = f"{requested} was split {ratio:g} for 1 on {session}, and its prices are not adjusted for that"
        if session > now.date() - ADJUSTED_WITHIN:
            raise ParseError(f"{found} yet: a later run retries")
        logger.warning("yahoo: %s, as it seems; figures before that day are doubtful", found)
