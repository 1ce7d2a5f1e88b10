"""One module per outside service, over one shared HTTP client; they return polars frames and know no Dagster.

What belongs here: asking, waiting, judging and reading answers. What does not: storing them or deriving from them.
"""
