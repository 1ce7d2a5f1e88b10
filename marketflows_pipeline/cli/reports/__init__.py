"""What the exchange commands say: one module per command, each turning rows of the published file into an answer.

Nothing here imports polars or Dagster, so that an answer is there about as soon as DuckDB is.
"""
