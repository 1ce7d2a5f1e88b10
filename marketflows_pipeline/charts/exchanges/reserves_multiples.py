"""Reserves of all tracked exchanges as small multiples: how each changed, on one scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import altair as alt
import polars as pl

from marketflows_pipeline.charts.exchanges.reserves import covered_days
from marketflows_pipeline.charts.exchanges.spec import AllReservesSpec
from marketflows_pipeline.charts.exchanges.wording import flow_sum_text
from marketflows_pipeline.charts.style.broken_lines import lone_dots
from marketflows_pipeline.charts.style.frame import EDGE, Frame, framed
from marketflows_pipeline.charts.style.layout import PlotArea, reach, shorten, text_width
from marketflows_pipeline.charts.style.look import current_look
from marketflows_pipeline.charts.style.marks import AT, csv_chart, rules, texts
from marketflows_pipeline.charts.style.theme import GREY, GRID, INK, REFERENCE, sign_ink
from marketflows_pipeline.charts.style.time_axis import as_of, first_and_last, unbroken_run
from marketflows_pipeline.charts.style.wording import counted, day_text, percent_text, usd_text

_COLUMNS = {"deck": 3, "wide": 4, "square": 3}
# Room between panels, above the line of one, below it, and beside its end.
_GAP, _HEAD, _FOOT, _VALUE = 28, 44, 24, 56
_NAME_SIZE, _TEXT_SIZE = 13, 12
_SUM_DAYS = 30


@dataclass(frozen=True)
class _Exchange:
    """What one panel says, and its line: at (days since the first), run, change (percent since the first value)."""

    name: str
    held: str
    flow: str
    change: float
    line: pl.DataFrame


_Placed = tuple[_Exchange, tuple[float, float]]


@framed
def reserves_multiples(frame: pl.DataFrame, spec: AllReservesSpec) -> alt.LayerChart:
    """Draw a panel an exchange, the largest first: percent changes of reserves over the same days on one scale.

    The frame holds rows of ``mart.exchange_netflow``.
    """
    known = frame.filter(pl.col("reserves_usd").is_finite(), pl.col("reserves_usd") > 0)
    _, last = first_and_last(known)
    first = max(first_and_last(known)[0], last - timedelta(days=spec.days))
    window = frame.filter(pl.col("day").is_between(first, last)).sort("slug", "day")
    shown = _exchanges(window, first, last)[: spec.most]
    count = known["slug"].n_unique()
    low, high = reach(pl.concat([each.line["change"] for each in shown]), 0.0)
    columns = min(_COLUMNS[current_look().size], len(shown))
    rows = -(-len(shown) // columns)
    page = Frame(
        title=_title(shown, (last - first).days),
        subtitle=[
            f"Change of reserves in US dollars since {day_text(first)}, all on one scale of "
            f"{percent_text(low, 0)} to {percent_text(high, 0)}",
            f"daily, {counted((last - first).days, 'day')} to {day_text(last)}",
        ],
        footer=spec.footer(as_of(window, "ts"), _notes(count, len(shown))),
        left=EDGE,
        above=20,
        below=16,
    )
    wide = (page.plot_width - _GAP * (columns - 1)) / columns
    tall = page.plot_height / rows
    scale = PlotArea(wide - _VALUE, tall - _HEAD - _FOOT, low, high if high > low else low + 1)
    corners = [(place % columns * (wide + _GAP), place // columns * tall) for place in range(len(shown))]
    placed = list(zip(shown, corners, strict=True))
    rulings = [{"x": 0, "x2": page.plot_width, "y": tall * row - _FOOT / 2} for row in range(1, rows)]
    zeros = [{"x": left, "x2": left + scale.width, "y": top + _HEAD + scale.pixel(0)} for left, top in corners]
    drawn = _lines(placed, scale, (last - first).days)
    lines = csv_chart(drawn).mark_line(strokeWidth=1.8, color=INK, strokeJoin="round")
    written = [text for each, corner in placed for text in _texts(each, corner, scale)]
    look = {"align": "datum.align", "fontSize": "datum.size", "fontWeight": "datum.weight"}
    return page.draw(
        [
            *([rules(rulings, color=GRID, strokeWidth=1)] if rulings else []),
            rules(zeros, color=REFERENCE, strokeWidth=1, strokeDash=[1, 3]),
            lines.encode(**AT, detail="run:N"),
            *lone_dots(drawn, "run", **AT, color=alt.ColorValue(INK)),
            texts(written, **{name: alt.ExprRef(field) for name, field in look.items()}),
        ]
    )


def _lines(placed: Sequence[_Placed], scale: PlotArea, days: int) -> pl.DataFrame:
    """The lines of all panels in pixels, told apart by their runs."""
    return pl.concat(
        each.line.select(
            x=(left + pl.col("at") * scale.width / days).round(2),
            y=(top + _HEAD + scale.pixel(pl.col("change"))).round(2),
            run=pl.format("{} {}", pl.lit(place), "run"),
        )
        for place, (each, (left, top)) in enumerate(placed)
    )


def _texts(each: _Exchange, corner: tuple[float, float], scale: PlotArea) -> list[dict[str, Any]]:
    """Name, amount and net flow above the line, and the change beside its end."""
    left, top = corner
    right = left + scale.width + _VALUE
    bold, quiet = {"size": _NAME_SIZE, "weight": "bold"}, {"size": _TEXT_SIZE, "weight": "normal"}
    room = right - left - text_width(each.held, _NAME_SIZE, bold=True) - 12
    # Bold is wider than what is measured.
    name = shorten(each.name, _NAME_SIZE * 1.08, room)
    ink = sign_ink(each.change)
    end = top + _HEAD + scale.pixel(each.change)
    return [
        {"x": left, "y": top + 8, "text": name, "align": "left", "ink": INK, **bold},
        {"x": right, "y": top + 8, "text": each.held, "align": "right", "ink": INK, **bold},
        {"x": left, "y": top + 25, "text": each.flow, "align": "left", "ink": GREY, **quiet},
        {"x": right - _VALUE + 7, "y": end, "text": percent_text(each.change), "align": "left", "ink": ink, **bold},
    ]


def _exchanges(window: pl.DataFrame, first: date, last: date) -> list[_Exchange]:
    """Those with at least two days of reserves, by what they hold now, the largest first."""
    found = []
    for rows in window.partition_by("slug", maintain_order=True):
        known = rows.filter(pl.col("reserves_usd").is_finite(), pl.col("reserves_usd") > 0)
        if known.height < 2:
            continue
        line = known.select(
            at=(pl.col("day") - first).dt.total_days(),
            run=unbroken_run(),
            change=100 * (pl.col("reserves_usd") / pl.col("reserves_usd").first() - 1),
        )
        held = float(known["reserves_usd"][-1])
        flow, covered = covered_days(rows, last, _SUM_DAYS)
        text = flow_sum_text(flow, _SUM_DAYS, covered)
        found.append((held, _Exchange(known["name"][-1], usd_text(held), text, float(line["change"][-1]), line)))
    return [each for _, each in sorted(found, key=lambda pair: (-pair[0], pair[1].name))]


def _title(shown: list[_Exchange], days: int) -> str:
    most, least = max(shown, key=lambda each: each.change), min(shown, key=lambda each: each.change)
    if len(shown) == 1:
        return f"Reserves of {most.name}: {percent_text(most.change)} in {counted(days, 'day')}"
    ends = [f"{percent_text(each.change)} ({each.name})" for each in (least, most)]
    return f"Reserves of exchanges changed by {' to '.join(ends)} in {counted(days, 'day')}"


def _notes(count: int, shown: int) -> list[str]:
    notes = [
        "tracked wallets only: those that DefiLlama knows",
        "reserves move with prices; net flow is the change of token quantities, own tokens left out",
    ]
    if count > shown:
        notes.append(f"the {shown} largest of {count} exchanges")
    return notes
