"""Gain tables: series by offset, each cell a signed percent on a diverging colour."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import altair as alt
import polars as pl

from marketflows_pipeline.charts.spec import WEEK_HOURS, GainTableSpec
from marketflows_pipeline.charts.style.axes import label_expression
from marketflows_pipeline.charts.style.diverging_colours import color_limits, fill_and_ink
from marketflows_pipeline.charts.style.heatmap import Matrix
from marketflows_pipeline.charts.style.layout import shorten, text_width
from marketflows_pipeline.charts.style.page import (
    EDGE,
    footer_height,
    footer_lines,
    page,
    page_footer,
    page_title,
    subtitle_lines,
    title_height,
)
from marketflows_pipeline.charts.style.theme import GREY, INK, use_theme
from marketflows_pipeline.charts.style.wording import (
    MOSTLY_PRICE,
    footer_parts,
    hours_text,
    percent_text,
    table_title,
    value_text,
)

LABEL_SIZE, CELL_TEXT_SIZE = 13, 13
_LABEL_MAX = 240
_CELL_WIDTH_MAX, _CELL_WIDTH_MIN = 90, 58
_ROW_HEIGHT, _TIGHT_ROW_HEIGHT, _TIGHT_FROM = 34, 26, 20
_PAGE_MIN = 560
_PAGE_USUAL = 960
_GAP = 0.06
_HEADER = 28
_HATCH_FILL, _HATCH_LINE = "#fbfbfc", "#c3c8d1"


def gain_table(frame: pl.DataFrame, spec: GainTableSpec) -> alt.LayerChart:
    """Draw one gain table; it is as high as its rows need.

    Rows stand in the order of the gain over one week, or, where no series has that, over the longest offset with a
    gain; the column is marked. Rows that have a size stand in its order instead. Colour is symmetric around zero and
    full at the 90 % quantile of magnitudes over that offset, so one outlier does not pale the rest; the text is always
    the true figure.

    Args:
        frame: series, hours_ago, gain_pct, reason, basis.
        spec: what the table says.

    Returns:
        A layered chart: cells, hatching of null cells, figures, mark of the sort column, footer.

    Raises:
        ValueError: the frame lacks a column, or holds nothing to show (see ``GainTableSpec.reason_to_skip``).
    """
    reason = spec.reason_to_skip(frame)
    if reason is not None:
        raise ValueError(reason)
    use_theme()
    cells = _cells(frame, spec)
    sort_hours = sort_column(cells)
    series = _row_order(cells, None if spec.is_by_size else sort_hours, spec)
    limits = dict(zip(sorted(spec.hours_ago), spec.limits or color_limits(cells, spec.hours_ago), strict=True))

    labels = {style.series: shorten(style.label, LABEL_SIZE, _LABEL_MAX) for style in spec.series}
    left = EDGE + max(text_width(labels[name], LABEL_SIZE) for name in series) + 12
    grid = Matrix(
        cell_width=max(_CELL_WIDTH_MIN, min(_CELL_WIDTH_MAX, (_PAGE_USUAL - left - EDGE) / len(spec.hours_ago))),
        cell_height=_ROW_HEIGHT if len(series) < _TIGHT_FROM else _TIGHT_ROW_HEIGHT,
        columns=len(spec.hours_ago),
        rows=len(series),
    )
    width = max(_PAGE_MIN, left + grid.width + EDGE)
    known = set(cells.drop_nulls("gain_pct").get_column("hours_ago"))
    shown = {hours: limit for hours, limit in limits.items() if hours in known}
    subtitle = subtitle_lines(_subtitle_parts(None if spec.is_by_size else sort_hours, shown), width)
    footer = footer_lines([*footer_parts(spec.source, spec.as_of, spec.notes), *_cell_notes(cells)], width)
    top = title_height(subtitle) + 4 + _HEADER
    bottom = 16 + footer_height(footer) + EDGE / 2

    columns = [hours_text(hours) for hours in sorted(spec.hours_ago)]
    sort_label = "" if spec.is_by_size else hours_text(sort_hours)
    x = alt.X("column:O", sort=columns, scale=_band(), axis=_header_axis(sort_label))
    y = alt.Y("series:N", sort=series, scale=_band(), axis=_row_axis(labels))
    layers = [
        *_cell_layers(cells, limits, grid, x, y),
        *([_sort_mark(columns.index(sort_label), grid)] if sort_label else []),
        page_footer(footer, left=left, y=grid.height + 16),
    ]
    return page(
        layers,
        title=page_title(table_title(spec), subtitle, width=width, left=left, offset=14),
        size=(width, top + grid.height + bottom),
        margins=(left, top, width - left - grid.width, bottom),
    )


def sort_column(cells: pl.DataFrame) -> float:
    """Offset whose gains order the rows: a week if any series has it, otherwise the longest that any series has.

    Args:
        cells: hours_ago, gain_pct.
    """
    filled = cells.filter(pl.col("gain_pct").is_not_null()).get_column("hours_ago").unique().sort().to_list()
    return float(WEEK_HOURS if WEEK_HOURS in filled else filled[-1])


def _cells(frame: pl.DataFrame, spec: GainTableSpec) -> pl.DataFrame:
    """Every cell of the table, a missing row as a null cell; non-finite gains are null."""
    rows = pl.DataFrame({"series": [style.series for style in spec.series]})
    offsets = pl.DataFrame({"hours_ago": sorted({float(hours) for hours in spec.hours_ago})})
    shown = frame.select("series", pl.col("hours_ago").cast(pl.Float64), "gain_pct", "reason", "basis")
    present = rows.join(shown.select("series").unique(), on="series", maintain_order="left")
    return (
        present.join(offsets, how="cross")
        .join(shown, on=["series", "hours_ago"], how="left", maintain_order="left")
        .with_columns(gain_pct=pl.when(pl.col("gain_pct").is_finite()).then(pl.col("gain_pct")))
    )


def _row_order(cells: pl.DataFrame, sort_hours: float | None, spec: GainTableSpec) -> list[str]:
    """Series by falling gain, those without one last, ties in the spec's order; all in that order without an offset."""
    place = {style.series: rank for rank, style in enumerate(spec.series)}
    if sort_hours is None:
        shown = set(cells.get_column("series"))
        return [name for name in place if name in shown]
    by_gain = cells.filter(pl.col("hours_ago") == sort_hours).sort(
        pl.col("gain_pct"),
        pl.col("series").replace_strict(place, return_dtype=pl.Int32),
        descending=[True, False],
        nulls_last=True,
    )
    return by_gain.get_column("series").to_list()


