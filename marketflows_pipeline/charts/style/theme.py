"""The look: one Altair theme, one palette, one way to give a series its colour."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache

from marketflows_pipeline.charts.spec import SeriesStyle
from marketflows_pipeline.charts.style.colours import SERIES_COUNT, SIZES, mix, var
from marketflows_pipeline.charts.style.typeface import FAMILY
from marketflows_pipeline.charts.style.wording import MINUS
from marketflows_pipeline.system.printable import presentable_name

INK, GREY, GRID, REFERENCE, OUTLINE = map(var, ("ink", "grey", "grid", "reference", "outline"))
BACKGROUND = var("card")
PALETTE = tuple(var(f"s{place}") for place in range(1, SERIES_COUNT + 1))
# Up and down, as of money that came in or went out: as fills, and as ink of small text.
INTO, OUT_OF, RISE_INK, FALL_INK = map(var, ("into", "out", "rise", "fall"))
DASHES: tuple[tuple[int, ...], ...] = ((), (6, 3), (2, 2), (8, 3, 2, 3))


def sign_ink(value: float | None) -> str:
    """Colour of the text of a signed amount: grey where it is zero or not known."""
    return GREY if not value else RISE_INK if value > 0 else FALL_INK


def figure_ink(figure: str) -> str:
    """Colour of a signed figure as it is written: grey where it is rounded to zero or not known."""
    return RISE_INK if figure.startswith("+") else FALL_INK if figure.startswith(MINUS) else GREY


def series_styles(labels: Mapping[str, str] | Iterable[tuple[str, str]]) -> tuple[SeriesStyle, ...]:
    """Style of each series from (series, label) pairs in sort order.

    Its place picks the colour, so it is the same in every chart of a category. Beyond the palette's twelve colours they
    repeat, and dashes tell the series apart.
    """
    pairs = labels.items() if isinstance(labels, Mapping) else labels
    count = len(PALETTE)
    return tuple(
        SeriesStyle(series, presentable_name(label), PALETTE[place % count], DASHES[place // count % len(DASHES)])
        for place, (series, label) in enumerate(pairs)
    )


def styles_by_size(pairs: Sequence[tuple[str, str]]) -> tuple[SeriesStyle, ...]:
    """Style of each series from (series, label) pairs, the smallest first: the larger the more contrast."""
    last = max(len(pairs) - 1, 1)
    places = [place / last for place in range(len(pairs))] if len(pairs) > 1 else [1.0]
    return tuple(
        SeriesStyle(series, presentable_name(label), _between(place))
        for (series, label), place in zip(pairs, places, strict=True)
    )


def _between(place: float) -> str:
    """The colour at a place from 0 to 1 of the scale of sizes."""
    at = place * (SIZES - 1)
    low = min(int(at), SIZES - 2)
    return mix(f"size{low + 2}", at - low, f"size{low + 1}")


@cache
def use_theme() -> None:
    """Register and enable the Altair theme; asking again does nothing."""
    import altair as alt  # noqa: PLC0415 - styles are needed where no chart is drawn, and Altair costs 0.6 s

    @alt.theme.register("marketflows", enable=True)
    def _theme() -> alt.theme.ThemeConfig:
        return {
            "config": {
                "background": BACKGROUND,
                "font": FAMILY,
                "view": {"stroke": None},
                "title": {
                    "anchor": "start",
                    "frame": "group",
                    "color": INK,
                    "fontSize": 20,
                    "fontWeight": "bold",
                    "subtitleColor": GREY,
                    "subtitleFontSize": 13,
                    "subtitleLineHeight": 17,
                    "subtitlePadding": 6,
                },
                "axis": {
                    "labelFontSize": 12,
                    "labelColor": GREY,
                    "titleFontSize": 12,
                    "titleFontWeight": "normal",
                    "titleColor": GREY,
                    "gridColor": GRID,
                    "tickColor": REFERENCE,
                    "domainColor": REFERENCE,
                },
                "legend": {"labelFontSize": 12, "labelColor": INK, "symbolStrokeWidth": 2.5},
                "text": {"color": INK},
            }
        }
