"""Gain tables: series by offset, each cell a signed percent on a diverging colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import altair as alt
import polars as pl

from marketflows_pipeline.charts.market_caps.wording import (
    COUNTED_WHERE_THEY_ARE,
    MOSTLY_PRICE,
    Standing,
    base_phrase,
    hours_text,
    table_title,
)
from marketflows_pipeline.charts.spec import WEEK_HOURS, GainTableSpec
from marketflows_pipeline.charts.style.axes import label_expression, name_axis
from marketflows_pipeline.charts.style.diverging_colours import color_limits, fill_and_ink
from marketflows_pipeline.charts.style.frame import EDGE, Frame, framed
from marketflows_pipeline.charts.style.heatmap import EMPTY_FILL, Cell, Heatmap
from marketflows_pipeline.charts.style.layout import shorten, text_width
from marketflows_pipeline.charts.style.look import current_look
from marketflows_pipeline.charts.style.marks import records
from marketflows_pipeline.charts.style.theme import GREY, INK
from marketflows_pipeline.charts.style.wording import UNKNOWN, footer_parts, percent_text, value_text

LABEL_SIZE, CELL_TEXT_SIZE = 13, 13
_LABEL_MAX = 240
_CELL_WIDTH_MAX, _CELL_WIDTH_MIN = 110, 70
_ROW_HEIGHT, _TIGHT_ROW_HEIGHT, _TIGHT_FROM = 34, 26, 20
_PAGE_MIN = 560


@framed
def gain_table(frame: pl.DataFrame, spec: GainTableSpec) -> alt.LayerChart:
    """Draw one gain table; it is as high as its rows need.

    Rows stand in the order of the gain over one week, or, where no series has that, over the longest offset with a
    gain; the column is marked. Ranges stand in the order of size instead. An offset without any gain has no column.
    Colour is symmetric around zero and full at the 90 % quantile of magnitudes over that offset, so one outlier does
    not pale the rest; the text is always the true figure.
    """
    limits = dict(zip(sorted(spec.hours_ago), spec.limits or color_limits(frame, spec.hours_ago), strict=True))
    every_cell = table_cells(frame, spec)
    hours_ago = every_cell.drop_nulls("gain_pct").get_column("hours_ago").unique().sort().to_list()
    cells = every_cell.filter(pl.col("hours_ago").is_in(hours_ago))
    sort_hours = sort_column(cells)
    order_of_rows = row_order(cells, sort_hours, spec)
    labels = {style.series: shorten(style.label, LABEL_SIZE, _LABEL_MAX) for style in spec.series}
    left = EDGE + max(text_width(labels[name], LABEL_SIZE) for name in order_of_rows) + 12
    grid = Heatmap(
        rows=order_of_rows,
        columns=[hours_text(hours) for hours in hours_ago],
        cell_width=max(_CELL_WIDTH_MIN, min(_CELL_WIDTH_MAX, (current_look().width - left - EDGE) / len(hours_ago))),
        cell_height=_ROW_HEIGHT if len(order_of_rows) < _TIGHT_FROM else _TIGHT_ROW_HEIGHT,
    )
    width = max(_PAGE_MIN, left + grid.width + EDGE)
    order = f"the largest first; {COUNTED_WHERE_THEY_ARE}" if spec.is_by_size else f"sorted by {hours_text(sort_hours)}"
    page = Frame(
        title=table_title(spec, standings(cells, sort_hours, labels), sort_hours),
        subtitle=[
            f"Change of market cap {base_phrase(spec)} over each span, {order}",
            _color_scale([(hours, limits[hours]) for hours in hours_ago]),
        ],
        footer=footer_parts(spec.source, spec.as_of, [*spec.notes, MOSTLY_PRICE, *cell_notes(every_cell)]),
        left=left,
        right=width - left - grid.width,
        below=16,
        width=width,
    ).around(grid.height)
    sorted_by = None if spec.is_by_size else hours_text(sort_hours)
    return page.draw(
        [
            *grid.draw(
                [
                    gain_cell(series, hours, gain, limits[hours])
                    for series, hours, gain in cells.select("series", "hours_ago", "gain_pct").iter_rows()
                ],
                text_size=CELL_TEXT_SIZE,
                column_axis=column_axis(sorted_by),
                row_axis=name_axis(
                    labelExpr=label_expression(labels), labelFontSize=LABEL_SIZE, labelLimit=_LABEL_MAX + 20
                ),
            ),
            *([_sort_mark(sorted_by, grid)] if sorted_by else []),
        ]
    )


def sort_column(cells: pl.DataFrame) -> float:
    """Offset whose gains order the rows: a week if any series has it, otherwise the longest that any series has."""
    hours_ago = cells.drop_nulls("gain_pct").get_column("hours_ago").to_list()
    return WEEK_HOURS if WEEK_HOURS in hours_ago else max(hours_ago)


def table_cells(frame: pl.DataFrame, spec: GainTableSpec) -> pl.DataFrame:
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


def row_order(cells: pl.DataFrame, sort_hours: float, spec: GainTableSpec) -> list[str]:
    """Series by falling gain, those without one last, ties in the spec's order; ranges from the largest."""
    column = cells.filter(hours_ago=sort_hours)
    if spec.is_by_size:
        return column.get_column("series").reverse().to_list()
    by_gain = column.sort("gain_pct", descending=True, nulls_last=True, maintain_order=True)
    return by_gain.get_column("series").to_list()


