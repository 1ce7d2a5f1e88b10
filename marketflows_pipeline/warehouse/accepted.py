"""The name of a raw table's rows that are not in quarantine: text only, so that commands can ask without polars."""

from __future__ import annotations


def accepted_name(table: str) -> str:
    """The view of a raw table without its quarantined rows; of any other table the table itself."""
    schema, _, name = table.partition(".")
    return f"accepted.{name}" if schema == "raw" else table
