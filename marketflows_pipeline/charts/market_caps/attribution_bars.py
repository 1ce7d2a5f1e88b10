"""Attribution of market caps: what price, supply and membership did to each series, as bars side by side."""

from __future__ import annotations

from typing import Any

import altair as alt
import polars as pl

from marketflows_pipeline.charts.market_caps.spec import AttributionSpec
from marketflows_pipeline.charts.style.axes import LegendEntry
from marketflows_pipeline.charts.style.frame import framed
from marketflows_pipeline.charts.style.ranked_bars import Bar, RankedBars, Row, Text
from marketflows_pipeline.charts.style.theme import FALL_INK, GREY, INK, INTO, PALETTE, REFERENCE, RISE_INK
from marketflows_pipeline.charts.style.wording import counted, day_text, percent_text, usd_text

PRICE_FILL, SUPPLY_FILL, MEMBERS_FILL = REFERENCE, INTO, PALETTE[8]

_BAR_HEIGHT = 26
_EFFECTS = (("price", PRICE_FILL), ("new supply", SUPPLY_FILL), ("coming and going", MEMBERS_FILL))


@framed
def attribution_chart(frame: pl.DataFrame, spec: AttributionSpec) -> alt.LayerChart:
    """Draw a bar for each effect on each series, in percent of its market cap before.

    Narratives and portfolios stand by their change, ranges by their size. Large supply steps are part of new supply.
    The frame holds the summed effects of one category.
    """
    rows = _ordered(frame, spec)
    has_members = any(row["effects"][2] for row in rows)
    effects = _EFFECTS if has_members else _EFFECTS[:2]
    bars = RankedBars(
        [_row(row, len(effects)) for row in rows],
        columns=("Change", "US dollars"),
        value=("", ""),
        row_most=_BAR_HEIGHT * len(effects) + 14,
    )
    return bars.page(
        _title(rows, spec),
        [
            f"Sums of daily effects, {counted(spec.days, 'day')} to {day_text(spec.as_of)}",
            "in percent of the market cap before",
        ],
        spec.footer(spec.as_of, _notes(rows, spec, has_members=has_members)),
        [LegendEntry(text, fill) for text, fill in effects],
        above=30,
        is_fitted=True,
    )


def _ordered(frame: pl.DataFrame, spec: AttributionSpec) -> list[dict[str, Any]]:
    """Rows in the order in which they stand, each with its label and its effects in percent."""
    places = {series: place for place, (series, _) in enumerate(spec.labels)}
    labels = dict(spec.labels)
    rows = [
        {
            **row,
            "label": labels[row["series"]],
            "supply_usd": row["supply_effect_usd"] + row["large_supply_step_usd"],
        }
        for row in spec.shown(frame).iter_rows(named=True)
    ]
    for row in rows:
        usd = (row["price_effect_usd"], row["supply_usd"], row["membership_usd"])
        row["effects"] = [100 * amount / row["market_cap_before_usd"] for amount in usd]
        row["usd"] = usd
    if spec.is_by_size:
        return sorted(rows, key=lambda row: -places[row["series"]])
    return sorted(rows, key=lambda row: (-row["change_pct"], row["series"]))


def _row(row: dict[str, Any], count: int) -> Row:
    bars = tuple(
        Bar(
            Text(f"{percent_text(percent)} ({usd_text(amount, signed=True)})", GREY if fill == PRICE_FILL else INK),
            ((percent, fill),) if percent else (),
        )
        for percent, amount, (_, fill) in list(zip(row["effects"], row["usd"], _EFFECTS, strict=True))[:count]
    )
    ink = RISE_INK if row["change_pct"] > 0 else FALL_INK
    changes = (Text(percent_text(row["change_pct"]), ink), Text(usd_text(row["change_usd"], signed=True), ink))
    return Row(Text(row["label"], INK), bars, changes)


def _title(rows: list[dict[str, Any]], spec: AttributionSpec) -> str:
    """The series that moved most, and its effects from the largest down."""
    most = max(rows, key=lambda row: abs(row["change_pct"]))
    named = sorted(zip(most["effects"], _EFFECTS, strict=True), key=lambda pair: -abs(pair[0]))
    parts = ", ".join(f"{text} {percent_text(percent)}" for percent, (text, _) in named if percent)
    name = f"The range {most['label']}" if spec.is_by_size else most["label"]
    size = percent_text(abs(most["change_pct"]))
    span, effects = counted(spec.days, "day"), f": {parts}" if parts else ""
    if size[0] != "+":
        return f"{name} is where it was {span} ago{effects}"
    return f"{name} {'gained' if most['change_pct'] > 0 else 'lost'} {size[1:]} in {span}{effects}"


def _notes(rows: list[dict[str, Any]], spec: AttributionSpec, *, has_members: bool) -> list[str]:
    rest = max((abs(100 * row["rest_usd"] / row["market_cap_before_usd"]) for row in rows), default=0.0)
    notes = [
        "price: supply before times change of price",
        "new supply: price times change of supply, a median over 7 closes",
        f"not drawn: timing of caps and prices, at most {rest:.2f}%",
        "no effect is money that came in",
    ]
    if has_members:
        who = "coins that crossed a limit, were listed or delisted" if spec.is_by_size else "members that changed"
        notes.insert(2, f"coming and going: {who}, at their market cap of that day")
    return notes
