"""Reading an answer that may be anything: never more than one kind of fault."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import polars as pl

from marketflows_pipeline.providers.http.responses import ShapeError, one_line

T = TypeVar("T")
R = TypeVar("R")

# What a reader trips over where an answer holds something that nobody thought of.
UNREADABLE = (ArithmeticError, LookupError, RecursionError, TypeError, ValueError, pl.exceptions.PolarsError)


def readable(read: Callable[[R], T], answer: R) -> T:
    """What a reader makes of an answer.

    Raises:
        ShapeError: the reader found, or tripped over, something that is not documented.
    """
    try:
        return read(answer)
    except ShapeError:
        raise
    except UNREADABLE as fault:
        raise ShapeError(f"{type(fault).__name__} {one_line(str(fault))}") from fault
