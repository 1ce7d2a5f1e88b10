"""Charts: frame in, picture out.

What belongs here: Altair specifications of the pictures, their wording and layout, and
``render.py``, which turns them into PNG files. What does not: fetching, computing or storing figures.
The package imports nothing by itself, so that asking whether a picture is still current costs no Altair.
"""
