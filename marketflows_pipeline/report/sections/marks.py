"""Axes, and rows of a heat map, that charts of several sections share."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from marketflows_pipeline.charts.style.theme import INK

if TYPE_CHECKING:
    import altair as alt

NAME_WIDTH = 150
ROW_HEIGHT = 24


def row_names(labels: Mapping[str, str]) -> alt.Axis:
    """A vertical axis that shows what each key is called; two keys may be called the same.

    Args:
        labels: name by key.
    """
    import altair as alt  # noqa: PLC0415 (loads for 0.6 s)

    # JSON is an expression of Vega's, so that no name can end it; lists have no names of their own, as objects have.
    named = f"{json.dumps(list(labels.values()))}[indexof({json.dumps(list(labels))}, datum.value)]"
    return alt.Axis(
        labelExpr=named, title=None, labelLimit=NAME_WIDTH, labelColor=INK, grid=False, domain=False, ticks=False
    )


def signed_axis(title: str | None = None, *, grid: bool = True) -> alt.Axis:
    """Numbers with their sign, but for 0."""
    import altair as alt  # noqa: PLC0415

    text = "datum.value == 0 ? '0' : format(datum.value, '+,~f')"
    return alt.Axis(labelExpr=text, title=title, grid=grid)


def rows_axis(key: str, labels: Mapping[str, str]) -> alt.Y:
    """Rows by key in the order of the labels, each under its name."""
    import altair as alt  # noqa: PLC0415

    return alt.Y(f"{key}:N", scale=alt.Scale(domain=list(labels)), axis=row_names(labels), sort=None)


def columns_axis(key: str, order: Sequence[str]) -> alt.X:
    """Columns of a heat map, named at the top."""
    import altair as alt  # noqa: PLC0415

    shown = alt.Axis(orient="top", title=None, labelAngle=0, labelColor=INK, domain=False, ticks=False, labelLimit=90)
    return alt.X(f"{key}:N", scale=alt.Scale(domain=list(order)), axis=shown, sort=None)


def height_of(n_rows: int, least: int = 120, row: int = ROW_HEIGHT) -> int:
    """Height of so many rows; a number, since the page would log a warning for a step."""
    return max(least, row * n_rows)
