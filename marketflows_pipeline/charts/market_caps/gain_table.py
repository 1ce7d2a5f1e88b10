"""Gain tables: series by offset, each cell a signed percent on a diverging colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import polars as pl

from marketflows_pipeline.charts.market_caps.wording import (
    MOSTLY_PRICE,
    Standing,
    base_phrase,
    hours_text,
    table_title,
)
from marketflows_pipeline.charts.spec import WEEK_HOURS, GainTableSpec
from marketflows_pipeline.charts.style.axes import label_expression
from marketflows_pipeline.charts.style.diverging_colours import color_limits, fill_and_ink
from marketflows_pipeline.charts.style.frame import EDGE, WIDTH, Frame, framed
from marketflows_pipeline.charts.style.heatmap import Matrix
from marketflows_pipeline.charts.style.layout import shorten, text_width
from marketflows_pipeline.charts.style.theme import GREY, INK
from marketflows_pipeline.charts.style.wording import footer_parts, percent_text, value_text

LABEL_SIZE, CELL_TEXT_SIZE = 13, 13
_LABEL_MAX = 240
_CELL_WIDTH_MAX, _CELL_WIDTH_MIN = 110, 58
_ROW_HEIGHT, _TIGHT_ROW_HEIGHT, _TIGHT_FROM = 34, 26, 20
_PAGE_MIN = 560
_GAP = 0.06
_HATCH_FILL, _HATCH_LINE = "#fbfbfc", "#c3c8d1"


@framed
def gain_table(frame: pl.DataFrame, spec: GainTableSpec) -> alt.LayerChart:
    """Draw one gain table; it is as high as its rows need.

    Rows stand in the order of the gain over one week, or, where no series has that, over the longest offset with a
    gain; the column is marked. Ranges stand in the order of size instead. An offset without any gain has no column.
    Colour is symmetric around zero and full at the 90 % quantile of magnitudes over that offset, so one outlier does
    not pale the rest; the text is always the true figure.

    Args:
        frame: series, hours_ago, gain_pct, reason, basis.
        spec: what the table says.

    Returns:
        A layered chart: cells, hatching of null cells, figures, mark of the sort column, footer.
    """
    limits = dict(zip(sorted(spec.hours_ago), spec.limits or color_limits(frame, spec.hours_ago), strict=True))
    every_cell = _cells(frame, spec)
    shown_hours = every_cell.drop_nulls("gain_pct").get_column("hours_ago").unique().sort().to_list()
    cells = every_cell.filter(pl.col("hours_ago").is_in(shown_hours))
    sort_hours = sort_column(cells)
    series = _row_order(cells, sort_hours, spec)
    labels = {style.series: shorten(style.label, LABEL_SIZE, _LABEL_MAX) for style in spec.series}
    left = EDGE + max(text_width(labels[name], LABEL_SIZE) for name in series) + 12
    grid = Matrix(
        cell_width=max(_CELL_WIDTH_MIN, min(_CELL_WIDTH_MAX, (WIDTH - left - EDGE) / len(shown_hours))),
        cell_height=_ROW_HEIGHT if len(series) < _TIGHT_FROM else _TIGHT_ROW_HEIGHT,
        columns=len(shown_hours),
        rows=len(series),
    )
    width = max(_PAGE_MIN, left + grid.width + EDGE)
    order = "the largest first" if spec.is_by_size else f"sorted by {hours_text(sort_hours)}"
    page = Frame(
        title=table_title(spec, _standings(cells, sort_hours, labels), sort_hours),
        subtitle=[
            f"Change of market cap {base_phrase(spec)} over each span, {order}",
            _color_scale({hours: limits[hours] for hours in shown_hours}),
        ],
        footer=footer_parts(spec.source, spec.as_of, [*spec.notes, MOSTLY_PRICE, *_cell_notes(every_cell)]),
        left=left,
        right=width - left - grid.width,
        above=36,
        below=16,
        width=width,
    ).around(grid.height)
    sort_label = "" if spec.is_by_size else hours_text(sort_hours)
    columns = [hours_text(hours) for hours in shown_hours]
    x = alt.X("column:O", sort=columns, scale=_band(), axis=_header_axis(sort_label))
    y = alt.Y("series:N", sort=series, scale=_band(), axis=_row_axis(labels))
    mark = [_sort_mark(columns.index(sort_label), grid)] if sort_label else []
    return page.draw([*_cell_layers(cells, limits, grid, x, y), *mark])


def sort_column(cells: pl.DataFrame) -> float:
    """Offset whose gains order the rows: a week if any series has it, otherwise the longest that any series has.

    Args:
        cells: hours_ago, gain_pct.
    """
    filled = cells.drop_nulls("gain_pct").get_column("hours_ago")
    return WEEK_HOURS if WEEK_HOURS in filled else float(filled.max())  # type: ignore[arg-type]


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


def _row_order(cells: pl.DataFrame, sort_hours: float, spec: GainTableSpec) -> list[str]:
    """Series by falling gain, those without one last, ties in the spec's order; ranges all in that order."""
    column = cells.filter(hours_ago=sort_hours)
    if not spec.is_by_size:
        column = column.sort("gain_pct", descending=True, nulls_last=True, maintain_order=True)
    return column.get_column("series").to_list()


def _standings(cells: pl.DataFrame, hours: float, labels: Mapping[str, str]) -> list[Standing]:
    gains = cells.filter(hours_ago=hours).drop_nulls("gain_pct").select("series", "gain_pct")
    return [Standing(series, labels[series], gain, percent_text(gain)) for series, gain in gains.iter_rows()]


def _color_scale(limits: Mapping[float, float]) -> str:
    ends = [
        f"\u00b1{value_text(limit, 1 if limit < 10 else 0, signed=False)}% ({hours_text(hours)})"
        for hours, limit in limits.items()
    ]
    return f"full colour at {' to '.join(dict.fromkeys((ends[0], ends[-1])))}, the same in all tables"


def _cell_notes(cells: pl.DataFrame) -> list[str]:
    """Why a column is left out or a cell is hatched, and which gains come from observations between grid times."""
    # "3 of 5 coins have no ..." differs from row to row; a note speaks for all of them.
    reason = pl.col("reason").fill_null("not computed").str.replace(r"^\d+ of \d+ ", "some ")
    is_left_out = pl.col("gain_pct").is_null().all().over("hours_ago")
    empty = cells.with_columns(reason, left_out=is_left_out).filter(pl.col("gain_pct").is_null())
    notes = [
        f"{'left out' if left_out else 'hatched'} ({_spans(group)}): {why}"
        for (left_out, why), group in empty.group_by("left_out", "reason", maintain_order=True)
    ]
    observed = cells.filter(pl.col("gain_pct").is_not_null(), pl.col("basis") == "observations")
    if not observed.is_empty():
        notes.append(f"{_spans(observed)}: from the coins' own observations between grid times")
    return notes


def _spans(cells: pl.DataFrame) -> str:
    return ", ".join(hours_text(hours) for hours in cells.get_column("hours_ago").unique().sort())


def _cell_layers(
    cells: pl.DataFrame, limits: Mapping[float, float], grid: Matrix, x: alt.X, y: alt.Y
) -> Sequence[alt.Chart]:
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
