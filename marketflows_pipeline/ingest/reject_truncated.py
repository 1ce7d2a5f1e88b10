"""Rejecting truncated responses: a long history is never replaced by a short one.

Services were seen to send twelve rows, well formed, where thousands had been.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from marketflows_pipeline.errors import UnexpectedResponseError

KEPT_SHARE = 0.9
# Of a few sessions, one that is null today is no sign of a broken service.
FORGIVEN = 2


def reject_truncated(
    stored: pl.DataFrame,
    fetched: pl.DataFrame,
    *,
    what: str,
    provider: str,
    start: date | None = None,
    end: date | None = None,
) -> None:
    """Reject a response that lacks more than a tenth of the stored sessions of the requested span.

    Sessions are compared date by date, so that as many other ones, or all of them shifted by a day, don't make up for
    those that are gone. Up to two missing sessions are forgiven, unless none is left. Both are of one asset or index,
    by ``session``; a ``start`` or ``end`` of None is the first or last stored session.

    Raises:
        UnexpectedResponseError: the response is too short to be true; what is stored should stay as it is.
    """
    expected = stored["session"].drop_nulls().unique().sort()
    if start is not None:
        expected = expected.filter(expected >= start)
    if end is not None:
        expected = expected.filter(expected <= end)
    kept = int(expected.is_in(fetched["session"].drop_nulls().unique().implode()).sum())
    missing = len(expected) - kept
    is_forgiven = missing <= FORGIVEN and kept > 0
    if missing == 0 or is_forgiven or kept >= KEPT_SHARE * len(expected):
        return
    raise UnexpectedResponseError(
        f"{provider} {what}: the response holds {kept:,} of the {len(expected):,} sessions stored from {expected[0]} "
        f"to {expected[-1]}; what is stored stays. "
        "If its history really is shorter, give it a new symbol in the settings",
        provider=provider,
        status=200,
    )
