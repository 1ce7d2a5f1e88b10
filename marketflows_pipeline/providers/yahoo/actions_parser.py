"""Dividends and splits in Yahoo's chart answers, and whether prices are adjusted for the splits."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

import msgspec
import polars as pl

from marketflows_pipeline.providers.bad_rows import BadRows, UntimelyError
from marketflows_pipeline.providers.http.responses import ParseError, one_line
from marketflows_pipeline.providers.json_fields import Fields, as_float, finite, is_number, kind
from marketflows_pipeline.transforms.cross_asset.split_adjustment import unadjusted_splits
from marketflows_pipeline.transforms.time_span import FUNDS_SINCE, TimeSpan

logger = logging.getLogger(__name__)

# The service may list a split before it adjusts prices for it, which heals within days.
HEALS_WITHIN = timedelta(days=30)
# What is announced for a later day is no fault, and not for us yet.
ANNOUNCED_WITHIN = timedelta(days=366)


class Events(msgspec.Struct):
    """What happened to shares, by keys that mean nothing; each event is looked at by itself."""

    dividends: dict[str, object] | None = None
    splits: dict[str, object] | None = None


def read_actions(events: Events, zone: str, now: datetime, left_out: BadRows) -> pl.DataFrame:
    """Dividends and splits until now, each kind once a session: dividends of one session add up, splits multiply.

    Args:
        events: of the answer.
        zone: that sessions are dated in.
        now: present moment.
        left_out: told of what is left out.

    Returns:
        session, action and value, in no order.

    Raises:
        ParseError: too many dividends or splits would be left out.
    """
    span = TimeSpan(FUNDS_SINCE, now + ANNOUNCED_WITHIN)
    kinds = (
        ("dividend", events.dividends, _dividend, pl.col("value").sum()),
        ("split", events.splits, _split, pl.col("value").product()),
    )
    frames = []
    for action, listed, value_of, combined in kinds:
        happened = []
        for key, event in (listed or {}).items():
            try:
                if not isinstance(event, dict):
                    raise ParseError(f"should be an object, found {kind(event)}")
                at, value = seconds_of(event.get("date"), span), value_of(Fields(event))
            except ParseError as fault:
                left_out.add((action, key), f"{action} {one_line(key)}", fault)
                continue
            if at <= now.timestamp() and value > 0:
                happened.append((at, value))
        left_out.judge(len(listed or {}), is_of_many=True)
        frame = pl.DataFrame(happened, schema={"at": pl.Int64(), "value": pl.Float64()}, orient="row")
        stated = frame.with_columns(session_of("at", zone), action=pl.lit(action))
        frames.append(stated.group_by("session", "action").agg(combined))
    return pl.concat(frames)


def _dividend(event: Fields) -> float:
    return _there(event, "amount")


def _split(event: Fields) -> float:
    new, old = _there(event, "numerator"), _there(event, "denominator")
    if not (new > 0 and old > 0):
        raise ParseError(f"a split of {new:g} to {old:g}")
    return finite(new / old, "numerator")


def _there(event: Fields, key: str) -> float:
    number = event.number(key)
    if number is None:
        raise ParseError(f"`{key}` is null")
    return number


def seconds_of(stamp: object, span: TimeSpan) -> int:
    """Whole seconds of a time.

    Raises:
        ParseError: it is no number, or (an UntimelyError) outside the span.
    """
    if not is_number(stamp):
        raise ParseError(f"the timestamp should be seconds, found {kind(stamp)}")
    if not span.holds_seconds(as_float(stamp)):
        raise UntimelyError(f"{stamp} s should be from {span}")
    return int(stamp)


def session_of(stamp: str, zone: str) -> pl.Expr:
    """The date that a stamp in seconds falls on there, be it the open, a coin's midnight or the last trade."""
    at = pl.from_epoch(stamp, time_unit="s").dt.replace_time_zone("UTC")
    return at.dt.convert_time_zone(zone).dt.date().alias("session")


def check_adjusted(rows: pl.DataFrame, splits: pl.DataFrame, asked: str, now: datetime) -> None:
    """Refuse closes that jump by a fresh split instead of going on: whoever undoes the split would undo it twice.

    See `unadjusted_splits`, which needs no size of a split.

    Args:
        rows: at and close_usd with session, as the answer has them.
        splits: session and value (new shares for an old one).
        asked: symbol at the service.
        now: present moment.

    Raises:
        ParseError: prices are not adjusted yet for a split of the last days.
    """
    closes = rows.filter(pl.col("close_usd").is_not_null()).sort("at").unique("session", keep="last")
    for session, ratio in unadjusted_splits(closes, splits):
        found = f"{asked} was split {ratio:g} for 1 on {session}, and its prices are not adjusted for that"
        if session > now.date() - HEALS_WITHIN:
            raise ParseError(f"{found} yet: a later run asks again")
        logger.warning("yahoo: %s, as it seems; figures before that day are doubtful", found)
