"""What charts of several sections share: axes, bars of either sign, heat maps and their colours."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from marketflows_pipeline.charts.style.theme import BACKGROUND, GREY, INK, INTO, OUT_OF
from marketflows_pipeline.report.specs import fading

if TYPE_CHECKING:
    import altair as alt

NAME_WIDTH = 150
ROW_HEIGHT = 24
# Heat: seven steps from out of (below 0) to into (above 0), by limits that stand in the chart. The ink on all of them
# is that of texts; the theme holds their values.
STEPS = tuple(f"var(--heat-{name})" for name in ("n3", "n2", "n1", "0", "p1", "p2", "p3"))


def row_names(labels: Mapping[str, str]) -> alt.Axis:
    """A vertical axis that shows what each key is called; two keys may be called the same.

    Args:
        labels: name by key.
    """
    import altair as alt

    # JSON is an expression of Vega's, so that no name can end it; lists have no names of their own, as objects have.
    named = f"{json.dumps(list(labels.values()))}[indexof({json.dumps(list(labels))}, datum.value)]"
    return alt.Axis(
        labelExpr=named, title=None, labelLimit=NAME_WIDTH, labelColor=INK, grid=False, domain=False, ticks=False
    )


def signed_axis(title: str | None = None) -> alt.Axis:
    """Numbers with their sign, but for 0."""
    import altair as alt

    text = "datum.value == 0 ? '0' : format(datum.value, '+,~f')"
    return alt.Axis(labelExpr=text, title=title, grid=True)


def rows_axis(key: str, labels: Mapping[str, str]) -> alt.Y:
    """Rows by key in the order of the labels, each under its name."""
    import altair as alt

    return alt.Y(f"{key}:N", scale=alt.Scale(domain=list(labels)), axis=row_names(labels), sort=None)


def columns_axis(key: str, order: Sequence[str]) -> alt.X:
    """Columns of a heat map, named at the top."""
    import altair as alt

    shown = alt.Axis(orient="top", title=None, labelAngle=0, labelColor=INK, domain=False, ticks=False, labelLimit=90)
    return alt.X(f"{key}:N", scale=alt.Scale(domain=list(order)), axis=shown, sort=None)


def height_of(n_rows: int, least: int = 120, row: int = ROW_HEIGHT) -> int:
    """Height of so many rows; a number, since the page would log a warning for a step."""
    return max(least, row * n_rows)


def into_or_out_of(flow: str) -> Any:  # noqa: ANN401 - a condition, as Altair makes it
    """Colour by the sign of a field."""
    import altair as alt

    return alt.condition(f"datum.{flow} < 0", alt.value(OUT_OF), alt.value(INTO))


def signed_bars(
    base: alt.Chart, y: alt.Y, key: str, tooltip: list[alt.Tooltip], *, length: str, flow: str
) -> alt.LayerChart:
    """A bar for each row, coloured by the sign of its flow, and a line at 0.

    Args:
        base: the rows.
        y: of each row.
        key: the column whose value is singled out.
        tooltip: of each bar.
        length: the field that bars show.
        flow: the field whose sign colours them.
    """
    import altair as alt

    bars = base.mark_bar(height={"band": 0.6}).encode(
        x=alt.X(f"{length}:Q", axis=signed_axis()),
        y=y,
        color=into_or_out_of(flow),
        opacity=fading(key),
        tooltip=tooltip,
    )
    zero = alt.Chart(base.data.copy()).mark_rule(stroke=GREY).encode(x=alt.datum(0, type="quantitative"))
    chart: alt.LayerChart = bars + zero
    return chart


def heat_map(
    cells: alt.Chart, color: alt.Color, *, text: str = "text:N", size: int = 13, gap: int = 2, **channels: object
) -> alt.LayerChart:
    """Coloured cells with words in them.

    Args:
        cells: with their place.
        color: `both_ways` or `by_size`.
        text: field of the words.
        size: of the words, px.
        gap: between cells, px.
        channels: of the coloured fields alone.
    """
    fields = cells.mark_rect(cornerRadius=gap + 1, stroke=BACKGROUND, strokeWidth=gap).encode(color=color, **channels)
    chart: alt.LayerChart = fields + cells.mark_text(fontSize=size).encode(text=text)
    return chart


def both_ways(field: str, limits: Sequence[float]) -> alt.Color:
    """Colour by sign and size.

    Args:
        field: a number of either sign.
        limits: where the three steps above the middle begin, rising; below 0 they are the same.
    """
    import altair as alt

    domain = [*(-limit for limit in reversed(limits)), *limits]
    return alt.Color(f"{field}:Q", scale=alt.Scale(type="threshold", domain=domain, range=list(STEPS)), legend=None)


def by_size(field: str, limits: Sequence[float]) -> alt.Color:
    """Colour by size, for a number that is never below 0: the limits are where the three upper steps begin."""
    import altair as alt

    scale = alt.Scale(type="threshold", domain=list(limits), range=list(STEPS[3:]))
    return alt.Color(f"{field}:Q", scale=scale, legend=None)


def limits_text(limits: Sequence[float], unit: str) -> str:
    """Where the steps begin, for a subtitle: "colour steps at 1, 5 and 20 % of reserves"."""
    *first, last = (f"{limit:g}" for limit in limits)
    return f"colour steps at {', '.join(first)} and {last}{unit}"