def _subtitle_parts(sort_hours: float | None, limits: Mapping[float, float]) -> list[str]:
    order = "the largest first" if sort_hours is None else f"sorted by {hours_text(sort_hours)}"
    full = [
        f"\u00b1{value_text(by, 1 if by < 10 else 0, signed=False)}% ({hours_text(at)})" for at, by in limits.items()
    ]
    return [
        f"Gain over each span until the last grid time, {order}",
        f"full colour at {' to '.join(dict.fromkeys((full[0], full[-1])))}, the same in all tables",
        MOSTLY_PRICE,
    ]


def _cell_notes(cells: pl.DataFrame) -> list[str]:
    """Why cells are hatched, and which were answered from observations between grid times."""
    notes = []
    # "3 of 5 coins have no ..." differs from row to row; a note speaks for all of them.
    reason = pl.col("reason").fill_null("not computed").str.replace(r"^\d+ of \d+ ", "some ")
    empty = cells.filter(pl.col("gain_pct").is_null()).with_columns(reason)
    for (reason,), group in empty.group_by("reason", maintain_order=True):
        notes.append(f"hatched ({_spans(group)}): {reason}")
    observed = cells.filter(pl.col("gain_pct").is_not_null(), pl.col("basis") == "observations")
    if not observed.is_empty():
        notes.append(f"{_spans(observed)}: from the coins' own observations between grid times")
    return notes


