"""Correlations of daily returns: each pair once, in a lower triangle."""

from __future__ import annotations

from datetime import date
from typing import Any, cast

import altair as alt
import polars as pl

from marketflows_pipeline.charts.cross_asset.spec import CorrelationsSpec, shown_symbols
from marketflows_pipeline.charts.cross_asset.wording import session_footer, sessions_text
from marketflows_pipeline.charts.exchanges.wording import UNKNOWN, day_text, names_text
from marketflows_pipeline.charts.style.axes import pixel_x, pixel_y
from marketflows_pipeline.charts.style.diverging_colours import fill_and_ink
from marketflows_pipeline.charts.style.frame import EDGE, Frame, framed
from marketflows_pipeline.charts.style.heatmap import EMPTY_FILL, Cell, Matrix, cell_layers
from marketflows_pipeline.charts.style.layout import shorten, text_width
from marketflows_pipeline.charts.style.theme import GREY, INK
from marketflows_pipeline.charts.style.wording import value_text

LABEL_SIZE = 12.5

_SMALL = 11.0
_LEAST_LABEL = 8.5
_NAME_MAX = 190
_CELL_WIDTH_MAX, _CELL_HEIGHT_MAX = 96, 58
_FOOT = 26
_KEY_STEPS = 21
_KEY_WIDTH, _KEY_HEIGHT = 210, 14
_NAMED_PAIRS = 3


@framed
def correlations_chart(frame: pl.DataFrame, spec: CorrelationsSpec) -> alt.LayerChart:
    """Draw the newest correlation of each pair, 960 x 720 pixels, on a fixed scale from -1 to 1.

    Args:
        frame: rows of ``mart.correlations`` of one window: symbol_a, symbol_b, session, correlation.
        spec: what the picture says.

    Returns:
        A layered chart: cells of the lower triangle, values, names, key and the most and least alike pairs, footer.

    """
    session = cast("date", frame.get_column("session").max())
    latest = frame.filter(pl.col("session") == session).with_columns(
        correlation=pl.when(pl.col("correlation").is_finite()).then("correlation")
    )
    order = [symbol for symbol, _ in spec.assets]
    present = shown_symbols(sorted({*latest.get_column("symbol_a"), *latest.get_column("symbol_b")}), order)
    symbols = present[: spec.most]
    pairs = _pairs(latest, symbols)
    names = {**{symbol: symbol for symbol in symbols}, **dict(spec.assets)}

    subtitle = subtitle_lines(
        [
            f"Correlation of daily returns over {sessions_text(spec.window_sessions)}, week to {day_text(session)}",
            "1: always move alike, 0: unrelated, \u22121: always move oppositely",
        ],
        WIDTH,
    )
    footer = footer_lines(session_footer(spec.source, session, _notes(pairs, present, spec)), WIDTH)
    left = EDGE + max(_row_width(symbol, names[symbol]) for symbol in symbols) + 14
    top = title_height(subtitle) + 10
    bottom = _FOOT + 14 + footer_height(footer) + EDGE / 2
    width, height = WIDTH - left - EDGE, HEIGHT - top - bottom
    # The first row and the last column of a triangle are empty, so they are not there.
    sides = len(symbols) - 1
    matrix = Matrix(min(_CELL_WIDTH_MAX, width / sides), min(_CELL_HEIGHT_MAX, height / sides), sides, sides)
    layers = [
        *cell_layers(_cells(pairs, symbols), matrix),
        *_names(symbols, names, left, matrix),
        *_key(width, matrix),
        *_remarks(pairs, width, matrix),
        page_footer(footer, left=left, y=height + _FOOT + 12),
    ]
    return page(
        layers,
        title=page_title("What moves together: correlations", subtitle, width=WIDTH, left=left, offset=12),
        size=(WIDTH, HEIGHT),
        margins=(left, top, EDGE, bottom),
    )


def _pairs(latest: pl.DataFrame, symbols: list[str]) -> dict[tuple[str, str], float | None]:
    """Correlation of each pair of symbols, the one that comes first in their order first."""
    place = {symbol: rank for rank, symbol in enumerate(symbols)}
    found = {}
    for one, other, correlation in latest.select("symbol_a", "symbol_b", "correlation").iter_rows():
        if one in place and other in place:
            first, second = sorted((one, other), key=lambda symbol: place[symbol])
            found[first, second] = correlation
    return found


def _cells(pairs: dict[tuple[str, str], float | None], symbols: list[str]) -> list[Cell]:
    cells = []
    for row, second in enumerate(symbols[1:]):
        for column, first in enumerate(symbols[: row + 1]):
            correlation = pairs.get((first, second))
            if correlation is None:
                cells.append(Cell(row, column, UNKNOWN, EMPTY_FILL, GREY))
            else:
                fill, ink = fill_and_ink(correlation, 1.0)
                cells.append(Cell(row, column, value_text(correlation, 2, signed=False), fill, ink))
    return cells


