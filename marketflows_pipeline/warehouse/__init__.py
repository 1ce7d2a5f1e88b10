"""The DuckDB warehouse: the only package that imports duckdb.

What belongs here: the private file that a run works in (`store`), the count of requests (`ledger`), the file that
people query (`publish`, `published`). What does not: how a table is computed, and anything of Dagster.

Nothing is imported here, so that commands which only answer (`published`) start fast.
"""
