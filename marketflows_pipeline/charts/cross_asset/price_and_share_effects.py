"""Price effect beside share effect: how much of a change in market cap is price, and how much is flow."""

from __future__ import annotations

from datetime import date
from typing import Any, cast

import altair as alt
import polars as pl

from marketflows_pipeline.charts.cross_asset.spec import (
    ISSUANCE,
    EffectsSpec,
    is_fund,
    last_sessions,
    shown_symbols,
)
from marketflows_pipeline.charts.cross_asset.wording import (
    known_text,
    left_out_notes,
    percent_of_cap_text,
    session_footer,
    sessions_text,
)
from marketflows_pipeline.charts.exchanges.wording import day_text, names_text, share_text, usd_text
from marketflows_pipeline.charts.style.axes import KeyEntry, legend, pixel_x, pixel_y
from marketflows_pipeline.charts.style.frame import EDGE, Frame, framed
from marketflows_pipeline.charts.style.layout import shorten, text_width
from marketflows_pipeline.charts.style.theme import GREY, GRID, INK, INTO, REFERENCE

PRICE_FILL, SHARE_FILL = REFERENCE, INTO
TEXT_SIZE = 12.0

_SMALL = 11.0
_NAME_MAX = 180
_ROW_MOST = 64
_BAR_SHARE = 0.36
_BESIDE = 6
_HEADER = 20


@framed
def effects_chart(frame: pl.DataFrame, spec: EffectsSpec) -> alt.LayerChart:
    """Draw each fund's price effect and share effect as two bars, 960 x 720 pixels.

    Bars are in percent of the fund's market cap before the window, so that small funds can be read beside large ones,
    on an axis symmetric around zero; the dollars stand beside them.

    Args:
        frame: rows of ``core.asset_flows``: symbol, session, flow_method, price_effect_usd, share_effect_usd,
            market_cap_usd, market_cap_change_usd.
        spec: what the picture says.

    Returns:
        A layered chart: pairs of bars, names, values at their ends, key, footer.

    """
    window = last_sessions(frame, spec.sessions)
    sessions = window.get_column("session").n_unique()
    last = cast("date", window.get_column("session").max())
    effects = summed_effects(window)
    drawable = effects.filter(pl.col("cap_before_usd") > 0)
    largest = drawable.sort("cap_before_usd", "symbol", descending=[True, False]).head(spec.rows)
    shown = largest.sort(-pl.col("price_pct").abs(), "symbol")

    subtitle = subtitle_lines(_subtitle_parts(effects, sessions, last), WIDTH)
    footer = footer_lines(session_footer(spec.source, last, _notes(frame, window, shown, spec)), WIDTH)
    records = _records(shown, dict(spec.assets), sessions)
    named = [text_width(record["symbol"], TEXT_SIZE, bold=True) for record in records]
    left = EDGE + max(*named, *(text_width(record["name"], _SMALL) for record in records), 40) + 12
    top = title_height(subtitle) + 12 + _HEADER
    bottom = 18 + footer_height(footer) + EDGE / 2
    width, height = WIDTH - left - EDGE, HEIGHT - top - bottom
    row = min(_ROW_MOST, height / len(records))
    bars = _bars(records, width, row)
    layers = [
        _guides(len(records), left, width, row),
        *_bar_layers(bars, width / 2, len(records) * row),
        *_name_layers(records, left, row),
        *legend(_key(), right=width, y=-_HEADER),
        page_footer(footer, left=left, y=height + 18),
    ]
    return page(
        layers,
        title=page_title(
            f"Price effect and share effect over the last {sessions_text(sessions)}",
            subtitle,
            width=WIDTH,
            left=left,
            offset=8,
        ),
        size=(WIDTH, HEIGHT),
        margins=(left, top, EDGE, bottom),
    )


