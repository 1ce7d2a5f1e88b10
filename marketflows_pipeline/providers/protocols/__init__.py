"""Protocols of the providers, one module a part, and the schemas of the frames that they return."""

from __future__ import annotations

import polars as pl

from marketflows_pipeline.schema import table

_TIMES = frozenset({"observed_at", "fetched_at", "first_seen_at", "last_seen_at"})


def served(raw_table: str, *, without: tuple[str, ...] = ()) -> pl.Schema:
    """The columns of a raw table that its service sends: all but the run's times and what storing adds (`without`)."""
    columns = table(raw_table).polars_schema
    return pl.Schema({name: columns[name] for name in columns if name not in _TIMES and name not in without})
