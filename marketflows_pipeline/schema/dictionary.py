"""The registry as a document: ``docs/data_dictionary.md``.

``python -m marketflows_pipeline.schema.dictionary`` writes it; with ``--check`` it only says, by exit code 1, that the
document is not what the registry says.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from marketflows_pipeline.schema import TABLES, Column, Table

PATH = Path(__file__).parents[2] / "docs" / "data_dictionary.md"

_OPENING = """# Data dictionary

Every table and column of the published file `warehouse/marketflows.duckdb`, which carries the same words as comments
and in `meta.tables`, `meta.columns` and `meta.lineage`. Written from the registry by `make docs`.

Times are `TIMESTAMPTZ` in UTC: ask with `ts at time zone 'UTC'`, so that the answer does not depend on the time zone of
your session. Money is USD and says so in its name. A missing value is null, never 0.

Each `raw.` table is there as `accepted.` too, with the same columns and without the rows that `meta.quarantine` leaves
out; `core` and `mart` are computed from those.
"""

_LAYERS = {
    "raw": "As the services gave it; rows are added or revised, never removed",
    "core": "Cleaned and put on one grid; computed anew by each run",
    "mart": "Measures for analysis; computed anew by each run",
    "meta": "The file about itself",
}


def text() -> str:
    """The document, in Markdown."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield _OPENING
    for schema, meaning in _LAYERS.items():
        tables = [table for table in TABLES.values() if table.schema_name == schema]
        if tables:
            yield f"## {schema}\n\n{meaning}.\n"
            for table in tables:
                yield from _section(table)


def _section(table: Table) -> Iterator[str]:
    kind = "view" if table.view_sql else "table"
    yield f"### {table.name}\n"
    yield f"{table.description}\n"
    key = ", ".join(f"`{name}`" for name in table.key)
    yield f"One row is {table.grain}. Unique: {key}. Part: {table.part} ({kind}).\n"
    yield "| column | type | unit | null | what it holds |"
    yield "|---|---|---|---|---|"
    for column in table.columns:
        yield _row(column)
    yield ""


def _row(column: Column) -> str:
    sources = f"; from {', '.join(f'`{source}`' for source in column.derived_from)}" if column.derived_from else ""
    words = f"{column.description}{sources}".replace("|", "\\|")
    nullable = "yes" if column.nullable else ""
    return f"| `{column.name}` | {column.dtype.value} | {column.unit} | {nullable} | {words} |"


def main(arguments: Sequence[str] | None = None, path: Path = PATH) -> int:
    """Write the document, or check it.

    Returns:
        Exit code: 1 if a check found the document stale.
    """
    parser = argparse.ArgumentParser(description="Write docs/data_dictionary.md from the registry.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if the document is stale")
    if parser.parse_args(arguments).check:
        if path.exists() and path.read_text(encoding="utf-8") == text():
            return 0
        sys.stderr.write(f"{path.name} is not what the registry says; write it with `make docs`\n")
        return 1
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
