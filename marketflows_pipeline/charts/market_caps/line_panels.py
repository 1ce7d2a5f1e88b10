"""Level or growth of a category in every base: a panel a base, one above the other, over the same time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt
import polars as pl

from marketflows_pipeline.charts.market_caps.lines import (
    LONG_SPAN,
    caveats,
    clock_axis,
    last_values,
    line_layers,
    shown_rows,
    standings,
    value_domain,
)
from marketflows_pipeline.charts.market_caps.spec import PanelsSpec
from marketflows_pipeline.charts.market_caps.wording import (
    base_phrase,
    chart_subtitle,
    chart_title,
    start_text,
    value_axis_title,
)
from marketflows_pipeline.charts.spec import ChartSpec
from marketflows_pipeline.charts.style.axes import signed, value_axis, value_y
from marketflows_pipeline.charts.style.end_labels import LABEL_HEIGHT, end_labels, names_width
from marketflows_pipeline.charts.style.frame import Frame, framed, panel
from marketflows_pipeline.charts.style.layout import PlotArea
from marketflows_pipeline.charts.style.marks import channels_with_named_in_front
from marketflows_pipeline.charts.style.time_axis import first_and_last_time, time_x
from marketflows_pipeline.charts.style.wording import footer_parts

_BETWEEN = 40
# A panel is about this high, so that as many labels have room beside it.
_LABELS_HIGH = 240
_PANELS_MOST = 3


@dataclass(frozen=True)
class _Panel:
    """What is drawn in one base: rows of the window, and the last value of each series."""

    spec: ChartSpec
    rows: pl.DataFrame
    ends: pl.DataFrame

    def named(self, most: int) -> pl.DataFrame:
        """The ends that get a label: all, or the highest and the lowest."""
        if self.ends.height <= most:
            return self.ends
        ranked = self.ends.sort("value", descending=True, maintain_order=True)
        return pl.concat([ranked.head(most - most // 2), ranked.tail(most // 2)])


@framed
def line_panels(frame: pl.DataFrame, spec: PanelsSpec) -> alt.LayerChart:
    """Draw the lines of every base; where not all names have room, those between the highest and the lowest are grey.

    The frame holds rows of ``mart.metrics`` of one category, order and EMA: base_asset, series, ts, value.
    """
    bases = ((each, frame.filter(base_asset=each.base_asset).drop("base_asset")) for each in spec.panels)
    windows = [(each, shown_rows(rows, each)) for each, rows in bases if each.why_empty(rows) is None]
    shown = [_Panel(each, rows, last_values(rows, each)) for each, rows in windows[:_PANELS_MOST]]
    main = shown[0]
    first, last = first_and_last_time(main.rows)
    is_long = last - first >= LONG_SPAN
    start = start_text(first, is_long=is_long)
    most = min(int(_LABELS_HIGH * 2 / len(shown) / LABEL_HEIGHT), 12)
    labels = [each.named(most) for each in shown]
    what, *method = chart_subtitle(main.spec, last - first)
    others = ", ".join(base_phrase(each.spec) for each in shown[1:])
    page = Frame(
        title=chart_title(main.spec, standings(main.ends, main.spec, first, last), start),
        subtitle=[f"{what}, {others}" if others else what, *method],
        footer=footer_parts(spec.source, main.spec.as_of, [*spec.notes, *_notes(main, most)]),
        left=64,
        right=max(map(names_width, labels)),
        below=34,
    )
    height = (page.plot_height - _BETWEEN * (len(shown) - 1)) / len(shown)
    x = time_x("ts", first, last, clock_axis(is_long=is_long))
    layers: list[alt.Chart | alt.LayerChart] = []
    for place, (each, named) in enumerate(zip(shown, labels, strict=True)):
        top = place * (height + _BETWEEN)
        domain = value_domain(each.rows.get_column("value"), each.spec)
        layers.append(panel(_lines(each, named, x, PlotArea(page.plot_width, height, *domain, top=top))))
        phrase, title = base_phrase(each.spec), value_axis_title(each.spec, start)
        layers.append(page.value_title(f"{phrase[0].upper()}{phrase[1:]}: {title[0].lower()}{title[1:]}", top - 10))
    return page.draw(layers)


def _lines(each: _Panel, named: pl.DataFrame, x: alt.X, area: PlotArea) -> Sequence[alt.Chart]:
    y = value_y(area, value_axis(signed("datum.label"), ticks=5))
    drawn = [style for style in each.spec.series if style.series in set(each.ends["series"])]
    channels = channels_with_named_in_front(drawn, set(named["series"]))
    return [
        *line_layers(each.rows, each.ends, x, y, width=area.width, **channels),
        *end_labels(named, area, y, channels["color"]),
    ]


def _notes(main: _Panel, most: int) -> list[str]:
    named = main.named(most).height
    few = [f"named: the {named - named // 2} highest and the {named // 2} lowest of {main.ends.height}; others grey"]
    return [*caveats(main.rows, main.ends, main.spec), *(few if named < main.ends.height else [])]
