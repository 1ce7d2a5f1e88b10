"""Flow map: a row for each asset that lost, a column for each that gained, in each cell the attributed flow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import altair as alt
import polars as pl

from marketflows_pipeline.charts.cross_asset.spec import OUTSIDE, FlowMapSpec
from marketflows_pipeline.charts.cross_asset.wording import flows_text, left_out_notes
from marketflows_pipeline.charts.style.diverging_colours import fill_and_ink
from marketflows_pipeline.charts.style.frame import EDGE, Frame, framed
from marketflows_pipeline.charts.style.heatmap import EMPTY_FILL, Cell, Heatmap
from marketflows_pipeline.charts.style.layout import text_width
from marketflows_pipeline.charts.style.marks import note
from marketflows_pipeline.charts.style.theme import FALL_INK, GREY, INK, RISE_INK
from marketflows_pipeline.charts.style.time_axis import first_and_last
from marketflows_pipeline.charts.style.wording import counted, usd_text

SMALLER = "(smaller ones)"
LABEL_SIZE, TOTAL_SIZE = 12.5, 11.5

# Room for the line that says what the columns are, their names and their totals.
_HEADER = 58
_TOTAL_WIDTH = 74
_CELL_WIDTH_MAX, _CELL_HEIGHT_MAX = 220, 150
SHORT_NAMES = {OUTSIDE: "outside", SMALLER: "smaller"}


@framed
def flow_map_chart(frame: pl.DataFrame, spec: FlowMapSpec) -> alt.LayerChart:
    """Draw who lost against who gained.

    Rows are ordered by outflow, columns by inflow, the largest first; what is attributed to or from outside the
    universe is last. Rows sum to outflows and columns to inflows, which stand beside the names. A pair without any
    attribution is an empty cell.
    """
    pairs = condensed(frame.filter(pl.col("flow_usd") > 0), spec.most)
    rows, columns = totals(pairs, "from_symbol"), totals(pairs, "to_symbol")
    _, session = first_and_last(frame, "session")
    widest = max(text_width(SHORT_NAMES.get(row, row), LABEL_SIZE, bold=True) for row in rows)
    page = Frame(
        title=_title(rows, columns, spec),
        subtitle=[
            "Proportional attribution, not observed transfers",
            flows_text(spec.window_sessions, session),
            "each outflow is spread over the inflows by their size",
        ],
        footer=spec.footer(session, _notes(rows, columns, spec)),
        left=EDGE + widest + _TOTAL_WIDTH,
        above=_HEADER + 10,
    )
    grid = Heatmap(
        list(rows),
        list(columns),
        min(_CELL_WIDTH_MAX, page.plot_width / len(columns)),
        min(_CELL_HEIGHT_MAX, page.plot_height / len(rows)),
    )
    names: dict[str, Any] = {"fontSize": LABEL_SIZE, "fontWeight": "bold"}
    return page.draw(
        [
            *grid.draw(flow_cells(pairs, grid)),
            grid.labels("row", short_names(rows), **names, align="left", x=page.edge),
            grid.labels("row", _totals(rows, -1, FALL_INK), fontSize=TOTAL_SIZE, align="right", x=-10),
            grid.labels("column", short_names(columns), **names, y=-26),
            grid.labels("column", _totals(columns, 1, RISE_INK), fontSize=TOTAL_SIZE, y=-12),
            note("gained \u2192", x=0, y=7 - _HEADER),
            note("lost \u2193", x=page.edge, y=-12),
        ]
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


def _title(rows: Mapping[str, float], columns: Mapping[str, float], spec: FlowMapSpec) -> str:
    losers, gainers = ([name for name in side if name not in SHORT_NAMES] for side in (rows, columns))
    parts = [*(f"{name} lost most" for name in losers[:1]), *(f"{name} gained most" for name in gainers[:1])]
    is_one = spec.window_sessions == 1
    span = "in the newest session" if is_one else f"over {counted(spec.window_sessions, 'session')}"
    return f"{' and '.join(parts)} {span}, in US dollars"


def _notes(rows: Mapping[str, float], columns: Mapping[str, float], spec: FlowMapSpec) -> list[str]:
    notes = []
    if OUTSIDE in rows:
        notes.append("more flowed in than out, so the rest came from outside the universe")
    if OUTSIDE in columns:
        notes.append("more flowed out than in, so the rest went outside the universe")
    return [*notes, *left_out_notes(spec.unknown, spec.issuance)]


def flow_cells(pairs: pl.DataFrame, grid: Heatmap) -> list[Cell]:
    """The attributed flow of each pair; one without any is an empty cell."""
    flows = {(source, target): flow for source, target, flow in pairs.iter_rows()}
    largest = max(flows.values())
    cells = []
    for source in grid.rows:
        for target in grid.columns:
            flow = flows.get((source, target))
            # The root keeps small flows visible beside large ones; the amounts are written out.
            look = (EMPTY_FILL, GREY) if flow is None else fill_and_ink((flow / largest) ** 0.5, 1.0)
            cells.append(Cell(source, target, "" if flow is None else usd_text(flow), *look))
    return cells


def short_names(side: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Name and colour of each row or column; what is no asset is grey."""
    return {name: (SHORT_NAMES[name], GREY) if name in SHORT_NAMES else (name, INK) for name in side}


def _totals(side: Mapping[str, float], sign: int, ink: str) -> dict[str, tuple[str, str]]:
    """Total of each row or column; what is outside of the universe has none."""
    return {name: (usd_text(sign * total, signed=True), ink) for name, total in side.items() if name != OUTSIDE}
