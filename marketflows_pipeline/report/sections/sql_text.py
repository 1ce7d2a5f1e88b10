"""The selects behind the cards, which people can copy: every value stands in them as text."""

from __future__ import annotations

import textwrap


def select(sql: str) -> str:
    """A select without the indentation that it has in the source."""
    return textwrap.dedent(sql).strip()
