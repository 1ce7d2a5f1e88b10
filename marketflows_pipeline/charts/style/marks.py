"""What many charts are made of: inline data, texts at fixed places, reference lines, colours of series."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import altair as alt
import polars as pl

from marketflows_pipeline.charts.spec import SeriesStyle
from marketflows_pipeline.charts.style.look import current_look
from marketflows_pipeline.charts.style.theme import GREY, OUTLINE, REFERENCE

# Records that hold their colours have them drawn as they are.
FILL = alt.Color("fill:N", scale=None)
INK = alt.Color("ink:N", scale=None)


def records(rows: Iterable[Mapping[str, Any]] = ({},)) -> alt.Chart:
    """Rows as inline records; without rows one mark that has no figures."""
    return alt.Chart(alt.InlineData(values=list(rows)))


def csv_chart(rows: pl.DataFrame) -> alt.Chart:
    """Rows as inline CSV, which costs half of what records do, in Altair and in Vega."""
    types = {name: "string" if kind == pl.String else "number" for name, kind in rows.schema.items()}
    return alt.Chart(alt.InlineData(values=rows.write_csv(), format=alt.CsvDataFormat(type="csv", parse=types)))


def blend() -> Literal["multiply", "lighten"]:
    """How a band is laid over grid lines so that they stay visible."""
    return "multiply" if current_look().theme == "light" else "lighten"


def note(text: str | Sequence[str], **style: Any) -> alt.Chart:  # noqa: ANN401 - Altair's own fields
    """Grey text at a place in pixels (``x``, ``y``)."""
    quiet: dict[str, Any] = {"align": "left", "baseline": "middle", "fontSize": 12, "color": GREY}
    chart: alt.Chart = records().mark_text(text=text, **(quiet | style))
    return chart


def texts(rows: Iterable[Mapping[str, Any]], **style: Any) -> alt.Chart:  # noqa: ANN401 - Altair's own fields
    """Texts (x, y in pixels, text, ink)."""
    mark: dict[str, Any] = {"align": "left", "baseline": "middle", **style}
    chart: alt.Chart = records(rows).mark_text(**mark).encode(**AT, text="text:N", color=INK)
    return chart


def rules(rows: Iterable[Mapping[str, Any]], **style: Any) -> alt.Chart:  # noqa: ANN401 - Altair's own fields
    """Straight lines (x, x2, y, and y2 where they are not level, in pixels)."""
    lines = list(rows)
    ends = {"x2": "x2:Q"} | ({"y2": "y2:Q"} if "y2" in lines[0] else {})
    chart: alt.Chart = records(lines).mark_rule(**style).encode(**AT, **ends)
    return chart


def reference_line(field: str, value: float, **style: Any) -> alt.Chart:  # noqa: ANN401 - Altair's own fields
    """A line across the plot at one value of a field, whose axis the caller encodes."""
    quiet: dict[str, Any] = {"color": REFERENCE, "strokeWidth": 1.2}
    chart: alt.Chart = records([{field: value}]).mark_rule(**(quiet | style))
    return chart


def pixel_x(field: str) -> alt.X:
    """A field that holds a distance from the plot's left edge in pixels."""
    return alt.X(f"{field}:Q", scale=None, axis=None)


def pixel_y(field: str) -> alt.Y:
    """A field that holds a distance from the plot's top in pixels."""
    return alt.Y(f"{field}:Q", scale=None, axis=None)


# Where records are drawn that say so in pixels.
AT: dict[str, Any] = {"x": pixel_x("x"), "y": pixel_y("y")}


def series_channels(styles: Sequence[SeriesStyle], legend: alt.Legend | None = None) -> dict[str, Any]:
    """Colour of each series, and its dashes where there are more series than colours."""
    names = [style.series for style in styles]
    colors = alt.Scale(domain=names, range=[style.color for style in styles])
    channels: dict[str, Any] = {"color": alt.Color("series:N", scale=colors, legend=legend)}
    if any(style.dash for style in styles):
        dashes = alt.Scale(domain=names, range=[list(style.dash) or [1, 0] for style in styles])
        channels["strokeDash"] = alt.StrokeDash("series:N", scale=dashes, legend=legend)
    return channels


def channels_with_named_in_front(styles: Sequence[SeriesStyle], named: Collection[str]) -> dict[str, Any]:
    """The same where only some series are named: the others are grey, and first, so that they lie below."""
    ordered = sorted(styles, key=lambda style: style.series in named)
    grey = [style if style.series in named else replace(style, color=OUTLINE, dash=()) for style in ordered]
    return series_channels(grey)
