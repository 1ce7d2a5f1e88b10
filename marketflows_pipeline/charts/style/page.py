"""The page around every picture: title block, footer, margins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt

from marketflows_pipeline.charts.style.layout import text_width, wrap
from marketflows_pipeline.charts.style.theme import GREY

EDGE = 18
TITLE_SIZE, SUBTITLE_SIZE, SUBTITLE_LINE = 20, 13, 17
FOOTER_SIZE, FOOTER_LINE = 11, 15
TITLE_BLOCK = EDGE + TITLE_SIZE + 6


def subtitle_lines(parts: Sequence[str], width: float) -> list[str]:
    """Subtitle parts wrapped to the page."""
    return wrap(parts, SUBTITLE_SIZE, width - 2 * EDGE)


def footer_lines(parts: Sequence[str], width: float) -> list[str]:
    """Footer parts wrapped to the page."""
    return wrap(parts, FOOTER_SIZE, width - 2 * EDGE)


def title_height(subtitle: list[str]) -> float:
    """Pixels from the page's top to the end of its subtitle."""
    return TITLE_BLOCK + SUBTITLE_LINE * len(subtitle)


def footer_height(footer: list[str]) -> float:
    """Pixels that a footer's lines take."""
    return FOOTER_LINE * len(footer)


def page_title(text: str, subtitle: list[str], *, width: float, left: float, offset: float) -> alt.TitleParams:
    """Title and subtitle at the page's left edge; a title too long for the page gets a smaller size.

    Args:
        text: the title.
        subtitle: its lines.
        width: the page's width.
        left: the plot's distance from the page's left edge.
        offset: distance to what stands above the plot.
    """
    room = (width - 2 * EDGE) / text_width(text, 1, bold=True)
    return alt.TitleParams(
        text=text, subtitle=subtitle, fontSize=round(min(TITLE_SIZE, room), 1), dx=EDGE - left, offset=offset
    )


def page_footer(lines: list[str], *, left: float, y: float) -> alt.Chart:
    """Footer text at the page's left edge, ``y`` pixels below the plot's top."""
    chart: alt.Chart = alt.Chart(alt.InlineData(values=[{}])).mark_text(
        text=lines,
        align="left",
        baseline="top",
        fontSize=FOOTER_SIZE,
        lineHeight=FOOTER_LINE,
        color=GREY,
        x=EDGE - left,
        y=y,
    )
    return chart


class _Layers(alt.LayerChart):
    """Layers taken as they are.

    Altair's own constructor copies each of them in depth, and again when the chart is written down, to merge data and
    parameters that ours do not share: more than half of the time of building a picture.
    """

    def __init__(self, **parts: Any) -> None:  # noqa: ANN401 - Altair's own fields
        super(alt.LayerChart, self).__init__(**parts)


def panel(layers: Sequence[alt.Chart]) -> alt.LayerChart:
    """Layers with a vertical scale of their own, for a page of several panels; its range says where it stands."""
    return _Layers(layer=list(layers))


def page(
    layers: Sequence[alt.Chart | alt.LayerChart],
    *,
    title: alt.TitleParams,
    size: tuple[float, float],
    margins: tuple[float, float, float, float],
) -> alt.LayerChart:
    """Layers on a page of exactly ``size`` pixels.

    Args:
        layers: the plot and its footer; or panels, each with a vertical scale of its own.
        title: from `page_title`.
        size: width and height of the page.
        margins: space around the plot: left, top, right, bottom.
    """
    left, top, right, bottom = margins
    own_scales = {"resolve": alt.Resolve(scale={"y": "independent"})} if any(map(_is_panel, layers)) else {}
    # Without "none" Vega would move everything to fit the text in, and no size could be promised.
    return _Layers(
        layer=list(layers),
        width=size[0] - left - right,
        height=size[1] - top - bottom,
        autosize=alt.AutoSizeParams(type="none"),
        padding={"left": left, "top": top, "right": right, "bottom": bottom},
        title=title,
        **own_scales,
    )


def _is_panel(layer: alt.Chart | alt.LayerChart) -> bool:
    return isinstance(layer, alt.LayerChart)
