"""Fingerprints of tables in a file, by which a publish sees whether a session has changed one since."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from itertools import chain, groupby
from operator import itemgetter
from typing import TypeAlias

import duckdb

from marketflows_pipeline.warehouse import ddl

# What the rows of some tables are told by: a text each that differs where they do.
Fingerprints: TypeAlias = Callable[[duckdb.DuckDBPyConnection, Sequence[str]], Mapping[str, str]]
_SEGMENT = 'row_group_id, column_path, segment_id, "start", "count", block_id, block_offset, stats'


def fingerprints_in_file(cursor: duckdb.DuckDBPyConnection, tables: Sequence[str]) -> dict[str, str]:
    """Digests of where tables lie in the file; DuckDB writes changed rows to other blocks and moves no others."""
    asked = [
        f"select {place} as place, {_SEGMENT} from pragma_storage_info({ddl.literal(name)})"
        for place, name in enumerate(tables)
    ]
    found = dict.fromkeys(tables, _digest([]))
    if not asked:
        return found
    cursor.execute(f"{' union all '.join(asked)} order by all")
    # Of a large file these are hundreds of thousands.
    segments = chain.from_iterable(iter(lambda: cursor.fetchmany(10_000), []))
    for place, of_table in groupby(segments, key=itemgetter(0)):
        kept = [(*where, _extremes(stats)) for _, *where, stats in of_table]
        found[tables[place]] = _digest(kept)
    return found


def _digest(segments: list[tuple[object, ...]]) -> str:
    return hashlib.md5(repr(segments).encode(), usedforsecurity=False).hexdigest()


def _extremes(stats: str | dict[str, object]) -> object:
    """What the file keeps of a segment's statistics; they stand for the values where all are the same."""
    return stats if isinstance(stats, str) else (str(stats.get("min")), str(stats.get("max")), stats.get("has_null"))
