"""Price against flow: which funds were bought while they rose, and which while they fell."""

from __future__ import annotations

import math

import altair as alt
import polars as pl

from marketflows_pipeline.charts.cross_asset.price_and_share_effects import summed_effects
from marketflows_pipeline.charts.cross_asset.spec import PriceFlowSpec
from marketflows_pipeline.charts.cross_asset.wording import (
    PARTLY_KNOWN,
    known_text,
    percent_of_cap_text,
    without_flow_notes,
)
from marketflows_pipeline.charts.style.axes import PERCENT_LABEL, axis_title, signed, value_axis
from marketflows_pipeline.charts.style.frame import EDGE, Frame, framed
from marketflows_pipeline.charts.style.layout import Box, place_labels, reach, text_width
from marketflows_pipeline.charts.style.marks import FILL, note, records, reference_line, texts
from marketflows_pipeline.charts.style.theme import BACKGROUND, GRID, INTO, OUT_OF, sign_ink
from marketflows_pipeline.charts.style.time_axis import first_and_last
from marketflows_pipeline.charts.style.wording import counted, day_text

LABEL_SIZE = 12.5

_LEFT, _RIGHT, _AREA, _CORNER_SIZE = 68, EDGE + 8, 110, 12
_LABEL_HEIGHT = 15


@framed
def price_against_flow_chart(frame: pl.DataFrame, spec: PriceFlowSpec) -> alt.LayerChart:
    """Draw each fund by its price effect across and its flow upwards, in percent of its market cap before the window.

    The frame holds rows of ``core.asset_flows`` of the window's sessions.
    """
    sessions = frame["session"].n_unique()
    _, last = first_and_last(frame, "session")
    effects = summed_effects(frame)
    drawable = effects.filter(pl.col("cap_before_usd") > 0)
    funds = drawable.sort("cap_before_usd", "symbol", descending=[True, False]).head(spec.rows)
    page = Frame(
        title=_title(funds, sessions),
        subtitle=[
            f"Sums of daily effects, {counted(sessions, 'session')} to {day_text(last)}",
            "in percent of the market cap before",
        ],
        footer=spec.footer(last, _notes(frame, effects, funds, sessions, spec)),
        left=_LEFT,
        right=_RIGHT,
        above=40,
        below=48,
    )
    across, up = _domain(funds["price_pct"]), _domain(funds["share_pct"])
    size = (page.plot_width, page.plot_height)
    zero = (-across[0] / (across[1] - across[0]) * size[0], up[1] / (up[1] - up[0]) * size[1])
    placed = funds.with_columns(
        x=(pl.col("price_pct") - across[0]) / (across[1] - across[0]) * size[0],
        y=(up[1] - pl.col("share_pct")) / (up[1] - up[0]) * size[1],
        fill=pl.when(pl.col("share_pct") < 0).then(pl.lit(OUT_OF)).otherwise(pl.lit(INTO)),
    )
    x = alt.X("price_pct:Q", scale=alt.Scale(domain=list(across), nice=False), axis=_price_axis())
    y = alt.Y("share_pct:Q", scale=alt.Scale(domain=list(up), nice=False), axis=value_axis(signed(PERCENT_LABEL), 7))
    points = records(placed.select("price_pct", "share_pct", "fill").to_dicts())
    return page.draw(
        [
            reference_line("share_pct", 0).encode(y=y),
            reference_line("price_pct", 0).encode(x=x),
            *_corners(size),
            points.mark_circle(size=_AREA, opacity=1, stroke=BACKGROUND, strokeWidth=1).encode(x=x, y=y, color=FILL),
            *_labels(placed, size, zero, sessions),
            axis_title("Flow: share effect", x=EDGE - _LEFT, y=-14),
        ]
    )


def _domain(values: pl.Series) -> tuple[float, float]:
    """The values and zero, with room for points and labels."""
    low, high = reach(values, 0.0)
    room = 0.12 * (high - low) or 1.0
    return low - room, high + room


def _price_axis() -> alt.Axis:
    return alt.Axis(
        title="Price effect",
        titleAnchor="end",
        titlePadding=4,
        gridColor=GRID,
        tickCount=8,
        labelExpr=signed(PERCENT_LABEL),
    )


def _corners(size: tuple[float, float]) -> list[alt.Chart]:
    """What each corner means."""
    width, height = size
    return [
        note(f"{done} while {moved}", x=x, y=y, align=align, fontSize=_CORNER_SIZE)
        for done, y in (("bought", 10), ("sold", height - 10))
        for moved, x, align in (("falling", 6, "left"), ("rising", width - 6, "right"))
    ]


def _labels(
    placed: pl.DataFrame, size: tuple[float, float], zero: tuple[float, float], sessions: int
) -> list[alt.Chart]:
    """Symbol and flow beside each point where they have room."""
    radius = math.sqrt(_AREA / math.pi)
    rows = list(placed.sort(-pl.col("share_pct").abs()).iter_rows(named=True))
    words = [
        f"{row['symbol']} {percent_of_cap_text(row['share_pct'])}{known_text(row['known'], sessions)}" for row in rows
    ]
    spots = [Box(row["x"] - radius, row["y"] - radius, row["x"] + radius, row["y"] + radius) for row in rows]
    sizes = [(text_width(text, LABEL_SIZE, bold=True), float(_LABEL_HEIGHT)) for text in words]
    # Words in the corners, and the two lines at zero.
    obstacles = [Box(x, y, x + 140, y + 20) for x in (0, size[0] - 140) for y in (0, size[1] - 20)]
    obstacles += [Box(zero[0] - 1, 0, zero[0] + 1, size[1]), Box(0, zero[1] - 1, size[0], zero[1] + 1)]
    places = place_labels(spots, sizes, obstacles, Box(0, 0, size[0] + _RIGHT - 4, size[1]))
    labels = [
        {
            "x": place.left,
            "y": (place.top + place.bottom) / 2,
            "text": text,
            "ink": sign_ink(row["share_pct"]),
        }
        for row, text, place in zip(rows, words, places, strict=True)
        if place is not None
    ]
    return [texts(labels, fontSize=LABEL_SIZE, fontWeight="bold")] if labels else []


def _title(funds: pl.DataFrame, sessions: int) -> str:
    """Whom money went into against the price, or, where there is none, with it; the largest of them."""
    against = funds.filter(pl.col("share_pct") * pl.col("price_pct") < 0)
    shown = funds if against.is_empty() else against
    row = shown.sort(-pl.col("share_pct").abs(), "symbol").row(0, named=True)
    verb = "was bought" if row["share_pct"] >= 0 else "was sold"
    way = "fell" if row["price_pct"] < 0 else "rose"
    flow, price = percent_of_cap_text(row["share_pct"]), percent_of_cap_text(row["price_pct"])
    return f"{row['symbol']} {verb} ({flow}) while it {way} ({price}) over {counted(sessions, 'session')}"


def _notes(
    window: pl.DataFrame, effects: pl.DataFrame, funds: pl.DataFrame, sessions: int, spec: PriceFlowSpec
) -> list[str]:
    order = [symbol for symbol, _ in spec.assets]
    notes = [
        "flow: price now times change of shares",
        "price effect: shares before times change of price",
        *without_flow_notes(window, set(effects["symbol"]), order),
    ]
    if (funds["known"] < sessions).any():
        notes.append(PARTLY_KNOWN)
    return notes
