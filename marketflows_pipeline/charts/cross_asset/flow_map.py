"""Flow map: a row for each asset that lost, a column for each that gained, in each cell the attributed flow."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, cast

import altair as alt
import polars as pl

from marketflows_pipeline.charts.cross_asset.spec import OUTSIDE, FlowMapSpec
from marketflows_pipeline.charts.cross_asset.wording import (
    ATTRIBUTION,
    flows_text,
    left_out_notes,
    session_footer,
    sessions_text,
)
from marketflows_pipeline.charts.exchanges.wording import usd_text
from marketflows_pipeline.charts.style.axes import pixel_x, pixel_y
from marketflows_pipeline.charts.style.diverging_colours import fill_and_ink
from marketflows_pipeline.charts.style.frame import EDGE, Frame, framed
from marketflows_pipeline.charts.style.heatmap import EMPTY_FILL, Cell, Matrix, cell_layers
from marketflows_pipeline.charts.style.layout import text_width
from marketflows_pipeline.charts.style.theme import FALL_INK, GREY, INK, RISE_INK

SMALLER = "(smaller ones)"
LABEL_SIZE, TOTAL_SIZE = 12.5, 11.5

# Up to the top of the line that says what the columns are.
_HEADER = 58
_CELL_WIDTH_MAX, _CELL_HEIGHT_MAX = 220, 150
# A column must be this wide for a name of two lines.
_NARROW = 84
_SHORT_NAMES = {OUTSIDE: ("outside", "the universe"), SMALLER: ("smaller", "ones")}


@framed
def flow_map_chart(frame: pl.DataFrame, spec: FlowMapSpec) -> alt.LayerChart:
    """Draw who lost against who gained, 960 x 720 pixels.

    Rows are ordered by outflow, columns by inflow, the largest first; what is attributed to or from outside the
    universe is last. Rows sum to outflows and columns to inflows, which stand beside the names. A pair without any
    attribution is an empty cell.

    Args:
        frame: rows of ``mart.flow_map`` of one window and one choice of issuance: from_symbol, to_symbol, session,
            flow_usd.
        spec: what the picture says.

    Returns:
        A layered chart: cells, amounts, names with totals, footer.

    """
    pairs = condensed(frame.filter(pl.col("flow_usd") > 0), spec.most)
    rows, columns = totals(pairs, "from_symbol"), totals(pairs, "to_symbol")
    session = cast("date", frame.get_column("session").max())
    largest = cast("float", pairs.get_column("flow_usd").max())
    subtitle = subtitle_lines(
        [
            ATTRIBUTION,
            flows_text(spec.window_sessions, session),
            "each outflow is spread over the inflows by their size",
        ],
        WIDTH,
    )
    footer = footer_lines(session_footer(spec.source, session, _notes(rows, columns, spec)), WIDTH)

    left = EDGE + max(text_width(line, LABEL_SIZE, bold=True) for name in rows for line in _lines(name)) + 74
    top = title_height(subtitle) + 10 + _HEADER
    bottom = 18 + footer_height(footer) + EDGE / 2
    room = WIDTH - left - EDGE, HEIGHT - top - bottom
    matrix = Matrix(
        cell_width=min(_CELL_WIDTH_MAX, room[0] / len(columns)),
        cell_height=min(_CELL_HEIGHT_MAX, room[1] / len(rows)),
        columns=len(columns),
        rows=len(rows),
    )
    layers = [
        *cell_layers(_cells(pairs, list(rows), list(columns), largest), matrix),
        *_row_names(rows, left, matrix),
        *_column_names(columns, matrix),
        *_corner(left),
        page_footer(footer, left=left, y=room[1] + 18),
    ]
    return page(
        layers,
        title=page_title(_title(spec), subtitle, width=WIDTH, left=left, offset=12),
        size=(WIDTH, HEIGHT),
        margins=(left, top, EDGE, bottom),
    )


def condensed(pairs: pl.DataFrame, most: int) -> pl.DataFrame:
    """Pairs between the largest losers and gainers; what is beyond ``most`` on a side is added up as one.

    Args:
        pairs: from_symbol, to_symbol, flow_usd.
        most: assets on each side, without what is outside the universe.
    """
    for side in ("from_symbol", "to_symbol"):
        inside = [name for name in totals(pairs, side) if name != OUTSIDE]
        if len(inside) > most:
            few = inside[most - 1 :]
            pairs = pairs.with_columns(
                pl.when(pl.col(side).is_in(few)).then(pl.lit(SMALLER)).otherwise(side).alias(side)
            )
    return pairs.group_by("from_symbol", "to_symbol", maintain_order=True).agg(pl.col("flow_usd").sum())


def totals(pairs: pl.DataFrame, side: str) -> dict[str, float]:
    """What each name of a side lost or gained, the largest first, those added up and the outside last."""
    summed = (
        pairs.group_by(side)
        .agg(pl.col("flow_usd").sum())
        .sort(pl.col(side) == OUTSIDE, pl.col(side) == SMALLER, -pl.col("flow_usd"), side)
    )
    return dict(summed.iter_rows())


def _title(spec: FlowMapSpec) -> str:
    span = "in the newest session" if spec.window_sessions == 1 else f"over {sessions_text(spec.window_sessions)}"
    return f"Who gained while others lost, {span}"


def _notes(rows: Mapping[str, float], columns: Mapping[str, float], spec: FlowMapSpec) -> list[str]:
    notes = []
    if OUTSIDE in rows:
        notes.append("more flowed in than out, so the rest came from outside the universe")
    if OUTSIDE in columns:
        notes.append("more flowed out than in, so the rest went outside the universe")
    return [*notes, *left_out_notes(spec.unknown, spec.issuance), *spec.notes]


def _cells(pairs: pl.DataFrame, rows: list[str], columns: list[str], largest: float) -> list[Cell]:
    flows = {(source, target): flow for source, target, flow in pairs.iter_rows()}
    cells = []
    for row, source in enumerate(rows):
        for column, target in enumerate(columns):
            flow = flows.get((source, target))
            if flow is None:
                cells.append(Cell(row, column, "", EMPTY_FILL, GREY))
                continue
            # The root keeps small flows visible beside large ones; the amounts are written out.
            fill, ink = fill_and_ink((flow / largest) ** 0.5, 1.0)
            cells.append(Cell(row, column, usd_text(flow), fill, ink))
    return cells


def _lines(name: str) -> tuple[str, ...]:
    return _SHORT_NAMES.get(name, (name,))


def _row_names(rows: Mapping[str, float], left: float, matrix: Matrix) -> list[alt.Chart]:
    names: list[dict[str, Any]] = []
    sums: list[dict[str, Any]] = []
    for place, (name, total) in enumerate(rows.items()):
        middle = (place + 0.5) * matrix.cell_height
        lines = _lines(name)
        names += [
            {"text": line, "y": middle + (number - (len(lines) - 1) / 2) * 14, "ink": _ink(name)}
            for number, line in enumerate(lines)
        ]
        if name != OUTSIDE:
            sums.append({"text": usd_text(-total, signed=True), "y": middle})
    named = alt.Chart(alt.InlineData(values=names)).mark_text(
        align="left", baseline="middle", fontSize=LABEL_SIZE, fontWeight="bold", x=EDGE - left
    )
    layers = [named.encode(y=pixel_y("y"), text="text:N", color=alt.Color("ink:N", scale=None))]
    if sums:
        layers.append(
            alt.Chart(alt.InlineData(values=sums))
            .mark_text(align="right", baseline="middle", fontSize=TOTAL_SIZE, color=FALL_INK, x=-10)
            .encode(y=pixel_y("y"), text="text:N")
        )
    return layers


def _column_names(columns: Mapping[str, float], matrix: Matrix) -> list[alt.Chart]:
    names: list[dict[str, Any]] = []
    sums: list[dict[str, Any]] = []
    for place, (name, total) in enumerate(columns.items()):
        middle = (place + 0.5) * matrix.cell_width
        lines = _lines(name) if matrix.cell_width >= _NARROW else tuple(name.strip("()").split(" "))
        # The outside has no total; two lines that have one need the room of the total's line as well.
        last, step = (-12, 14) if name == OUTSIDE else (-26, 12)
        names += [
            {"text": line, "x": middle, "y": last - step * (len(lines) - 1 - number), "ink": _ink(name)}
            for number, line in enumerate(lines)
        ]
        if name != OUTSIDE:
            sums.append({"text": usd_text(total, signed=True), "x": middle})
    layers = [
        alt.Chart(alt.InlineData(values=names))
        .mark_text(align="center", baseline="middle", fontSize=LABEL_SIZE, fontWeight="bold")
        .encode(x=pixel_x("x"), y=pixel_y("y"), text="text:N", color=alt.Color("ink:N", scale=None))
    ]
    if sums:
        layers.append(
            alt.Chart(alt.InlineData(values=sums))
            .mark_text(align="center", baseline="middle", fontSize=TOTAL_SIZE, color=RISE_INK, y=-12)
            .encode(x=pixel_x("x"), text="text:N")
        )
    return layers


def _ink(name: str) -> str:
    return GREY if name in _SHORT_NAMES else INK


def _corner(left: float) -> list[alt.Chart]:
    """What rows and columns are."""
    base = alt.Chart(alt.InlineData(values=[{}]))
    style: dict[str, Any] = {"fontSize": 12, "color": GREY, "baseline": "middle"}
    return [
        base.mark_text(text="gained \u2192", x=0, y=7 - _HEADER, align="left", **style),
        base.mark_text(text="lost \u2193", x=EDGE - left, y=-12, align="left", **style),
    ]
