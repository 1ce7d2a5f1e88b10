"""Our flows beside reported ones: the correlation of each fund at each lag, the best one marked."""

from __future__ import annotations

from typing import cast

import altair as alt
import polars as pl

from marketflows_pipeline.charts.cross_asset.context_spec import FlowComparisonSpec
from marketflows_pipeline.charts.cross_asset.correlation_matrix import correlation_cell
from marketflows_pipeline.charts.cross_asset.spec import shown_symbols
from marketflows_pipeline.charts.cross_asset.wording import lag_finding, not_drawn_notes
from marketflows_pipeline.charts.style.axes import name_axis
from marketflows_pipeline.charts.style.frame import Frame, framed
from marketflows_pipeline.charts.style.heatmap import Heatmap
from marketflows_pipeline.charts.style.row_names import RowName, names_margin, row_names
from marketflows_pipeline.charts.style.time_axis import first_and_last
from marketflows_pipeline.charts.style.wording import counted, value_text

_CELL_HEIGHT_MAX = 64
_BEST = "\u25cf"


@framed
def flow_comparison_chart(frame: pl.DataFrame, spec: FlowComparisonSpec) -> alt.LayerChart:
    """Draw a row a fund and a column a lag on a fixed colour scale from -1 to 1."""
    order = [symbol for symbol, _ in spec.assets]
    present = shown_symbols(frame["symbol"].unique(), order)
    symbols = present[: spec.most]
    shown = frame.filter(pl.col("symbol").is_in(symbols))
    rows = [RowName(symbol, symbol, _detail(shown.filter(symbol=symbol))) for symbol in symbols]
    lags = shown["lag_sessions"].unique().sort().to_list()
    dated = frame.drop_nulls("last_session")
    _, session = first_and_last(dated, "last_session")
    page = Frame(
        title=lag_finding(frame.filter("is_best").sort("symbol").to_dicts()),
        subtitle=["Correlation of our flows with the reported ones, ours so many sessions later (columns)"],
        footer=spec.footer(
            session,
            [
                "reported flows from own files",
                f"{_BEST} highest of the fund",
                "ours go by the session of the orders, as far as that is known",
                *not_drawn_notes("not drawn", present[spec.most :], order),
            ],
        ),
        left=names_margin(rows),
        above=10,
        below=38,
    )
    columns = [f"{lag:+d}" if lag else "0" for lag in lags]
    height = min(_CELL_HEIGHT_MAX, page.plot_height / len(rows))
    grid = Heatmap(symbols, columns, page.plot_width / len(columns), height)
    axis = name_axis(offset=grid.height - page.plot_height, labelLimit=grid.cell_width - 4)
    cells = [
        correlation_cell(symbol, columns[lags.index(lag)], correlation, f"{_BEST} " if is_best else "")
        for symbol, lag, correlation, is_best in shown.select(
            "symbol", "lag_sessions", "correlation", "is_best"
        ).iter_rows()
    ]
    return page.draw(
        [
            *grid.draw(cells, column_axis=axis),
            *row_names(rows, grid.y(), left=page.left, row_height=grid.cell_height),
        ]
    )


def _detail(rows: pl.DataFrame) -> str:
    """How many sessions, and how often the signs agree at the best lag."""
    best = rows.filter("is_best")
    if best.is_empty():
        return counted(cast("int", rows["n"].max()), "session")
    agreed = best["sign_agreement_pct"].item()
    signs = "" if agreed is None else f", signs {value_text(agreed, 0, signed=False)}%"
    return f"{counted(best['n'].item(), 'session')}{signs}"
