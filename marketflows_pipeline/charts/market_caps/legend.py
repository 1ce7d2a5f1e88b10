"""Names of lines: labels at their ends, and a legend where there are too many series for these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import altair as alt
import polars as pl

from marketflows_pipeline.charts.spec import SeriesStyle
from marketflows_pipeline.charts.style.axes import label_expression
from marketflows_pipeline.charts.style.end_labels import DIRECT_LABELS_MAX, end_labels, names_width
from marketflows_pipeline.charts.style.frame import EDGE
from marketflows_pipeline.charts.style.layout import PlotArea, text_width
from marketflows_pipeline.charts.style.marks import series_channels

LEGEND_MAX = 87

_OFFSET, _SIZE, _SYMBOL = 16, 12, 44
# Room for one name by the number of columns.
_NAME_MAX = {1: 210, 2: 150, 3: 110}
_ROWS = 29


@dataclass(frozen=True)
class LineNames:
    """How the lines of some styles are named by the texts at their ends (series, value, text)."""

    ends: pl.DataFrame
    styles: Sequence[SeriesStyle]

    @property
    def has_legend(self) -> bool:
        """Whether there is no room for a label at each line."""
        return self.ends.height > DIRECT_LABELS_MAX

    @property
    def width(self) -> float:
        """Room that the names need to the right of the plot."""
        if not self.has_legend:
            return names_width(self.ends)
        widest = max(text_width(text, _SIZE) for text in self.ends.get_column("text"))
        return _OFFSET + _columns(self.ends.height) * (widest + _SYMBOL) + EDGE

    @cached_property
    def channels(self) -> dict[str, Any]:
        """Colours and dashes of the lines, with their legend in the order of the lines' ends."""
        known = {style.series: style for style in self.styles}
        ends = self.ends.sort("value", descending=True, maintain_order=True) if self.has_legend else self.ends
        shown = [known[series] for series in ends.get_column("series")]
        return series_channels(shown, _legend(ends) if self.has_legend else None)

    def labels(self, plot: PlotArea, y: alt.Y) -> list[alt.Chart]:
        """The labels at the ends, where there is no legend."""
        return [] if self.has_legend else end_labels(self.ends, plot, y, self.channels["color"])


def _legend(ends: pl.DataFrame) -> alt.Legend:
    columns = _columns(ends.height)
    return alt.Legend(
        title=None,
        orient="right",
        offset=_OFFSET,
        symbolType="stroke",
        symbolSize=360,
        values=ends.get_column("series").to_list()[:LEGEND_MAX],
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


def _columns(names: int) -> int:
    return min(len(_NAME_MAX), -(-names // _ROWS))
