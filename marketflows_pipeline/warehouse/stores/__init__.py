"""Where a run's tables are stored: a DuckDB file, or a DuckLake."""
