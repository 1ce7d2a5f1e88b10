"""Correlations of daily returns: each pair once, in a lower triangle."""

from __future__ import annotations

from datetime import date
from typing import cast

import altair as alt
import polars as pl

from marketflows_pipeline.charts.cross_asset.spec import CorrelationsSpec, shown_symbols
from marketflows_pipeline.charts.cross_asset.wording import session_footer, sessions_text
from marketflows_pipeline.charts.exchanges.wording import UNKNOWN, day_text, names_text
from marketflows_pipeline.charts.style.axes import pixel_y
from marketflows_pipeline.charts.style.diverging_colours import fill_and_ink
from marketflows_pipeline.charts.style.frame import Frame, framed
from marketflows_pipeline.charts.style.heatmap import EMPTY_FILL, Cell, Heatmap
from marketflows_pipeline.charts.style.layout import text_width
from marketflows_pipeline.charts.style.row_names import NAME_SIZE, RowName, names_margin, row_names
from marketflows_pipeline.charts.style.theme import GREY, INK
from marketflows_pipeline.charts.style.wording import value_text

_LEAST_LABEL = 8.5
_CELL_WIDTH_MAX, _CELL_HEIGHT_MAX = 96, 58
_NAMED_PAIRS = 3

_Pairs = dict[tuple[str, str], float | None]


@framed
def correlations_chart(frame: pl.DataFrame, spec: CorrelationsSpec) -> alt.LayerChart:
    """Draw the newest correlation of each pair on a fixed colour scale from -1 to 1.

    Args:
        frame: rows of ``mart.correlations`` of one window: symbol_a, symbol_b, session, correlation.
        spec: what the chart says.

    Returns:
        Cells of the lower triangle, values, names, the most and least alike pairs, footer.
    """
    session = cast("date", frame.get_column("session").max())
    latest = frame.filter(pl.col("session") == session).with_columns(
        correlation=pl.when(pl.col("correlation").is_finite()).then("correlation")
    )
    present = shown_symbols(
        sorted({*latest.get_column("symbol_a"), *latest.get_column("symbol_b")}), [symbol for symbol, _ in spec.assets]
    )
    symbols = present[: spec.most]
    pairs = _pairs(latest, symbols)
    names = dict(spec.assets)
    rows = [
        RowName(symbol, symbol, "" if names.get(symbol, symbol) == symbol else names[symbol]) for symbol in symbols[1:]
    ]
    page = Frame(
        title=_title(pairs),
        subtitle=[
            f"Correlation of daily returns over {sessions_text(spec.window_sessions)}, week to {day_text(session)}",
            "1: always move alike, 0: unrelated, \u22121: always move oppositely",
        ],
        footer=session_footer(spec.source, session, _notes(pairs, present, spec)),
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
            *grid.draw(_cells(pairs, symbols)),
            *row_names(rows, grid.y(), left=page.left, row_height=grid.cell_height),
            _column_names(symbols[:-1], grid),
            *_remarks(pairs, page.plot_width, grid),
        ]
    )


def _title(pairs: _Pairs) -> str:
    (one, other), value = max(
        ((pair, value) for pair, value in pairs.items() if value is not None), key=lambda it: it[1]
    )
    return f"{one} and {other} move most alike: correlation {value_text(value, 2, signed=False)}"


def _pairs(latest: pl.DataFrame, symbols: list[str]) -> _Pairs:
    """Correlation of each pair of symbols, the one that comes first in their order first."""
    place = {symbol: rank for rank, symbol in enumerate(symbols)}
    found: _Pairs = {}
    for one, other, correlation in latest.select("symbol_a", "symbol_b", "correlation").iter_rows():
        if one in place and other in place:
            first, second = sorted((one, other), key=lambda symbol: place[symbol])
            found[first, second] = correlation
    return found


def _cells(pairs: _Pairs, symbols: list[str]) -> list[Cell]:
    cells = []
    for row, second in enumerate(symbols[1:]):
        for first in symbols[: row + 1]:
            correlation = pairs.get((first, second))
            if correlation is None:
                cells.append(Cell(second, first, UNKNOWN, EMPTY_FILL, GREY))
            else:
                text = value_text(correlation, 2, signed=False)
                cells.append(Cell(second, first, text, *fill_and_ink(correlation, 1.0)))
    return cells


def _column_names(symbols: list[str], grid: Heatmap) -> alt.Chart:
    """Symbols below their columns, as large as the longest allows."""
    room = (grid.cell_width - 4) / max(text_width(symbol, 1, bold=True) for symbol in symbols)
    base = alt.Chart(alt.InlineData(values=[{"column": symbol} for symbol in symbols]))
    chart: alt.Chart = base.mark_text(
        align="center",
        baseline="middle",
        fontSize=max(_LEAST_LABEL, min(NAME_SIZE, room)),
        fontWeight="bold",
        limit=grid.cell_width - 4,
        y=grid.height + 14,
    ).encode(x=grid.x(), text="column:N")
    return chart


def _remarks(pairs: _Pairs, right: float, grid: Heatmap) -> list[alt.Chart]:
    """The most and the least alike pairs, in the corner, where the triangle leaves room for them."""
    known = sorted(
        ((correlation, pair) for pair, correlation in pairs.items() if correlation is not None),
        key=lambda item: (-item[0], item[1]),
    )
    if len(known) < 2 * _NAMED_PAIRS:
        return []
    lines = [
        "most alike",
        *(_pair_text(pair, value) for value, pair in known[:_NAMED_PAIRS]),
        "least alike",
        *(_pair_text(pair, value) for value, pair in known[-1 : -_NAMED_PAIRS - 1 : -1]),
    ]
    places = [10 + number * 18 + (8 if number > _NAMED_PAIRS else 0) for number in range(len(lines))]
    records = [
        {"text": line, "y": y, "ink": GREY if line.endswith("alike") else INK}
        for line, y in zip(lines, places, strict=True)
    ]
    # The triangle's edge at the lowest line must stay left of the text.
    row = min(len(grid.rows), int(places[-1] / grid.cell_height) + 1)
    if row * grid.cell_width > right - max(text_width(line, 12) for line in lines) - 8:
        return []
    return [
        alt.Chart(alt.InlineData(values=records))
        .mark_text(align="right", baseline="middle", fontSize=12, x=right)
        .encode(y=pixel_y("y"), text="text:N", color=alt.Color("ink:N", scale=None))
    ]


def _pair_text(pair: tuple[str, str], correlation: float) -> str:
    return f"{pair[0]} and {pair[1]}: {value_text(correlation, 2, signed=False)}"


def _notes(pairs: _Pairs, present: list[str], spec: CorrelationsSpec) -> list[str]:
    notes = ["log returns of closes, dividends left out", "a correlation is no cause"]
    shown = present[: spec.most]
    if sum(correlation is not None for correlation in pairs.values()) < len(shown) * (len(shown) - 1) // 2:
        notes.append(f"{UNKNOWN}: fewer than 80 % of the window's returns")
    if len(present) > spec.most:
        notes.append(f"not drawn: {names_text(present[spec.most :])}")
    return [*notes, *spec.notes]
