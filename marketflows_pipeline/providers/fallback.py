"""Fallback from one provider to the next until one succeeds."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from marketflows_pipeline.errors import ProviderError, TransientProviderError, UnexpectedResponseError

logger = logging.getLogger(__name__)


class Named(Protocol):
    """A provider with a name."""

    @property
    def name(self) -> str:
        """Short name of the service."""
        ...


P = TypeVar("P", bound=Named)
T = TypeVar("T")


@dataclass(frozen=True)
class Answered(Generic[T]):
    """A result and its provider.

    Attributes:
        provider: name of the provider.
        result: of the request.
    """

    provider: str
    result: T


def first_that_answers(providers: Sequence[P], ask: Callable[[P], T]) -> Answered[T]:
    """Send a request to each provider in turn, and return the first result.

    Args:
        providers: the best first; at least one.
        ask: sends the request; may raise a ``ProviderError`` for a result that is not usable.

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
            return Answered(provider.name, ask(provider))
        except ProviderError as error:
            errors.append(error)
    raise max(reversed(errors), key=_preference)


def _preference(error: ProviderError) -> int:
    if isinstance(error, TransientProviderError):
        return 2
    return 1 if isinstance(error, UnexpectedResponseError) else 0