def summed_effects(window: pl.DataFrame) -> pl.DataFrame:
    """Sums of each fund's daily effects over the sessions in which both are known.

    Args:
        window: symbol, session, flow_method, price_effect_usd, share_effect_usd, market_cap_usd,
            market_cap_change_usd, sessions_known of the window.

    Returns:
        symbol, price_usd, share_usd, cap_before_usd (market cap before the first session in the sums, in the terms of
        that session's change), price_pct, share_pct (of that), known (sessions in the sums).
    """
    price, share = pl.col("price_effect_usd"), pl.col("share_effect_usd")
    before = (pl.col("market_cap_usd") - pl.col("market_cap_change_usd")).first()
    return (
        window.filter(is_fund(), price.is_finite(), share.is_finite())
        .sort("symbol", "session")
        .group_by("symbol", maintain_order=True)
        .agg(price_usd=price.sum(), share_usd=share.sum(), cap_before_usd=before, known=pl.col("sessions_known").sum())
        .with_columns(
            price_pct=100 * pl.col("price_usd") / pl.col("cap_before_usd"),
            share_pct=100 * pl.col("share_usd") / pl.col("cap_before_usd"),
        )
    )


def price_share_pct(effects: pl.DataFrame) -> float | None:
    """What price makes of all effects by size, in percent; None where nothing moved."""
    price = float(effects.get_column("price_usd").abs().sum())
    share = float(effects.get_column("share_usd").abs().sum())
    return 100 * price / (price + share) if price + share > 0 else None


def _subtitle_parts(effects: pl.DataFrame, sessions: int, last: date) -> list[str]:
    parts = [f"Sums of daily effects, {sessions_text(sessions)} to {day_text(last)}"]
    of_price = price_share_pct(effects)
    if of_price is not None:
        moved = f"{share_text(of_price)} of what moved here, in dollars, is price"
        parts.append(f"most of the change in market cap is price: {moved}" if of_price > 50 else moved)
    return parts


def _notes(frame: pl.DataFrame, window: pl.DataFrame, shown: pl.DataFrame, spec: EffectsSpec) -> list[str]:
    order = [symbol for symbol, _ in spec.assets]
    present = set(shown.get_column("symbol"))
    issuance = set(window.filter(pl.col("flow_method") == ISSUANCE).get_column("symbol"))
    known = set(summed_effects(window).get_column("symbol"))
    unknown = set(frame.get_column("symbol")) - known - issuance
    notes = [
        "price effect: shares before times change of price",
        "share effect (the flow): price now times change of shares",
        "each day's two effects add up to its change of market cap",
        *left_out_notes(shown_symbols(sorted(unknown), order), shown_symbols(sorted(issuance - known), order)),
    ]
    if (shown.get_column("known") < window.get_column("session").n_unique()).any():
        notes.append("(n of m): sessions in the sum")
    if more := shown_symbols(sorted(known - present), order):
        notes.append(f"not drawn: {names_text(more)}")
    return [*notes, *spec.notes]


def _records(shown: pl.DataFrame, names: dict[str, str], sessions: int) -> list[dict[str, Any]]:
    columns = ("symbol", "price_usd", "share_usd", "price_pct", "share_pct", "known")
    records = []
    for symbol, price, share, price_pct, share_pct, known in shown.select(columns).iter_rows():
        name = names.get(symbol, symbol)
        partly = known_text(known, sessions)
        records.append(
            {
                "symbol": symbol,
                "name": "" if name == symbol else shorten(name, _SMALL, _NAME_MAX),
                "effects": [
                    (price_pct, _value_text(price_pct, price) + partly, PRICE_FILL, GREY),
                    (share_pct, _value_text(share_pct, share) + partly, SHARE_FILL, SHARE_FILL),
                ],
            }
        )
    return records


def _value_text(share_pct: float, amount: float) -> str:
    return f"{percent_of_cap_text(share_pct)} ({usd_text(amount, signed=True)})"