def _row_width(symbol: str, name: str) -> float:
    described = "" if name == symbol else shorten(name, _SMALL, _NAME_MAX)
    return max(text_width(symbol, LABEL_SIZE, bold=True), text_width(described, _SMALL))


def _names(symbols: list[str], names: dict[str, str], left: float, matrix: Matrix) -> list[alt.Chart]:
    bold: list[dict[str, Any]] = []
    quiet: list[dict[str, Any]] = []
    for row, symbol in enumerate(symbols[1:]):
        middle = (row + 0.5) * matrix.cell_height
        two = matrix.cell_height >= 30 and names[symbol] != symbol
        bold.append({"text": symbol, "x": EDGE - left, "y": middle - (7 if two else 0), "align": "left"})
        if two:
            quiet.append({"text": shorten(names[symbol], _SMALL, _NAME_MAX), "x": EDGE - left, "y": middle + 7})
    room = (matrix.cell_width - 4) / max(text_width(symbol, 1, bold=True) for symbol in symbols)
    size = max(_LEAST_LABEL, min(LABEL_SIZE, room))
    below = [
        {"text": shorten(symbol, size, matrix.cell_width - 4), "x": (column + 0.5) * matrix.cell_width}
        for column, symbol in enumerate(symbols[:-1])
    ]
    layers = [
        alt.Chart(alt.InlineData(values=bold))
        .mark_text(align="left", baseline="middle", fontSize=LABEL_SIZE, fontWeight="bold", color=INK)
        .encode(x=pixel_x("x"), y=pixel_y("y"), text="text:N"),
        alt.Chart(alt.InlineData(values=below))
        .mark_text(
            align="center",
            baseline="middle",
            fontSize=size,
            fontWeight="bold",
            color=INK,
            y=matrix.height + 14,
        )
        .encode(x=pixel_x("x"), text="text:N"),
    ]
    if quiet:
        layers.append(
            alt.Chart(alt.InlineData(values=quiet))
            .mark_text(align="left", baseline="middle", fontSize=_SMALL, color=GREY)
            .encode(x=pixel_x("x"), y=pixel_y("y"), text="text:N")
        )
    return layers


def _key(right: float, matrix: Matrix) -> list[alt.Chart]:
    """The scale, in the corner that a triangle leaves free."""
    left = right - _KEY_WIDTH
    step = _KEY_WIDTH / _KEY_STEPS
    steps = [
        {
            "left": left + number * step,
            "right": left + (number + 1) * step,
            "fill": fill_and_ink(2 * number / (_KEY_STEPS - 1) - 1, 1.0)[0],
        }
        for number in range(_KEY_STEPS)
    ]
    ends = [
        {"text": text, "x": x}
        for text, x in (("\u22121", left + step / 2), ("0", left + _KEY_WIDTH / 2), ("1", right - step / 2))
    ]
    return [
        alt.Chart(alt.InlineData(values=steps))
        .mark_rect(y=2, y2=2 + _KEY_HEIGHT)
        .encode(x=pixel_x("left"), x2="right", color=alt.Color("fill:N", scale=None)),
        alt.Chart(alt.InlineData(values=ends))
        .mark_text(align="center", baseline="middle", fontSize=12, color=GREY, y=_KEY_HEIGHT + 14)
        .encode(x=pixel_x("x"), text="text:N"),
    ]


def _remarks(pairs: dict[tuple[str, str], float | None], right: float, matrix: Matrix) -> list[alt.Chart]:
    """The most and the least alike pairs, below the key, where the triangle leaves room for them."""
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
    places = [62 + number * 18 + (8 if number > _NAMED_PAIRS else 0) for number in range(len(lines))]
    records = [
        {"text": line, "y": y, "ink": GREY if line.endswith("alike") else INK}
        for line, y in zip(lines, places, strict=True)
    ]
    # The triangle's edge at the lowest line must stay left of the text.
    row = min(matrix.rows, int(places[-1] / matrix.cell_height) + 1)
    if row * matrix.cell_width > right - max(text_width(line, 12) for line in lines) - 8:
        return []
    return [
        alt.Chart(alt.InlineData(values=records))
        .mark_text(align="right", baseline="middle", fontSize=12, x=right)
        .encode(y=pixel_y("y"), text="text:N", color=alt.Color("ink:N", scale=None))
    ]


def _pair_text(pair: tuple[str, str], correlation: float) -> str:
    return f"{pair[0]} and {pair[1]}: {value_text(correlation, 2, signed=False)}"


def _notes(pairs: dict[tuple[str, str], float | None], present: list[str], spec: CorrelationsSpec) -> list[str]:
    notes = ["log returns of closes, dividends left out", "a correlation is no cause"]
    shown = present[: spec.most]
    if sum(correlation is not None for correlation in pairs.values()) < len(shown) * (len(shown) - 1) // 2:
        notes.append(f"{UNKNOWN}: fewer than 80 % of the window's returns")
    if len(present) > spec.most:
        notes.append(f"not drawn: {names_text(present[spec.most :])}")
    return [*notes, *spec.notes]
