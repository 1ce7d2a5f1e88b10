"""Parts of the page that fail on their own: the others are shown."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from marketflows_pipeline.system.printable import excerpt
from marketflows_pipeline.system.stopping import is_stop

log = logging.getLogger(__name__)

_T = TypeVar("_T")


def guarded(what: str, make: Callable[[], _T], otherwise: _T) -> _T:
    """A part of the page; where it cannot be made, something else and a warning. A signal ends all.

    Args:
        what: it is, for the warning.
        make: makes it.
        otherwise: stands in its place.
    """
    try:
        return make()
    except Exception as error:
        if is_stop(error):
            raise
        log.warning("the page is without its %s: %s", what, excerpt(f"{type(error).__name__}: {error}"))
        return otherwise
