"""What a reader sees of a heatmap: its cells and its size."""

from __future__ import annotations

from typing import Any

from marketflows_pipeline_tests.charts.exchanges.frames import marks, rows_of


def cells(vega_lite: dict[str, Any]) -> list[dict[str, Any]]:
    """Row, column, text, fill and ink of each cell, in their order."""
    layer = next(layer for layer in marks(vega_lite, "rect") if layer["encoding"]["x"]["field"] == "column")
    found: list[dict[str, Any]] = rows_of(vega_lite, layer)
    return found


def grid_size(vega_lite: dict[str, Any]) -> tuple[float, float]:
    """Width and height of all cells in pixels."""
    layer = next(layer for layer in marks(vega_lite, "rect") if layer["encoding"]["x"]["field"] == "column")
    width, height = (layer["encoding"][side]["scale"]["range"][1] for side in ("x", "y"))
    return width, height