def _bars(records: list[dict[str, Any]], width: float, row: float) -> list[dict[str, Any]]:
    """Place of each bar and its value in pixels; the price effect above the share effect."""
    half = width / 2
    effects = [effect for record in records for effect in record["effects"]]
    limit = max(abs(percent) for percent, *_ in effects) or 1.0
    room = [
        (half - _BESIDE - 4 - text_width(text, TEXT_SIZE)) * limit / abs(percent)
        for percent, text, *_ in effects
        if percent
    ]
    reach = max(0.0, min([half - _BESIDE, *room]))
    bars = []
    for place, record in enumerate(records):
        for number, (percent, text, fill, ink) in enumerate(record["effects"]):
            end = half + percent / limit * reach
            middle = (place + 0.5 + (number - 0.5) * 0.42) * row
            thickness = min(16.0, row * _BAR_SHARE)
            bars.append(
                {
                    "left": min(half, end),
                    "right": max(half, end),
                    "top": middle - thickness / 2,
                    "bottom": middle + thickness / 2,
                    "middle": middle,
                    "fill": fill,
                    "ink": ink,
                    "text": text,
                    "is_right": percent >= 0,
                    "text_x": max(half, end) + _BESIDE if percent >= 0 else end - _BESIDE,
                }
            )
    return bars


def _bar_layers(bars: list[dict[str, Any]], zero: float, height: float) -> list[alt.Chart]:
    layers = [
        alt.Chart(alt.InlineData(values=[bar for bar in bars if bar["right"] > bar["left"]]))
        .mark_rect()
        .encode(
            x=pixel_x("left"),
            x2="right",
            y=pixel_y("top"),
            y2="bottom",
            color=alt.Color("fill:N", scale=None),
        ),
        alt.Chart(alt.InlineData(values=[{"zero": zero}]))
        .mark_rule(color=REFERENCE, strokeWidth=1.2, y=0, y2=height)
        .encode(x=pixel_x("zero")),
    ]
    sides: tuple[tuple[bool, Any], ...] = ((True, "left"), (False, "right"))
    for is_right, align in sides:
        some = [bar for bar in bars if bar["is_right"] == is_right]
        if some:
            layers.append(
                alt.Chart(alt.InlineData(values=some))
                .mark_text(baseline="middle", fontSize=TEXT_SIZE, align=align)
                .encode(x=pixel_x("text_x"), y=pixel_y("middle"), text="text:N", color=alt.Color("ink:N", scale=None))
            )
    return layers


def _name_layers(records: list[dict[str, Any]], left: float, row: float) -> list[alt.Chart]:
    lines = []
    for place, record in enumerate(records):
        two = row >= 28 and bool(record["name"])
        middle = (place + 0.5) * row
        lines.append({"text": record["symbol"], "y": middle - (7 if two else 0), "is_symbol": True})
        if two:
            lines.append({"text": record["name"], "y": middle + 7, "is_symbol": False})
    style: dict[str, Any] = {"align": "left", "baseline": "middle", "x": EDGE - left}
    layers = []
    looks: tuple[tuple[bool, dict[str, Any]], ...] = (
        (True, {"fontSize": TEXT_SIZE, "fontWeight": "bold", "color": INK}),
        (False, {"fontSize": _SMALL, "color": GREY}),
    )
    for is_symbol, look in looks:
        some = [line for line in lines if line["is_symbol"] == is_symbol]
        if some:
            layers.append(
                alt.Chart(alt.InlineData(values=some)).mark_text(**style, **look).encode(y=pixel_y("y"), text="text:N")
            )
    return layers


def _guides(count: int, left: float, width: float, row: float) -> alt.Chart:
    lines = [{"y": place * row} for place in range(count + 1)]
    chart: alt.Chart = (
        alt.Chart(alt.InlineData(values=lines))
        .mark_rule(color=GRID, strokeWidth=1, x=EDGE - left, x2=width)
        .encode(y=pixel_y("y"))
    )
    return chart


def _key() -> list[KeyEntry]:
    return [
        KeyEntry("price effect, % of the market cap before", PRICE_FILL),
        KeyEntry("share effect: the flow", SHARE_FILL),
    ]
