"""Asking one provider after another until one answers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from marketflows_pipeline.errors import ProviderError, TransientProviderError, UnexpectedResponseError

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
        ProviderError: nobody answered; it is the failure that leaves the most hope (one that passes, then one that is
            no refusal), else the last one's. The others' are in the log.
    """
    if not providers:
        raise ValueError("no provider to ask")
    faults: list[ProviderError] = []
    for provider in providers:
        if faults:
            logger.warning("%s did not answer, asking the next provider: %s", faults[-1].provider, faults[-1])
        try:
            return Answered(provider.name, ask(provider))
        except ProviderError as fault:
            faults.append(fault)
    raise max(reversed(faults), key=_hope)


def _hope(fault: ProviderError) -> int:
    if isinstance(fault, TransientProviderError):
        return 2
    return 1 if isinstance(fault, UnexpectedResponseError) else 0
