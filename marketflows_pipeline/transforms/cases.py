"""Choose by the first of several conditions that holds."""

from __future__ import annotations

import polars as pl

Choice = str | pl.Expr | None


def first_that_holds(*cases: tuple[pl.Expr, Choice], otherwise: Choice = None) -> pl.Expr:
    """What stands beside the first condition that holds, else `otherwise`; a text is itself, None is null."""
    chosen = _value(otherwise)
    for condition, choice in reversed(cases):
        chosen = pl.when(condition).then(_value(choice)).otherwise(chosen)
    return chosen


def _value(choice: Choice) -> pl.Expr:
    return choice if isinstance(choice, pl.Expr) else pl.lit(choice, pl.String)
