"""Legend of a line chart with too many series for labels at the lines' ends."""

from __future__ import annotations

import altair as alt
import polars as pl

from marketflows_pipeline.charts.style.axes import label_expression
from marketflows_pipeline.charts.style.frame import EDGE
from marketflows_pipeline.charts.style.layout import text_width

LEGEND_MAX = 87

_OFFSET, _SIZE, _SYMBOL = 16, 12, 44
# Room for one name by the number of columns.
_NAME_MAX = {1: 210, 2: 150, 3: 110}
_ROWS = 29


def legend_order(ends: pl.DataFrame) -> list[str]:
    """Series from the highest last value to the lowest."""
    return ends.sort("value", descending=True, maintain_order=True).get_column("series").to_list()


def legend(ends: pl.DataFrame) -> alt.Legend:
    """Names with latest values (series, value, text), in the order of the lines' ends."""
    columns = _columns(ends.height)
    return alt.Legend(
        title=None,
        orient="right",
        offset=_OFFSET,
        symbolType="stroke",
        symbolSize=360,
        values=legend_order(ends)[:LEGEND_MAX],
        # Vega would leave out all after the thirtieth.
        symbolLimit=0,
        labelExpr=label_expression(dict(ends.select("series", "text").iter_rows())),
        labelLimit=_NAME_MAX[columns],
        columns=columns,
        rowPadding=1,
    )


def name_room(names: int) -> float:
    """Width that one of so many names may have, in a legend or beside its line's end."""
    return _NAME_MAX[_columns(names)]


def legend_width(ends: pl.DataFrame) -> float:
    """Room that the legend needs to the right of the plot."""
    widest = max(text_width(text, _SIZE) for text in ends.get_column("text"))
    return _OFFSET + _columns(ends.height) * (widest + _SYMBOL) + EDGE


def _columns(names: int) -> int:
    return min(len(_NAME_MAX), -(-names // _ROWS))
