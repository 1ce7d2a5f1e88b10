"""Flow ranking and flow map of all windows, each in one picture."""

from __future__ import annotations

from typing import Any

import altair as alt
import polars as pl

from marketflows_pipeline.charts.cross_asset.flow_map import SHORT_NAMES, condensed, flow_cells, short_names, totals
from marketflows_pipeline.charts.cross_asset.spec import AllMapsSpec, AllRankingsSpec, is_known_of_fund
from marketflows_pipeline.charts.cross_asset.wording import known_text, percent_of_cap_text
from marketflows_pipeline.charts.style.axes import name_axis
from marketflows_pipeline.charts.style.diverging_colours import fill_and_ink, symmetric_limit
from marketflows_pipeline.charts.style.frame import EDGE, Frame, framed, panel
from marketflows_pipeline.charts.style.heatmap import EMPTY_FILL, Cell, Heatmap
from marketflows_pipeline.charts.style.layout import text_width
from marketflows_pipeline.charts.style.marks import note
from marketflows_pipeline.charts.style.row_names import RowName, names_margin, row_names
from marketflows_pipeline.charts.style.theme import GREY, INK
from marketflows_pipeline.charts.style.time_axis import first_and_last
from marketflows_pipeline.charts.style.wording import UNKNOWN, counted, day_text, note_of, usd_text

_CELL_WIDTH_MAX, _CELL_HEIGHT_MAX = 270, 64
_NAME_SIZE, _TEXT_MOST = 12.0, 13.0
_NAMES: dict[str, Any] = {"fontSize": _NAME_SIZE, "fontWeight": "bold"}
# Above a small map: its window, the names of its columns.
_HEAD, _GAP, _ROW_MOST = 52, 36, 58


@framed
def rankings_chart(frame: pl.DataFrame, spec: AllRankingsSpec) -> alt.LayerChart:
    """Draw a row a fund and a column a window: percent of the market cap before, and the dollars.

    Rows stand in the order of the longest window in which all is known. Colour is full at the 90 % quantile of
    magnitudes over a window, so that no single fund pales the rest.

    The frame holds rows of ``mart.flow_rankings`` of all windows.
    """
    known = frame.filter(is_known_of_fund("flow_pct_of_market_cap"))
    windows = [window for window in spec.windows if window in known["window_sessions"]]
    order = _row_order(known, windows)
    rows = order[: spec.rows]
    _, session = first_and_last(frame, "session")
    named = dict(known.select("symbol", "name").iter_rows())
    names = [RowName(symbol, symbol, "" if named[symbol] == symbol else named[symbol]) for symbol in rows]
    unknown = sorted(set(frame["symbol"]) - set(order))
    page = Frame(
        title=_ranking_title(known, windows[-1]),
        subtitle=[
            f"Net flows to {day_text(session)} in percent of the market cap before, US dollars beside it",
            f"sorted by the last {counted(windows[-1], 'session')}",
        ],
        footer=spec.footer(
            session,
            [
                "flow: change of shares outstanding at their price",
                *note_of("no flow known, or none of investors", unknown),
                *note_of("not drawn", order[spec.rows :]),
            ],
        ),
        left=names_margin(names),
        above=44,
    )
    grid = Heatmap(
        rows,
        [counted(window, "session") for window in windows],
        min(_CELL_WIDTH_MAX, page.plot_width / len(windows)),
        min(_CELL_HEIGHT_MAX, page.plot_height / len(rows)),
    )
    cells = [cell for window in windows for cell in _ranking_cells(known, window, rows)]
    axis = name_axis(orient="top", labelFontSize=13, labelColor=GREY)
    return page.draw(
        [
            *grid.draw(cells, text_size=min(_TEXT_MOST, grid.text_size(cells)), column_axis=axis),
            *row_names(names, grid.y(), left=page.left, row_height=grid.cell_height),
        ]
    )