def standings(cells: pl.DataFrame, hours: float, labels: Mapping[str, str]) -> list[Standing]:
    """Where each series stands by its gain over an offset."""
    gains = cells.filter(hours_ago=hours).drop_nulls("gain_pct").select("series", "gain_pct")
    return [Standing(series, labels[series], gain, percent_text(gain)) for series, gain in gains.iter_rows()]


def _color_scale(limits: Sequence[tuple[float, float]]) -> str:
    ends = [
        f"\u00b1{value_text(limit, 1 if limit < 10 else 0, signed=False)}% ({hours_text(hours)})"
        for hours, limit in (limits[0], limits[-1])
    ]
    return f"full colour at {' to '.join(dict.fromkeys(ends))}, the same in all tables"


def cell_notes(cells: pl.DataFrame) -> list[str]:
    """Why a column or a figure is missing, and which gains come from observations between grid times."""
    # "3 of 5 coins have no ..." differs from row to row; a note speaks for all of them.
    reason = pl.col("reason").fill_null("not computed").str.replace(r"^\d+ of \d+ ", "some ")
    is_left_out = pl.col("gain_pct").is_null().all().over("hours_ago")
    empty = cells.with_columns(reason, left_out=is_left_out).filter(pl.col("gain_pct").is_null())
    notes = [
        f"no {'column' if left_out else 'figure'} for {_spans(group)}: {why}"
        for (left_out, why), group in empty.group_by("left_out", "reason", maintain_order=True)
    ]
    observed = cells.filter(pl.col("gain_pct").is_not_null(), pl.col("basis") == "observations")
    if not observed.is_empty():
        notes.append(f"{_spans(observed)}: from the coins' own observations between grid times")
    return notes


def _spans(cells: pl.DataFrame) -> str:
    return ", ".join(hours_text(hours) for hours in cells.get_column("hours_ago").unique().sort())


def gain_cell(series: str, hours: float, gain: float | None, limit: float) -> Cell:
    """The cell of a gain, whose colour is full from the limit on."""
    if gain is None:
        return Cell(series, hours_text(hours), UNKNOWN, EMPTY_FILL, GREY)
    return Cell(series, hours_text(hours), percent_text(gain), *fill_and_ink(gain, limit))


def _sort_mark(column: str, grid: Heatmap) -> alt.Chart:
    """A thin frame around the column that orders the rows."""
    place = grid.columns.index(column)
    chart: alt.Chart = records().mark_rect(
        x=place * grid.cell_width,
        x2=(place + 1) * grid.cell_width,
        y=-1,
        y2=grid.height + 1,
        fillOpacity=0,
        stroke=INK,
        strokeWidth=1.4,
        cornerRadius=3,
    )
    return chart


def column_axis(sorted_by: str | None) -> alt.Axis:
    """Names of the offsets above their columns, the one that orders the rows marked."""
    is_sorted = f"datum.value === '{sorted_by or ''}'"
    return name_axis(
        orient="top",
        labelFontSize=LABEL_SIZE,
        labelExpr=f"{is_sorted} ? datum.value + ' \u25bc' : datum.value",
        labelFontWeight={"condition": {"test": is_sorted, "value": "bold"}, "value": "normal"},
        labelColor={"condition": {"test": is_sorted, "value": INK}, "value": GREY},
    )
