"""Retry of one request: exponential backoff or ``Retry-After``, bounded by attempts and by the wait budget."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from itertools import count
from typing import TypeVar

import tenacity

from marketflows_pipeline.errors import TransientProviderError
from marketflows_pipeline.providers.http.wait_budget import SHORTEST_ATTEMPT_S, WaitBudget

logger = logging.getLogger(__name__)

T = TypeVar("T")

MAX_ATTEMPTS = 8
JITTER = tenacity.wait_random(0, 1)
BACKOFF = tenacity.wait_exponential(multiplier=2, max=45) + JITTER
LATER_RUN_RETRIES = "try again in a few minutes; a later run retries by itself"
LONGEST_WAIT_S = 366 * 86_400.0
LONGEST_DATE = 100
# What the standard library's parser of dates raises on garbage.
HEADER_ERRORS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
MINUTE_S, HOUR_S = 60, 3600


class RetryableError(Exception):
    """A transient error of one attempt, with the wait in seconds that the service requested, or None.

    Without such a request, ``cool_down_s`` is the shortest wait.
    """

    def __init__(
        self, error: TransientProviderError, wait_seconds: float | None = None, cool_down_s: float = 0.0
    ) -> None:
        super().__init__(str(error))
        self.error = error
        self.wait_seconds = wait_seconds
        self.cool_down_s = cool_down_s


def retry(attempt: Callable[[int], T], waits: WaitBudget, now: Callable[[], datetime]) -> T:
    """Attempt until there is a result, a permanent error, or no attempt or wait budget left.

    A wait that is longer than the rest of the budget is not begun. An attempt is given its number, from 1, and raises
    ``RetryableError`` for a transient error.

    Raises:
        TransientProviderError: given up; the message says after how many attempts, and when to retry.
    """

    def is_hopeless(state: tenacity.RetryCallState) -> bool:
        # A requested wait may take the rest of the budget; a backoff of our own leaves time for an attempt.
        kept_s = SHORTEST_ATTEMPT_S if _error(state).wait_seconds is None else 0
        is_too_long = state.upcoming_sleep > waits.left_s - kept_s
        return state.attempt_number >= MAX_ATTEMPTS or waits.is_used_up or is_too_long

    retrying = tenacity.Retrying(
        sleep=waits.sleep,
        retry=tenacity.retry_if_exception_type(RetryableError),
        wait=lambda state: _wait_seconds(state, waits.left_s),
        stop=is_hopeless,
        before_sleep=_log_wait,
        reraise=True,
    )
    numbers = count(1)
    try:
        return retrying(lambda: attempt(next(numbers)))
    except RetryableError as last:
        raise _given_up(last, next(numbers) - 1, now()) from last.__cause__


def requested_wait(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds that a service asks to wait, up to a year, or None without a legible request.

    ``Retry-After`` (seconds or an HTTP date) comes first, then ``x-ratelimit-reset`` (``2006-01-02 15:04:05 -0700``).
    A moment already past is no request.
    """
    for header, parse in (("retry-after", _parse_retry_after), ("x-ratelimit-reset", _parse_reset)):
        if (value := headers.get(header)) is not None:
            try:
                seconds = parse(value.strip(), now)
            except HEADER_ERRORS:
                continue
            if seconds > 0:
                return min(seconds, LONGEST_WAIT_S)
    return None


def _parse_retry_after(value: str, now: datetime) -> float:
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", value):
        return float(value)
    until = parsedate_to_datetime(value[:LONGEST_DATE])
    return ((until if until.tzinfo else until.replace(tzinfo=UTC)) - now).total_seconds()


def _parse_reset(value: str, now: datetime) -> float:
    return (datetime.strptime(value, "%Y-%m-%d %H:%M:%S %z") - now).total_seconds()


def moment_in_words(moment: datetime, now: datetime) -> str:
    """When to retry: ``at 14:35 UTC (in 12 minutes)``, with the date where it is not today's."""
    up_to_the_minute = moment if moment.second == moment.microsecond == 0 else moment + timedelta(minutes=1)
    form = "%H:%M" if up_to_the_minute.date() == now.date() else "%Y-%m-%d %H:%M"
    return f"at {up_to_the_minute:{form}} UTC (in {_duration_in_words((moment - now).total_seconds())})"


def _duration_in_words(seconds: float) -> str:
    if seconds <= 2 * MINUTE_S:
        return f"{math.ceil(seconds)} seconds"
    if seconds <= 2 * HOUR_S:
        return f"{math.ceil(seconds / MINUTE_S)} minutes"
    return f"{math.ceil(seconds / HOUR_S)} hours"


def _wait_seconds(state: tenacity.RetryCallState, left_s: float) -> float:
    """The requested wait, or exponential backoff; with jitter, so that clients do not return together."""
    error = _error(state)
    requested = error.wait_seconds
    if requested is None:
        return max(BACKOFF(state), error.cool_down_s + JITTER(state) if error.cool_down_s else 0.0)
    return requested if requested > left_s else min(requested + JITTER(state), left_s)


def _log_wait(state: tenacity.RetryCallState) -> None:
    # As text: a record that kept the error would keep the frames of the attempt, and its socket.
    message = str(_error(state))
    logger.warning("%s; retrying in %.0f s (attempt %d)", message, state.upcoming_sleep, state.attempt_number + 1)


def _error(state: tenacity.RetryCallState) -> RetryableError:
    error = state.outcome.exception() if state.outcome else None
    assert isinstance(error, RetryableError)
    return error


def _given_up(last: RetryableError, n_attempts: int, now: datetime) -> TransientProviderError:
    error = last.error
    come_back_at = None if last.wait_seconds is None else now + timedelta(seconds=last.wait_seconds)
    what_next = LATER_RUN_RETRIES
    if come_back_at is not None:
        what_next = f"the service asks to retry {moment_in_words(come_back_at, now)}"
    attempts = "1 attempt" if n_attempts == 1 else f"{n_attempts} attempts"
    return type(error)(
        f"{error} (given up after {attempts}; {what_next})",
        provider=error.provider,
        status=error.status,
        url=error.url,
        come_back_at=come_back_at,
    )
