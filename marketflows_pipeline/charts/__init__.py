"""Charts: frame in, chart out.

The package imports nothing by itself, so that asking whether a chart is still current costs no Altair.
"""
