"""Fallback from one provider to the next until one succeeds."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

from marketflows_pipeline.errors import ProviderError, TransientProviderError, UnexpectedResponseError

logger = logging.getLogger(__name__)


P = TypeVar("P")
T = TypeVar("T")


def first_that_answers(providers: Sequence[P], ask: Callable[[P], T]) -> T:
    """Send a request to each provider in turn, the best first, and return the first result.

    `ask` sends the request; it may raise a ``ProviderError`` for a result that is not usable.

    Raises:
        ProviderError: all failed; it is the last transient error, else the last that is no refusal, else the last one.
            The others are in the log.
    """
    if not providers:
        raise ValueError("no provider")
    errors: list[ProviderError] = []
    for provider in providers:
        if errors:
            logger.warning("%s failed, falling back to the next provider: %s", errors[-1].provider, errors[-1])
        try:
            return ask(provider)
        except ProviderError as error:
            errors.append(error)
    raise max(reversed(errors), key=_preference)


def _preference(error: ProviderError) -> int:
    if isinstance(error, TransientProviderError):
        return 2
    return 1 if isinstance(error, UnexpectedResponseError) else 0
