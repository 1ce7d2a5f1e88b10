"""Breadth at a glance: a row a series, with a small panel for each of three measures."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import cast

import altair as alt
import polars as pl

from marketflows_pipeline.charts.market_caps.backfilled import NOTE, broken_runs, dashed_lines, with_joints
from marketflows_pipeline.charts.market_caps.spec import COHORT_SERIES, BreadthSpec
from marketflows_pipeline.charts.spec import SeriesStyle
from marketflows_pipeline.charts.style.frame import EDGE, Frame, framed
from marketflows_pipeline.charts.style.layout import shorten
from marketflows_pipeline.charts.style.marks import pixel_x, pixel_y, rules, series_channels, texts
from marketflows_pipeline.charts.style.row_names import DETAIL_SIZE, NAME_MAX, NAME_SIZE, RowName, names_margin
from marketflows_pipeline.charts.style.theme import GREY, GRID, INK, REFERENCE
from marketflows_pipeline.charts.style.time_axis import as_of, first_and_last
from marketflows_pipeline.charts.style.wording import UNKNOWN, counted, day_text, note_of, value_text

ROWS_MOST = 12
_ROW, _ROW_TIGHT = 92, 58
_TIGHT_FROM = 8
# Free room above and below a panel, between columns, and for the last value beside a panel.
_ROOM, _BETWEEN, _VALUE = 9, 14, 50
_HEAD_SIZE, _VALUE_SIZE, _DAY_SIZE = 12.5, 13, 11


@dataclass(frozen=True)
class _Measure:
    """A column of panels: what it shows, and between which values; rows are read against the middle of these."""

    column: str
    head: str
    low: float
    high: float

    @property
    def is_share(self) -> bool:
        return self.column.endswith("_pct")

    def text(self, value: float | None) -> str:
        if value is None:
            return UNKNOWN
        return f"{value_text(value, 0, signed=False)}%" if self.is_share else value_text(value, 0, signed=True)


@framed
def breadth_panel(frame: pl.DataFrame, spec: BreadthSpec) -> alt.LayerChart:
    """Draw the share above the 50-day average, the McClellan oscillator and the share that beat bitcoin.

    A grid of small panels on common scales, the last values beside them; parts of back-filled members are dashed. The
    frame holds rows of ``mart.breadth`` of a category and of the cohort.
    """
    rows = _window(frame, spec)
    shown = set(rows.filter(pl.any_horizontal(pl.col(spec.columns[4:]).is_finite())).get_column("series"))
    styles = [style for style in spec.series if style.series in shown][:ROWS_MOST]
    last = as_of(rows, "ts")
    newest = {row["series"]: row for row in rows.filter(pl.col("ts") == last).iter_rows(named=True)}
    names = [RowName(style.series, style.label, _coins_text(newest.get(style.series)), style.color) for style in styles]
    largest = cast("float | None", rows.get_column("mcclellan").abs().max()) or 1.0
    measures = [
        _Measure("above_ema_50_pct", "Above their EMA 50", 0, 100),
        _Measure("mcclellan", "McClellan oscillator", -largest, largest),
        _Measure("beat_bitcoin_30d_pct", "Beat bitcoin over 30 days", 0, 100),
    ]
    height = _ROW if len(styles) < _TIGHT_FROM else _ROW_TIGHT
    left = names_margin(names)
    first_day, last_day = first_and_last(rows)
    page = Frame(
        title=_title(styles, newest, spec),
        subtitle=[
            "Members of the day before, daily closes at 00:00 UTC",
            f"{counted((last_day - first_day).days + 1, 'day')} to {day_text(last_day)}",
            "grey line: half of the coins, and as many rising as falling",
        ],
        footer=spec.footer(last, _notes(rows, styles, newest, spec)),
        left=left,
        above=44,
        below=34,
    ).around(height * len(styles))
    wide = (page.plot_width - _BETWEEN * (len(measures) - 1)) / len(measures)
    lefts = [place * (wide + _BETWEEN) for place in range(len(measures))]
    layers: list[alt.Chart] = _rulings(len(styles), height, lefts, wide - _VALUE, left)
    for measure, x in zip(measures, lefts, strict=True):
        layers += _lines(rows, measure, styles, (x, wide - _VALUE, height), (first_day, last_day))
        layers += _last_values(newest, measure, styles, (x + wide - _VALUE, height))
    layers += _heads(measures, lefts, wide - _VALUE, (first_day, last_day), height * len(styles))
    return page.draw([*layers, *_names(names, height, EDGE - left)])


def _window(frame: pl.DataFrame, spec: BreadthSpec) -> pl.DataFrame:
    known = frame.filter(pl.col("series").is_in([style.series for style in spec.series]))
    last = as_of(known, "ts")
    return (
        known.filter(pl.col("ts") > last - timedelta(days=spec.days))
        .with_columns(day=pl.col("ts").dt.date())
        .sort("series", "ts")
    )


def _lines(
    rows: pl.DataFrame,
    measure: _Measure,
    styles: list[SeriesStyle],
    place: tuple[float, float, float],
    span: tuple[date, date],
) -> list[alt.Chart]:
    """Lines of one column of panels; x, width of a panel and height of a row are in pixels."""
    x, wide, height = place
    days = max((span[1] - span[0]).days, 1)
    order = pl.DataFrame({"series": [style.series for style in styles]})
    share = (pl.col(measure.column) - measure.low) / (measure.high - measure.low)
    drawn = (
        rows.filter(pl.col(measure.column).is_finite())
        .join(order.with_row_index("row"), on="series", maintain_order="left")
        .with_columns(run=broken_runs())
        .select(
            "series",
            "day",
            "run",
            "is_backfilled",
            x=(x + wide * (pl.col("day") - span[0]).dt.total_days() / days).round(2),
            y=(pl.col("row") * height + _ROOM + (1 - share) * (height - 2 * _ROOM)).round(2),
        )
    )
    if drawn.is_empty():
        return []
    return dashed_lines(
        with_joints(drawn),
        width=1.6,
        x=pixel_x("x"),
        y=pixel_y("y"),
        detail=["series:N", "run:N"],
        **series_channels(styles),
    )


def _last_values(
    newest: dict[str, dict[str, float]], measure: _Measure, styles: list[SeriesStyle], place: tuple[float, float]
) -> list[alt.Chart]:
    x, height = place
    values = []
    for row, style in enumerate(styles):
        value = newest.get(style.series, {}).get(measure.column)
        share = 0.5 if value is None else (value - measure.low) / (measure.high - measure.low)
        at = min(max(_ROOM + (1 - share) * (height - 2 * _ROOM), _ROOM + 2), height - _ROOM - 2)
        ink = GREY if value is None else style.color
        values.append({"x": x + 6, "y": row * height + at, "text": measure.text(value), "ink": ink})
    return [texts(values, fontSize=_VALUE_SIZE, fontWeight="bold")]


def _rulings(rows: int, height: float, lefts: list[float], wide: float, left: float) -> list[alt.Chart]:
    """Lines between the rows, and in each panel the one that it is read against."""
    right = lefts[-1] + wide + _VALUE
    between = [{"x": EDGE - left, "x2": right, "y": height * row} for row in range(rows + 1)]
    middles = [{"x": x, "x2": x + wide, "y": height * (row + 0.5)} for x in lefts for row in range(rows)]
    return [
        rules(between, color=GRID, strokeWidth=1),
        rules(middles, color=REFERENCE, strokeWidth=1, strokeDash=[1, 3]),
    ]


def _names(names: list[RowName], height: float, x: float) -> list[alt.Chart]:
    """Names of the rows and, below them, how many coins they have."""
    layers = []
    for shift, size, weight, is_detail in ((-7, NAME_SIZE, "bold", False), (8, DETAIL_SIZE, "normal", True)):
        values = [
            {
                "x": x,
                "y": height * (row + 0.5) + shift,
                "text": shorten(name.detail if is_detail else name.text, size, NAME_MAX),
                "ink": GREY if is_detail else name.ink,
            }
            for row, name in enumerate(names)
        ]
        layers.append(texts(values, fontSize=size, fontWeight=weight))
    return layers


def _heads(
    measures: list[_Measure], lefts: list[float], wide: float, span: tuple[date, date], bottom: float
) -> list[alt.Chart]:
    """Name and scale of each column above it, first and last day below it."""
    heads, quiet, last = [], [], []
    for measure, x in zip(measures, lefts, strict=True):
        ends = "0 to 100%" if measure.is_share else f"\u00b1{value_text(measure.high, 0, signed=False)}"
        heads.append({"x": x, "y": -26, "text": measure.head, "ink": INK})
        quiet.append({"x": x, "y": -10, "text": ends, "ink": GREY})
        quiet.append({"x": x, "y": bottom + 12, "text": day_text(span[0]), "ink": GREY})
        last.append({"x": x + wide, "y": bottom + 12, "text": day_text(span[1]), "ink": GREY})
    return [
        texts(heads, fontSize=_HEAD_SIZE, fontWeight="bold"),
        texts(quiet, fontSize=_DAY_SIZE),
        texts(last, fontSize=_DAY_SIZE, align="right"),
    ]


def _title(styles: list[SeriesStyle], newest: dict[str, dict[str, float]], spec: BreadthSpec) -> str:
    """Whom most coins stand above their average of, beside the cohort."""
    above = {
        style.label: value
        for style in styles
        if (value := newest.get(style.series, {}).get("above_ema_50_pct")) is not None and style.series != COHORT_SERIES
    }
    cohort = newest.get(COHORT_SERIES, {}).get("above_ema_50_pct")
    of_all = "" if cohort is None else f" ({value_text(cohort, 0, signed=False)}% of all coins in ranges)"
    if not above:
        return f"{spec.category}: breadth{of_all}"
    name, most = max(above.items(), key=lambda each: each[1])
    if most == 0:
        return f"{spec.category}: no coin stands above its 50-day average{of_all}"
    leads = "in" if list(above.values()).count(most) == 1 else "at most, in"
    share = value_text(most, 0, signed=False)
    return f"{spec.category}: {share}% of coins above their 50-day average {leads} {name}{of_all}"


def _notes(
    rows: pl.DataFrame, styles: list[SeriesStyle], newest: dict[str, dict[str, float]], spec: BreadthSpec
) -> list[str]:
    notes = [
        "McClellan: EMA 19 less EMA 39 of 1000 (rising \u2212 falling) / (rising + falling)",
        "bitcoin is not counted among those that beat it",
        "n: coins with a price on both of the last two days; fewer than 8 have no measure",
    ]
    if rows.get_column("is_backfilled").any():
        notes.append(NOTE)
    if len(styles) == ROWS_MOST < len(spec.series):
        notes.append(f"the first {ROWS_MOST} of {len(spec.series)} series")
    else:
        notes += note_of("never 8 coins", [style.label for style in spec.series if style not in styles])
    return notes


def _coins_text(row: dict[str, float] | None) -> str:
    return "n 0" if row is None else f"n {row['n']:,}"