@framed
def maps_chart(frame: pl.DataFrame, spec: AllMapsSpec) -> alt.LayerChart:
    """Draw a small flow map a window, rows that lost and columns that gained; what is beyond the largest is one.

    The frame holds rows of ``mart.flow_map`` of all windows, without issuance.
    """
    moved = frame.filter(pl.col("flow_usd") > 0)
    windows = [window for window in spec.windows if window in moved["window_sessions"]]
    maps = {
        window: condensed(moved.filter(window_sessions=window).drop("window_sessions"), spec.most) for window in windows
    }
    _, session = first_and_last(frame, "session")
    names = {name for pairs in maps.values() for name in pairs["from_symbol"]}
    margin = 12 + max(text_width(SHORT_NAMES.get(name, name), _NAME_SIZE, bold=True) for name in names)
    columns = 1 if len(windows) == 1 else 2
    page = Frame(
        title=_map_title(maps[windows[-1]], windows[-1]),
        subtitle=[
            "Proportional attribution, not observed transfers",
            f"net flows to {day_text(session)}, US dollars",
            "rows lost, columns gained",
        ],
        footer=spec.footer(session, ["outside: of the universe; smaller: all others"]),
        left=EDGE + margin,
        above=14,
        below=16,
    )
    tall = page.plot_height / -(-len(windows) // columns)
    wide = (page.plot_width - (columns - 1) * (margin + _GAP)) / columns
    layers: list[alt.Chart | alt.LayerChart] = []
    for place, (window, pairs) in enumerate(maps.items()):
        left, top = place % columns * (wide + margin + _GAP), place // columns * tall
        rows, heads = totals(pairs, "from_symbol"), totals(pairs, "to_symbol")
        row = min(_ROW_MOST, (tall - _HEAD - 14) / len(rows))
        grid = Heatmap(list(rows), list(heads), wide / len(heads), row, left=left, top=top + _HEAD)
        cells = flow_cells(pairs, grid)
        layers.append(
            panel(
                [
                    *grid.draw(cells, text_size=min(_TEXT_MOST, grid.text_size(cells))),
                    grid.labels("row", short_names(rows), **_NAMES, align="right", x=left - 8),
                    grid.labels("column", short_names(heads), **_NAMES, y=top + _HEAD - 12),
                ]
            )
        )
        span = f"Last {counted(window, 'session')}" if window > 1 else "Newest session"
        layers.append(note(span, x=left - margin, y=top + 12, fontSize=13, fontWeight="bold", color=INK))
    return page.draw(layers, independent=("x", "y"))


def _row_order(known: pl.DataFrame, windows: list[int]) -> list[str]:
    """Symbols by flow over the longest window; those without one there last."""
    longest = known.filter(window_sessions=windows[-1]).select("symbol", flow="flow_pct_of_market_cap")
    symbols = known.select(pl.col("symbol").unique().sort())
    ordered = symbols.join(longest, on="symbol", how="left").sort(
        "flow", "symbol", descending=[True, False], nulls_last=True
    )
    return ordered["symbol"].to_list()


def _ranking_cells(known: pl.DataFrame, window: int, rows: list[str]) -> list[Cell]:
    found = {row["symbol"]: row for row in known.filter(window_sessions=window).iter_rows(named=True)}
    limit = symmetric_limit(known.filter(window_sessions=window)["flow_pct_of_market_cap"])
    column = counted(window, "session")
    cells = []
    for symbol in rows:
        row = found.get(symbol)
        if row is None:
            cells.append(Cell(symbol, column, UNKNOWN, EMPTY_FILL, GREY))
            continue
        percent = row["flow_pct_of_market_cap"]
        dollars = f"{usd_text(row['flow_usd'], signed=True)}{known_text(row['sessions_known'], window)}"
        text = f"{percent_of_cap_text(percent)} \u00b7 {dollars}"
        cells.append(Cell(symbol, column, text, *fill_and_ink(percent, limit)))
    return cells


def _ranking_title(known: pl.DataFrame, window: int) -> str:
    ranked = known.filter(window_sessions=window).sort("flow_pct_of_market_cap", "symbol", descending=[True, False])
    (first, most), (last, least) = (ranked.select("symbol", "flow_pct_of_market_cap").row(end) for end in (0, -1))
    parts = [f"most flowed into {first} ({percent_of_cap_text(most)})"] if most > 0 else []
    parts += [f"out of {last} ({percent_of_cap_text(least)})"] if least < 0 else []
    told = " and ".join(parts) if most > 0 else f"most flowed {parts[0]}" if parts else "nothing flowed"
    return f"Over {counted(window, 'session')} {told}"


def _map_title(pairs: pl.DataFrame, window: int) -> str:
    """The largest attribution within the universe over the longest window."""
    inside = pairs.filter(~pl.any_horizontal(pl.col("from_symbol", "to_symbol").is_in(list(SHORT_NAMES))))
    if inside.is_empty():
        return f"Flow maps: over {counted(window, 'session')} all went to or came from outside the universe"
    source, target, flow = inside.sort("flow_usd", descending=True).row(0)
    return f"Over {counted(window, 'session')} most is attributed from {source} to {target}, {usd_text(flow)}"
