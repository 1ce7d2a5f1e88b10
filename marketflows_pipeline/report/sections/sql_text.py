"""Parts of the selects behind the cards, which people can copy: every value stands in them as text."""

from __future__ import annotations


def literal(text: str) -> str:
    """A text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def select(sql: str) -> str:
    """A select without the indentation that it has in the source."""
    lines = [line.rstrip() for line in sql.strip("\n").splitlines()]
    margin = min((len(line) - len(line.lstrip()) for line in lines if line), default=0)
    return "\n".join(line[margin:] for line in lines if line).strip()
