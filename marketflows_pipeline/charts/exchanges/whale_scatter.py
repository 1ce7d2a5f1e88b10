"""Whale signals: which coins trade unusually much for their size, and which way their price went."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import altair as alt
import polars as pl

from marketflows_pipeline.charts.exchanges.spec import HAS_PLACE, WhaleSpec
from marketflows_pipeline.charts.style.axes import PERCENT_LABEL, LegendEntry, legend, signed, value_axis
from marketflows_pipeline.charts.style.frame import EDGE, Frame, framed
from marketflows_pipeline.charts.style.layout import Box, point_labels, reach, shorten
from marketflows_pipeline.charts.style.marks import FILL, records, reference_line, texts
from marketflows_pipeline.charts.style.theme import (
    BACKGROUND,
    FALL_INK,
    GREY,
    GRID,
    INTO,
    OUT_OF,
    OUTLINE,
    REFERENCE,
    RISE_INK,
)
from marketflows_pipeline.charts.style.time_axis import as_of
from marketflows_pipeline.charts.style.wording import dollars

RATIO_LINE_PCT = 10.0
LABEL_SIZE, LABEL_HEIGHT = 11.5, 13

_RIGHT = EDGE + 8
_LABEL_MAX = 110
_AREA_MOST, _AREA_LEAST = 900.0, 30.0
# With more coins than this the circles are drawn smaller.
_CROWD, _CROWD_AREA_MOST = 120, 450.0
# A larger change would press all others against the zero line of a linear axis.
_LINEAR_UP_TO = 40.0
_BEND = 10.0
_BENT_TICKS = (5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 100_000)
_FINE_UP_TO_DECADES = 1.5
_FILLS = {"accumulation": INTO, "distribution": OUT_OF}
_INKS = {"accumulation": RISE_INK, "distribution": FALL_INK}


@dataclass(frozen=True)
class _Plot:
    """Pixel geometry: a logarithmic axis across; upwards a linear one, or one that is logarithmic beyond 10 %."""

    width: float
    height: float
    ratios: tuple[float, float]
    changes: tuple[float, float]
    is_bent: bool

    def x(self, ratio: float) -> float:
        low, high = map(math.log, self.ratios)
        return (math.log(ratio) - low) / (high - low) * self.width

    def y(self, change: float) -> float:
        low, high = map(self._bent, self.changes)
        return (high - self._bent(change)) / (high - low) * self.height

    def _bent(self, change: float) -> float:
        return math.copysign(math.log1p(abs(change) / _BEND), change) if self.is_bent else change


@framed
def whale_scatter(frame: pl.DataFrame, spec: WhaleSpec) -> alt.LayerChart:
    """Draw volume over market cap against the price change over 24 hours.

    The area of a circle grows with the square root of the volume, since volumes span five powers of ten. Labels stand
    beside the unusual coins where there is room; the footer counts those that are left out.
    """
    coins = frame.filter(HAS_PLACE).sort("rank")
    _, largest = reach(coins["volume_24h_usd"])
    most = _AREA_MOST if coins.height <= _CROWD else _CROWD_AREA_MOST
    unusual = coins.filter("is_unusual").height
    # Counted over all that were looked at, as everywhere else; the footer says how many have no place here.
    found = frame.filter("is_unusual").height
    page = Frame(
        title=f"{found} of {frame.height} coins trade unusually much for their size",
        subtitle=["A proxy: much trading for a coin's size hints at large holders; no transaction is seen"],
        # The footer counts the labels that found no room, and room depends on the footer: measured with all left out.
        footer=_footer_parts(frame, coins, unusual, spec),
        left=68,
        right=_RIGHT,
        above=40,
        below=48,
    )
    plot = _plot(coins, page.plot_width, page.plot_height)
    circles = _circles(coins, largest, most)
    labels = _labels(circles, plot)
    x = alt.X(
        "volume_to_mcap_pct:Q", scale=alt.Scale(type="log", domain=list(plot.ratios), nice=False), axis=_x_axis(plot)
    )
    y = alt.Y("price_change_24h_pct:Q", scale=_y_scale(plot), axis=_y_axis(plot))
    bent = ", logarithmic beyond ±10%" if plot.is_bent else ""
    footer = _footer_parts(frame, coins, unusual - len(labels), spec)
    return page.with_footer(footer).draw(
        [
            reference_line("price_change_24h_pct", 0).encode(y=y),
            reference_line("volume_to_mcap_pct", RATIO_LINE_PCT, strokeDash=[4, 3]).encode(x=x),
            *_circle_layers(circles, x, y),
            *_label_layers(labels),
            page.value_title(f"Price change over 24 hours{bent}", -14),
            *legend(_legend(largest, most), right=plot.width + 8, y=-20),
        ]
    )


def _plot(coins: pl.DataFrame, width: float, height: float) -> _Plot:
    low, high = reach(coins["volume_to_mcap_pct"])
    fall, rise = reach(coins["price_change_24h_pct"], 0.0)
    is_bent = max(-fall, rise) > _LINEAR_UP_TO
    # Zero stays well inside the plot, where labels on both sides of it find room.
    room = 0.08 * (rise - fall) or 1.0
    lowest, highest = (1.4 * fall - 4, 1.4 * rise + 4) if is_bent else (fall - room, rise + room)
    return _Plot(
        width,
        height,
        ratios=(min(low / 1.4, 0.7 * RATIO_LINE_PCT), max(high * 1.6, 1.6 * RATIO_LINE_PCT)),
        changes=(lowest, highest),
        is_bent=is_bent,
    )


def _circles(coins: pl.DataFrame, largest: float, most: float) -> pl.DataFrame:
    """The coins with area and colours, the largest circles first, so that none hides a smaller one."""
    kind = pl.col("signal_type")
    return coins.select(
        "symbol",
        "rank",
        "volume_to_mcap_pct",
        "price_change_24h_pct",
        "is_unusual",
        fill=kind.replace_strict(_FILLS, default=REFERENCE, return_dtype=pl.String),
        ink=kind.replace_strict(_INKS, default=GREY, return_dtype=pl.String),
        area=(most * (pl.col("volume_24h_usd").clip(0) / max(largest, 1e-9)).sqrt()).clip(_AREA_LEAST),
    ).sort("area", descending=True)


def _labels(circles: pl.DataFrame, plot: _Plot) -> list[dict[str, Any]]:
    """Text, ink and place in pixels of the labels that find room, in the order of the coins' rank."""
    named = circles.filter("is_unusual").sort("rank")
    texts = [shorten(symbol, LABEL_SIZE, _LABEL_MAX) for symbol in named.get_column("symbol")]
    labels = list(zip(texts, named.get_column("ink"), _boxes(named, plot), strict=True))
    lines = [
        Box(plot.x(RATIO_LINE_PCT) - 1, 0, plot.x(RATIO_LINE_PCT) + 1, plot.height),
        Box(0, plot.y(0) - 1, plot.width, plot.y(0) + 1),
    ]
    obstacles = [*_boxes(circles.filter(~pl.col("is_unusual")), plot), *lines]
    area = Box(0, 0, plot.width + _RIGHT - 4, plot.height)
    return point_labels(labels, LABEL_SIZE, LABEL_HEIGHT, obstacles, area)


