"""What a user may have meant by an id that a service does not know."""

from __future__ import annotations

import re
from difflib import get_close_matches

import polars as pl


def near_matches(wanted: str, known: pl.DataFrame, limit: int = 5) -> list[str]:
    """Ids that resemble ``wanted``: those that carry it as symbol or name first, then those spelled alike.

    Args:
        wanted: what the user wrote.
        known: first column the ids; every other column what they are also called (symbol, name).
        limit: how many at most.
    """
    spelled = wanted.strip().lower()
    id_column, *aliases = known.columns
    called = [
        pl.col(alias).str.to_lowercase().str.contains(rf"(^|[^a-z0-9]){re.escape(spelled)}($|[^a-z0-9])")
        for alias in aliases
    ]
    named = known.filter(pl.any_horizontal(called)).sort(pl.col(id_column).str.len_chars(), id_column)[id_column]
    alike = get_close_matches(spelled, known[id_column].to_list(), n=limit)
    return list(dict.fromkeys([*named.to_list(), *alike]))[:limit]
