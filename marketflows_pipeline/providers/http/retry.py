"""Retrying one request: after what faults, after how long, and what is said when it is given up."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from datetime import datetime, timedelta
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
A_RUN_ASKS_AGAIN = "try again in a few minutes; a later run asks again by itself"
MINUTE_S, HOUR_S = 60, 3600


class AskAgainError(Exception):
    """A fault that one more attempt may heal, with the wait in seconds that the service asked for, or None."""

    def __init__(self, error: TransientProviderError, wait_seconds: float | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.wait_seconds = wait_seconds


def retry(attempt: Callable[[int], T], waits: WaitBudget, now: Callable[[], datetime]) -> T:
    """Attempt until there is an answer, a final fault, or no attempt or waiting time left.

    A wait that is longer than what is left is not begun.

    Args:
        attempt: given its number, from 1; raises ``AskAgainError`` where one more may help.
        waits: how long the provider may be waited for.
        now: the present moment.

    Raises:
        TransientProviderError: given up; it says after how many attempts, and when to come back.
    """

    def is_hopeless(state: tenacity.RetryCallState) -> bool:
        # A wait that the service asked for may take all that is left, one of our own leaves time for an attempt.
        kept_s = SHORTEST_ATTEMPT_S if _fault(state).wait_seconds is None else 0
        is_too_long = state.upcoming_sleep > waits.left_s - kept_s
        return state.attempt_number >= MAX_ATTEMPTS or waits.is_used_up or is_too_long

    retrying = tenacity.Retrying(
        sleep=waits.sleep,
        retry=tenacity.retry_if_exception_type(AskAgainError),
        wait=lambda state: _wait_seconds(state, waits.left_s),
        stop=is_hopeless,
        before_sleep=_log_wait,
        reraise=True,
    )
    numbers = count(1)
    try:
        return retrying(lambda: attempt(next(numbers)))
    except AskAgainError as last:
        raise _given_up(last, next(numbers) - 1, now()) from last.__cause__


def moment_in_words(moment: datetime, now: datetime) -> str:
    """When to come back: ``at 14:35 UTC (in 12 minutes)``, with the date where it is not today's."""
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
    """What the service asked for, or longer each time; with jitter, so that clients do not return together."""
    asked = _fault(state).wait_seconds
    if asked is None:
        return BACKOFF(state)
    return asked if asked > left_s else min(asked + JITTER(state), left_s)


def _log_wait(state: tenacity.RetryCallState) -> None:
    said = str(_fault(state))
    logger.warning("%s; asking again in %.0f s (attempt %d)", said, state.upcoming_sleep, state.attempt_number + 1)


def _fault(state: tenacity.RetryCallState) -> AskAgainError:
    fault = state.outcome.exception() if state.outcome else None
    assert isinstance(fault, AskAgainError)
    return fault


def _given_up(last: AskAgainError, n_attempts: int, now: datetime) -> TransientProviderError:
    error = last.error
    come_back_at = None if last.wait_seconds is None else now + timedelta(seconds=last.wait_seconds)
    what_next = A_RUN_ASKS_AGAIN
    if come_back_at is not None:
        what_next = f"the service asks to come back {moment_in_words(come_back_at, now)}"
    attempts = "1 attempt" if n_attempts == 1 else f"{n_attempts} attempts"
    return type(error)(
        f"{error} (given up after {attempts}; {what_next})",
        provider=error.provider,
        status=error.status,
        url=error.url,
        come_back_at=come_back_at,
    )
