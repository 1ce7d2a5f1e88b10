"""Page frame of every chart: the reason to skip, theme, page size, margins, title, subtitle and footer.

A chart module hands its texts and layers to a `Frame`; nothing else knows how a page is laid out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, wraps
from typing import Any, Literal, TypeVar

import altair as alt
import polars as pl

from marketflows_pipeline.charts.spec import Spec
from marketflows_pipeline.charts.style.axes import LegendEntry, axis_title, legend
from marketflows_pipeline.charts.style.layout import PlotArea, text_width, wrap
from marketflows_pipeline.charts.style.look import current_look
from marketflows_pipeline.charts.style.marks import note, records
from marketflows_pipeline.charts.style.theme import use_theme

# Free room between the page's edge and everything on it.
EDGE = 18
TITLE_SIZE, SUBTITLE_SIZE, SUBTITLE_LINE = 20, 13, 17
FOOTER_SIZE, FOOTER_LINE = 11, 15

_TITLE_GAP = 6
# Letters are less high than their font size.
_TITLE_OFFSET = 3
_FOOTER_END = 9
_WATERMARK_GAP = 24


SpecT = TypeVar("SpecT", bound=Spec)


def framed(draw: Callable[[pl.DataFrame, SpecT], alt.LayerChart]) -> Callable[[pl.DataFrame, SpecT], alt.LayerChart]:
    """Decorator of a drawing function: skip what would be empty, and enable the theme.

    Every drawing function takes rows with the columns of its specification and the specification, which says what the
    chart says, and returns one layered chart of exact size.

    Raises:
        ValueError: the frame lacks a column, or holds nothing to show (see the spec's ``reason_to_skip``).
    """

    @wraps(draw)
    def checked(frame: pl.DataFrame, spec: SpecT) -> alt.LayerChart:
        reason = spec.reason_to_skip(frame)
        if reason is not None:
            raise ValueError(reason)
        use_theme()
        return draw(frame, spec)

    return checked


@dataclass(frozen=True)
class Frame:
    """A page of exact size in pixels, with its texts around a plot.

    Attributes:
        title: the finding; a title too long for the page gets a smaller size.
        subtitle: the method, in parts that are joined and wrapped.
        footer: source, as-of time and caveats, in parts that are joined and wrapped.
        left: room to the left of the plot, as right is to its right.
        above: room between subtitle and plot, for axis titles, legends and column names.
        below: room between plot and footer, for the horizontal axis.
    """

    title: str
    subtitle: Sequence[str]
    footer: Sequence[str]
    left: float
    right: float = EDGE
    above: float = 34
    below: float = 18
    width: float = field(default_factory=lambda: current_look().width)
    height: float = field(default_factory=lambda: current_look().height)

    @property
    def edge(self) -> float:
        """Where texts at the page's left edge begin, in pixels from the plot's left edge."""
        return EDGE - self.left

    @cached_property
    def plot_width(self) -> float:
        """Width of the plot."""
        return self.width - self.left - self.right

    @cached_property
    def plot_height(self) -> float:
        """Height of the plot."""
        return self.height - self._top - self._bottom

    def value_title(self, text: str, y: float = -10) -> alt.Chart:
        """What the vertical axis shows: a line at the page's left edge that ends ``-y`` pixels above the plot."""
        return axis_title(text, x=self.edge, y=y)

    def legend(self, entries: Sequence[LegendEntry], y: float = -17) -> list[alt.Chart]:
        """Symbols with their meaning in one row up to the page's right edge, its middle at ``y``."""
        return legend(entries, right=self.plot_width + self.right - EDGE, y=y)

    def plot(self, low: float, high: float, across: tuple[float, float] = (0.0, 1.0)) -> PlotArea:
        """The plot with the values at its lower and upper edge, and at its left and right one."""
        return PlotArea(self.plot_width, self.plot_height, low, high, across=across)

    def around(self, plot_height: float) -> Frame:
        """The same page, as high as a plot of this height needs."""
        return replace(self, height=self._top + plot_height + self._bottom)

    def with_footer(self, footer: Sequence[str]) -> Frame:
        """The same plot above another footer, for one that depends on what found room in the plot."""
        other = replace(self, footer=footer)
        return replace(other, below=self.below + other.plot_height - self.plot_height)

    def draw(
        self, layers: Sequence[alt.Chart | alt.LayerChart], independent: Sequence[Literal["x", "y"]] = ("y",)
    ) -> alt.LayerChart:
        """The page with these layers in its plot.

        Args:
            layers: layered charts among them are panels with scales of their own.
            independent: which scales the panels do not share.
        """
        is_paneled = any(isinstance(layer, alt.LayerChart) for layer in layers)
        # Without "none" Vega would move everything to fit the text in, and no size could be promised.
        page = alt.LayerChart(
            layer=[*layers, self._spacer(), *self._footer()],
            width=self.plot_width,
            height=self.plot_height,
            autosize=alt.AutoSizeParams(type="none"),
            padding={"left": self.left, "top": self._top, "right": self.right, "bottom": self._bottom},
            title=self._title(),
        )
        own: dict[str, Any] = dict.fromkeys(independent, "independent")
        return page.resolve_scale(**own) if is_paneled else page

    @cached_property
    def _subtitle_lines(self) -> list[str]:
        return wrap(self.subtitle, SUBTITLE_SIZE, self.width - 2 * EDGE)

    @cached_property
    def _footer_lines(self) -> list[str]:
        lines = wrap(self.footer, FOOTER_SIZE, self.width - 2 * EDGE)
        mark = current_look().watermark
        ends_at = text_width(lines[-1], FOOTER_SIZE) + _WATERMARK_GAP if lines else 0.0
        is_beside = ends_at + text_width(mark, FOOTER_SIZE) <= self.width - 2 * EDGE
        # A watermark that has no room beside the last line stands on one of its own.
        return lines if not mark or is_beside else [*lines, ""]

    @property
    def _top(self) -> float:
        return EDGE + TITLE_SIZE + _TITLE_GAP + SUBTITLE_LINE * len(self._subtitle_lines) + self.above

    @property
    def _bottom(self) -> float:
        return self.below + FOOTER_LINE * len(self._footer_lines) + _FOOTER_END

    def _title(self) -> alt.TitleParams:
        fitting = (self.width - 2 * EDGE) / text_width(self.title, 1, bold=True)
        return alt.TitleParams(
            text=self.title,
            subtitle=self._subtitle_lines,
            fontSize=round(min(TITLE_SIZE, fitting), 1),
            dx=self.edge,
            offset=_TITLE_OFFSET,
        )

    def _spacer(self) -> alt.Chart:
        """Nothing to see: Vega puts a title right above all that is drawn, and so at the same place in every chart."""
        chart: alt.Chart = records().mark_rect(opacity=0, x=0, x2=1, y=-self.above, y2=0)
        return chart

    def _footer(self) -> list[alt.Chart]:
        top = self.plot_height + self.below
        style = {"baseline": "top", "fontSize": FOOTER_SIZE}
        footer = note(self._footer_lines, x=self.edge, y=top, lineHeight=FOOTER_LINE, **style)
        mark = current_look().watermark
        if not mark:
            return [footer]
        last = top + FOOTER_LINE * (len(self._footer_lines) - 1)
        return [footer, note(mark, x=self.plot_width + self.right - EDGE, y=last, align="right", **style)]


def panel(layers: Sequence[alt.Chart]) -> alt.LayerChart:
    """Layers with a vertical scale of their own, for a page of several panels; its range says where it stands."""
    return alt.LayerChart(layer=list(layers))
