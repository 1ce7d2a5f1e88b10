"""From observations to measures: frame in, frame out.

What belongs here: formulas, as chains of polars expressions. What does not: Dagster, DuckDB, HTTP, files, the
environment and the clock. Every frame that leaves is sorted by its key and has the columns and types of the registry.
"""