def _boxes(circles: pl.DataFrame, plot: _Plot) -> list[Box]:
    places = circles.select("volume_to_mcap_pct", "price_change_24h_pct", "area").iter_rows()
    return [Box.around(plot.x(ratio), plot.y(change), math.sqrt(area / math.pi)) for ratio, change, area in places]


def _circle_layers(circles: pl.DataFrame, x: alt.X, y: alt.Y) -> list[alt.Chart]:
    """Hollow circles, and before them the filled ones of unusual coins."""
    usual, unusual = (
        records(circles.filter(is_unusual=flag).drop("ink", "rank", "symbol").to_dicts()).encode(
            x=x, y=y, color=FILL, size=alt.Size("area:Q", scale=None)
        )
        for flag in (False, True)
    )
    return [
        usual.mark_point(filled=False, opacity=0.6, strokeWidth=1.2),
        unusual.mark_circle(opacity=0.85, stroke=BACKGROUND, strokeWidth=1),
    ]


def _label_layers(labels: list[dict[str, Any]]) -> list[alt.Chart]:
    style: dict[str, Any] = {"fontSize": LABEL_SIZE, "fontWeight": "bold"}
    return [texts(labels, **style, stroke=BACKGROUND, strokeWidth=3, opacity=0.8), texts(labels, **style)]


def _x_axis(plot: _Plot) -> alt.Axis:
    low, high = plot.ratios
    digits = (1, 2, 5) if math.log10(high / low) <= _FINE_UP_TO_DECADES else (1, 3)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)))
    ticks = [digit * 10.0**power for power in powers for digit in digits]
    return alt.Axis(
        title="24-hour volume as a share of market cap (logarithmic)",
        titleAnchor="end",
        titlePadding=4,
        grid=True,
        gridColor=GRID,
        values=[tick for tick in ticks if low <= tick <= high],
        labelExpr=PERCENT_LABEL,
        labelOverlap=True,
    )


def _y_scale(plot: _Plot) -> alt.Scale:
    domain = list(plot.changes)
    if plot.is_bent:
        return alt.Scale(type="symlog", constant=_BEND, domain=domain, nice=False)
    return alt.Scale(domain=domain, nice=False)


def _y_axis(plot: _Plot) -> alt.Axis:
    low, high = plot.changes
    ticks = [*(-tick for tick in reversed(_BENT_TICKS)), 0, *_BENT_TICKS]
    values = [tick for tick in ticks if low <= tick <= high] if plot.is_bent else None
    ticks_at: dict[str, Any] = {"values": values, "labelOverlap": True} if values else {}
    return value_axis(signed(PERCENT_LABEL), 9, **ticks_at)


def _legend(largest: float, most: float) -> list[LegendEntry]:
    entries = [
        LegendEntry("unusual, price up", INTO, shape="circle", size=130),
        LegendEntry("unusual, price down", OUT_OF, shape="circle", size=130),
        LegendEntry("not unusual", "transparent", stroke=REFERENCE, shape="circle", size=110),
    ]
    if largest > 0:
        round_volume = 10.0 ** (math.floor(math.log10(largest)) - 1)
        entries += [
            LegendEntry(
                dollars(volume), OUTLINE, shape="circle", size=max(_AREA_LEAST, most * math.sqrt(volume / largest))
            )
            for volume in (round_volume / 10, round_volume)
        ]
    return entries


def _footer_parts(frame: pl.DataFrame, coins: pl.DataFrame, unlabelled: int, spec: WhaleSpec) -> list[str]:
    notes = [
        "unusual: two standard deviations above the ratio's own past, or, with less than 20 days of it, above 10%",
        "circles grow with 24-hour volume",
    ]
    if unlabelled:
        notes.append(f"{unlabelled} unusual without a label for lack of room")
    left_out = frame.height - coins.height
    if left_out:
        notes.append(f"{left_out} not drawn: no volume or no price change")
    return spec.footer(as_of(coins, "observed_at"), notes)
