"""Price against flow: which funds had inflows while they rose, and which while they fell."""

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
from marketflows_pipeline.charts.style.axes import PERCENT_LABEL, signed, value_axis, value_x, value_y
from marketflows_pipeline.charts.style.frame import EDGE, Frame, framed
from marketflows_pipeline.charts.style.layout import Box, PlotArea, point_labels, roomy
from marketflows_pipeline.charts.style.marks import FILL, note, records, reference_line, texts
from marketflows_pipeline.charts.style.theme import BACKGROUND, GRID, INTO, OUT_OF, sign_ink
from marketflows_pipeline.charts.style.time_axis import first_and_last
from marketflows_pipeline.charts.style.wording import counted, day_text

LABEL_SIZE = 12.5

_RIGHT, _AREA = EDGE + 8, 110
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
        left=68,
        right=_RIGHT,
        above=40,
        below=48,
    )
    plot = page.plot(*roomy(funds["share_pct"], 0.12, 0.0), across=roomy(funds["price_pct"], 0.12, 0.0))
    x = value_x(plot, _price_axis(), "price_pct")
    y = value_y(plot, value_axis(signed(PERCENT_LABEL), 7), "share_pct")
    fill = pl.when(pl.col("share_pct") < 0).then(pl.lit(OUT_OF)).otherwise(pl.lit(INTO))
    points = records(funds.select("price_pct", "share_pct", fill=fill).to_dicts())
    return page.draw(
        [
            reference_line("share_pct", 0).encode(y=y),
            reference_line("price_pct", 0).encode(x=x),
            *_corners(plot),
            points.mark_circle(size=_AREA, opacity=1, stroke=BACKGROUND, strokeWidth=1).encode(x=x, y=y, color=FILL),
            *_labels(funds, plot, sessions),
            page.value_title("Flow: share effect", -14),
        ]
    )


def _price_axis() -> alt.Axis:
    return alt.Axis(
        title="Price effect",
        titleAnchor="end",
        titlePadding=4,
        gridColor=GRID,
        tickCount=8,
        labelExpr=signed(PERCENT_LABEL),
    )


def _corners(plot: PlotArea) -> list[alt.Chart]:
    """What each corner means."""
    return [
        note(f"{done} while {moved}", x=x, y=y, align=align)
        for done, y in (("inflow", 10), ("outflow", plot.height - 10))
        for moved, x, align in (("falling", 6, "left"), ("rising", plot.width - 6, "right"))
    ]


def _labels(funds: pl.DataFrame, plot: PlotArea, sessions: int) -> list[alt.Chart]:
    """Symbol and flow beside each point where they have room."""
    radius = math.sqrt(_AREA / math.pi)
    labels = [
        (
            f"{row['symbol']} {percent_of_cap_text(row['share_pct'])}{known_text(row['known'], sessions)}",
            sign_ink(row["share_pct"]),
            Box.around(plot.pixel_x(row["price_pct"]), plot.pixel(row["share_pct"]), radius),
        )
        for row in funds.sort(-pl.col("share_pct").abs()).iter_rows(named=True)
    ]
    # Words in the corners, and the two lines at zero.
    width, height, zero_x, zero_y = plot.width, plot.height, plot.pixel_x(0.0), plot.pixel(0.0)
    obstacles = [Box(x, y, x + 140, y + 20) for x in (0, width - 140) for y in (0, height - 20)]
    obstacles += [Box(zero_x - 1, 0, zero_x + 1, height), Box(0, zero_y - 1, width, zero_y + 1)]
    shown = point_labels(labels, LABEL_SIZE, _LABEL_HEIGHT, obstacles, Box(0, 0, width + _RIGHT - 4, height))
    return [texts(shown, fontSize=LABEL_SIZE, fontWeight="bold")]


def _title(funds: pl.DataFrame, sessions: int) -> str:
    """Where most money went in or out against the price, or, where none did, with it."""
    against = funds.filter(pl.col("share_pct") * pl.col("price_pct") < 0)
    shown = funds if against.is_empty() else against
    row = shown.sort(-pl.col("share_pct").abs(), "symbol").row(0, named=True)
    over = f"over {counted(sessions, 'session')}"
    if not row["share_pct"]:
        return f"No money went into or out of any fund {over}"
    moved = "into" if row["share_pct"] > 0 else "out of"
    way = "fell" if row["price_pct"] < 0 else "rose"
    flow, price = percent_of_cap_text(row["share_pct"]), percent_of_cap_text(row["price_pct"])
    return f"Money went {moved} {row['symbol']} ({flow}) while it {way} ({price}) {over}"


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