def _spans(cells: pl.DataFrame) -> str:
    return ", ".join(hours_text(hours) for hours in cells.get_column("hours_ago").unique().sort())


def _cell_layers(
    cells: pl.DataFrame, limits: Mapping[float, float], grid: Matrix, x: alt.X, y: alt.Y
) -> list[alt.Chart]:
    filled: list[dict[str, Any]] = []
    empty: list[dict[str, Any]] = []
    for series, hours, gain in cells.select("series", "hours_ago", "gain_pct").iter_rows():
        place = {"series": series, "column": hours_text(hours)}
        if gain is None:
            empty.append(place)
        else:
            fill, ink = fill_and_ink(gain, limits[hours])
            filled.append({**place, "text": percent_text(gain), "fill": fill, "ink": ink})
    base = alt.Chart(alt.InlineData(values=filled))
    layers = [
        base.mark_rect(cornerRadius=2).encode(x=x, y=y, color=alt.Color("fill:N", scale=None)),
        base.mark_text(fontSize=CELL_TEXT_SIZE, baseline="middle").encode(
            x=x, y=y, text=alt.Text("text:N"), color=alt.Color("ink:N", scale=None)
        ),
    ]
    if empty:
        blank = alt.Chart(alt.InlineData(values=empty))
        layers += [
            blank.mark_rect(cornerRadius=2, color=_HATCH_FILL).encode(x=x, y=y),
            blank.mark_point(shape=_hatch_path(grid), size=4, stroke=_HATCH_LINE, strokeWidth=1, filled=False).encode(
                x=x, y=y
            ),
        ]
    return layers


def _hatch_path(grid: Matrix) -> str:
    """Diagonal lines across one cell as an SVG path around its centre, in pixels."""
    half_width = grid.cell_width * (1 - _GAP) / 2
    half_height = grid.cell_height * (1 - _GAP) / 2
    lines = []
    start = -half_width - half_height
    while start < half_width + half_height:
        # The line x = start + (y + half_height), cut at the cell's sides.
        first = max(start, -half_width)
        last = min(start + 2 * half_height, half_width)
        if last > first:
            lines.append(
                f"M{first:.1f},{half_height - (first - start):.1f}L{last:.1f},{half_height - (last - start):.1f}"
            )
        start += 7
    return "".join(lines)


def _sort_mark(column: int, grid: Matrix) -> alt.Chart:
    """A thin frame around the column that orders the rows."""
    chart: alt.Chart = alt.Chart(alt.InlineData(values=[{}])).mark_rect(
        x=column * grid.cell_width,
        x2=(column + 1) * grid.cell_width,
        y=-1,
        y2=grid.height + 1,
        fillOpacity=0,
        stroke=INK,
        strokeWidth=1.4,
        cornerRadius=3,
    )
    return chart


def _band() -> alt.Scale:
    return alt.Scale(paddingInner=_GAP, paddingOuter=_GAP / 2)


def _header_axis(sort_label: str) -> alt.Axis:
    is_sorted = f"datum.value === '{sort_label}'"
    return alt.Axis(
        orient="top",
        title=None,
        labelAngle=0,
        labelFontSize=LABEL_SIZE,
        labelPadding=8,
        domain=False,
        ticks=False,
        labelExpr=f"{is_sorted} ? datum.value + ' \u25bc' : datum.value",
        labelFontWeight={"condition": {"test": is_sorted, "value": "bold"}, "value": "normal"},
        labelColor={"condition": {"test": is_sorted, "value": INK}, "value": GREY},
    )


def _row_axis(labels: dict[str, str]) -> alt.Axis:
    return alt.Axis(
        title=None,
        labelExpr=label_expression(labels),
        labelFontSize=LABEL_SIZE,
        labelColor=INK,
        labelPadding=8,
        labelLimit=_LABEL_MAX + 20,
        domain=False,
        ticks=False,
    )
