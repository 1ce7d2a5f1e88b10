"""What the exchange commands say: one module per command, each turning rows of the published file into an answer.

What belongs here: which rows are asked for, the keys of the answer, its words. What does not: options and exit codes
(`cli.exchanges`), the figures themselves (transforms/). Nothing here imports polars or Dagster, so that an answer is
there about as soon as DuckDB is.
"""
