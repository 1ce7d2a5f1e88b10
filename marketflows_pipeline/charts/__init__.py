"""Charts: frame in, picture out.

The package imports nothing by itself, so that asking whether a picture is still current costs no Altair.
"""
