"""Correlations of daily returns: each pair once, in a lower triangle."""

from __future__ import annotations

import altair as alt
import polars as pl

from marketflows_pipeline.charts.cross_asset.spec import CorrelationsSpec, shown_symbols
from marketflows_pipeline.charts.cross_asset.wording import not_drawn_notes
from marketflows_pipeline.charts.style.axes import name_axis
from marketflows_pipeline.charts.style.diverging_colours import fill_and_ink
from marketflows_pipeline.charts.style.frame import Frame, framed
from marketflows_pipeline.charts.style.heatmap import EMPTY_FILL, Cell, Heatmap
from marketflows_pipeline.charts.style.layout import text_width
from marketflows_pipeline.charts.style.marks import note
from marketflows_pipeline.charts.style.row_names import NAME_SIZE, RowName, names_margin, row_names
from marketflows_pipeline.charts.style.theme import GREY, INK
from marketflows_pipeline.charts.style.wording import UNKNOWN, counted, day_text, value_text

_LEAST_LABEL = 8.5
_CELL_WIDTH_MAX, _CELL_HEIGHT_MAX = 96, 58
_NAMED_PAIRS = 3
_REMARK_SIZE, _REMARK_LINE = 12, 18

_Pairs = dict[tuple[str, str], float | None]


@framed
def correlations_chart(frame: pl.DataFrame, spec: CorrelationsSpec) -> alt.LayerChart:
    """Draw the correlation of each pair, all of one session, on a fixed colour scale from -1 to 1."""
    session = frame["session"][0]
    order = [symbol for symbol, _ in spec.assets]
    present = shown_symbols({*frame["symbol_a"], *frame["symbol_b"]}, order)
    symbols = present[: spec.most]
    pairs = _pairs(frame, symbols)
    ranked = sorted(((-value, pair) for pair, value in pairs.items() if value is not None))
    alike = [f"{one} and {other}: {value_text(-value, 2, signed=False)}" for value, (one, other) in ranked]
    least, (one, other) = ranked[0]
    details = {symbol: name for symbol, name in spec.assets if name != symbol}
    rows = [RowName(symbol, symbol, details.get(symbol, "")) for symbol in symbols[1:]]
    notes = ["log returns of closes, dividends left out", "a correlation is no cause"]
    if len(ranked) < len(symbols) * (len(symbols) - 1) // 2:
        notes.append(f"{UNKNOWN}: fewer than 80 % of the window's returns")
    notes += not_drawn_notes("not drawn", present[spec.most :], order)
    page = Frame(
        title=f"{one} and {other} move most alike: correlation {value_text(-least, 2, signed=False)}",
        subtitle=[
            f"Correlation of daily returns over {counted(spec.window_sessions, 'session')}, "
            f"week to {day_text(session)}",
            "1: always move alike, 0: unrelated, \u22121: always move oppositely",
        ],
        footer=spec.footer(session, notes),
        left=names_margin(rows),
        above=10,
        below=38,
    )
    # The first row and the last column of a triangle are empty, so they are not there.
    sides = len(symbols) - 1
    grid = Heatmap(
        symbols[1:],
        symbols[:-1],
        min(_CELL_WIDTH_MAX, page.plot_width / sides),
        min(_CELL_HEIGHT_MAX, page.plot_height / sides),
    )
    return page.draw(
        [
            *grid.draw(_cells(pairs, symbols), column_axis=_column_axis(grid, page.plot_height)),
            *row_names(rows, grid.y(), left=page.left, row_height=grid.cell_height),
            *_remarks(alike, page.plot_width, grid),
        ]
    )


def _pairs(frame: pl.DataFrame, symbols: list[str]) -> _Pairs:
    """Correlation of each pair of symbols, the one that comes first in their order first."""
    place = {symbol: rank for rank, symbol in enumerate(symbols)}
    known = frame.select("symbol_a", "symbol_b", pl.when(pl.col("correlation").is_finite()).then("correlation"))
    found: _Pairs = {}
    for one, other, correlation in known.iter_rows():
        if one in place and other in place:
            first, second = sorted((one, other), key=place.__getitem__)
            found[first, second] = correlation
    return found


def _cells(pairs: _Pairs, symbols: list[str]) -> list[Cell]:
    cells = []
    for row, second in enumerate(symbols[1:], start=1):
        for first in symbols[:row]:
            cells.append(correlation_cell(second, first, pairs.get((first, second))))
    return cells


def correlation_cell(row: str, column: str, correlation: float | None, mark: str = "") -> Cell:
    """The cell of a correlation on a fixed colour scale from -1 to 1, with a mark before its figure."""
    look = (EMPTY_FILL, GREY) if correlation is None else fill_and_ink(correlation, 1.0)
    text = UNKNOWN if correlation is None else value_text(correlation, 2, signed=False)
    return Cell(row, column, f"{mark}{text}", *look)


def _column_axis(grid: Heatmap, plot_height: float) -> alt.Axis:
    """Symbols below their columns, as large as the longest allows."""
    room = (grid.cell_width - 4) / max(text_width(symbol, 1, bold=True) for symbol in grid.columns)
    return name_axis(
        offset=grid.height - plot_height,
        labelFontSize=max(_LEAST_LABEL, min(NAME_SIZE, room)),
        labelFontWeight="bold",
        labelLimit=grid.cell_width - 4,
    )


def _remarks(alike: list[str], right: float, grid: Heatmap) -> list[alt.Chart]:
    """The most and the least alike pairs, in the corner, where the triangle leaves room for them."""
    if len(alike) < 2 * _NAMED_PAIRS:
        return []
    blocks = (("most alike", alike[:_NAMED_PAIRS]), ("least alike", alike[: -_NAMED_PAIRS - 1 : -1]))
    height = _REMARK_LINE * (_NAMED_PAIRS + 1) + 8
    # The triangle's edge at the lowest line must stay left of the text.
    row = min(len(grid.rows), int(2 * height / grid.cell_height) + 1)
    widest = max(text_width(line, _REMARK_SIZE) for _, lines in blocks for line in lines)
    if row * grid.cell_width > right - widest - 8:
        return []
    layers = []
    for number, (heading, lines) in enumerate(blocks):
        top = 10 + number * height
        layers += [
            note(heading, x=right, y=top, align="right"),
            note(lines, x=right, y=top + _REMARK_LINE, align="right", lineHeight=_REMARK_LINE, color=INK),
        ]
    return layers
