"""The look of all charts of the page, as Vega-Lite's configuration; colours are variables of the style sheet."""

from __future__ import annotations

from typing import Any

from marketflows_pipeline.charts.style.theme import GREY, GRID, INK, PALETTE

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'Helvetica Neue', Arial, sans-serif"

VEGA_CONFIG: dict[str, Any] = {
    "autosize": {"type": "fit-x", "contains": "padding"},
    "background": None,
    "font": FONT,
    "padding": {"left": 2, "right": 4, "top": 4, "bottom": 2},
    "view": {"stroke": None},
    "range": {"category": list(PALETTE)},
    # Otherwise every point is a place of its own for screen readers; the chart as a whole is described.
    "mark": {"aria": False, "color": PALETTE[0]},
    "line": {"strokeWidth": 2, "strokeJoin": "round", "strokeCap": "round"},
    "rule": {"color": GREY},
    "text": {"color": INK, "fontSize": 12},
    "style": {"guide-label": {"fill": GREY}, "guide-title": {"fill": GREY}, "group-title": {"fill": INK}},
    "axis": {
        "labelColor": GREY,
        "labelFontSize": 12,
        "titleColor": GREY,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "gridColor": GRID,
        "domainColor": GRID,
        "tickColor": GRID,
        "labelFlush": False,
    },
    # About one label every 110 px, so that a phone's chart stays readable.
    "axisX": {"grid": False, "tickCount": {"expr": "max(2, ceil(width / 110))"}, "labelOverlap": True},
    "axisY": {"domain": False, "ticks": False, "labelPadding": 6, "tickCount": 5},
    "header": {"labelColor": INK, "labelFontSize": 12, "titleColor": GREY, "titleFontWeight": "normal"},
    "legend": {
        "labelColor": INK,
        "labelFontSize": 12,
        "titleColor": GREY,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
    },
    "title": {"color": INK, "subtitleColor": GREY, "fontSize": 13, "anchor": "start"},
}
