"""Asking one provider after another until one answers.

What belongs here: the order, and saying who failed. What does not: retrying one service (http.py), and judging what an
answer is worth, which the question itself may do.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from marketflows_pipeline.errors import ProviderError

logger = logging.getLogger(__name__)


class Named(Protocol):
    """What has a name to be told by."""

    @property
    def name(self) -> str:
        """Short name of the service."""
        ...


P = TypeVar("P", bound=Named)
T = TypeVar("T")


@dataclass(frozen=True)
class Answered(Generic[T]):
    """An answer, and whose it is.

    Attributes:
        provider: name of the one that answered.
        result: what it answered.
    """

    provider: str
    result: T


def first_that_answers(providers: Sequence[P], ask: Callable[[P], T]) -> Answered[T]:
    """Ask each provider in turn, and return the first answer.

    Args:
        providers: the best first; at least one.
        ask: the question. It may also judge the answer, by raising a ``ProviderError`` for one that won't do.

    Raises:
        ProviderError: nobody answered; it is the last one's failure, the others' are in the log.
    """
    if not providers:
        raise ValueError("no provider to ask")
    *earlier, last = providers
    for provider in earlier:
        try:
            return Answered(provider.name, ask(provider))
        except ProviderError as fault:
            logger.warning("%s did not answer, asking the next provider: %s", provider.name, fault)
    return Answered(last.name, ask(last))
