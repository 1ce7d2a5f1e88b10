"""The DuckDB warehouse: the only package that imports duckdb.

Nothing is imported here, so that commands which only answer (`published`) start fast.
"""
