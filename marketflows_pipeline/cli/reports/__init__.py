"""What the commands report: one module per command, each turning rows of the published file into an answer.

All raise MarketflowsError where the data is not published yet. Only what sums flows of assets, or measures the recovery
of models, imports polars; nothing imports Dagster: an answer is there about as soon as DuckDB is.
"""
