"""A long history is never replaced by a short one.

Services were seen to answer twelve rows, well formed, where thousands had been.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from marketflows_pipeline.errors import UnexpectedResponseError

KEPT_SHARE = 0.9
# Of a few sessions, one that is null today is no sign of a broken service.
FORGIVEN = 2


def refuse_shorter(
    stored: pl.DataFrame,
    fetched: pl.DataFrame,
    *,
    what: str,
    provider: str,
    start: date | None = None,
    end: date | None = None,
) -> None:
    """Refuse an answer that lacks more than a tenth of the stored sessions of the span that was asked for.

    Sessions are compared date by date, so that as many other ones, or all of them shifted by a day, don't make up for
    those that are gone. Up to two missing sessions are forgiven, unless none is left.

    Args:
        stored: what is stored of this one asset or index, by ``session``; other columns don't matter.
        fetched: the answer, by ``session``.
        what: what it is about, for the message, such as ``SPY``.
        provider: short name of who answered.
        start: first session asked for; None is the first stored one.
        end: last session asked for; None is the last stored one.

    Raises:
        UnexpectedResponseError: the answer is too short to be true; what is stored should stay as it is.
    """
    asked = stored["session"].drop_nulls().unique().sort()
    if start is not None:
        asked = asked.filter(asked >= start)
    if end is not None:
        asked = asked.filter(asked <= end)
    kept = int(asked.is_in(fetched["session"].drop_nulls().unique().implode()).sum())
    missing = len(asked) - kept
    is_forgiven = missing <= FORGIVEN and kept > 0
    if missing == 0 or is_forgiven or kept >= KEPT_SHARE * len(asked):
        return
    raise UnexpectedResponseError(
        f"{provider} {what}: the answer holds {kept:,} of the {len(asked):,} sessions stored from {asked[0]} to "
        f"{asked[-1]}; what is stored stays. If its history really is shorter, give it a new symbol in the settings",
        provider=provider,
        status=200,
    )
