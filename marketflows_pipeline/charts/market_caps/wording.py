"""Titles, subtitles and axis titles of line charts and gain tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from marketflows_pipeline.charts.spec import US_DOLLAR, ChartSpec, GainTableSpec, MarketCapSpec
from marketflows_pipeline.charts.style.wording import counted, day_text, moment

MOSTLY_PRICE = "a change of market cap is mostly price"
# Why the total of a range may rise while all its coins fall; growth follows the coins instead.
COUNTED_WHERE_THEY_ARE = "each coin counts for the range it is in at the time"

_DAY, _HOUR, _MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
_SUBJECTS = {0: "change of market cap", 1: "market-cap growth", 2: "market-cap inflection"}
# What is said of the highest series: where it is above zero, and where all are below.
_CLAIMS = {
    0: ("{} led", "{} fell least"),
    1: ("{} grows fastest", "{} shrinks least"),
    2: ("growth of {} rises fastest", "growth of {} falls least"),
}
_SPAN_WORDS = {"w": "week", "d": "day", "h": "hour", "m": "minute"}


class Standing(NamedTuple):
    """Where a series stands at the as-of time; the figure is the value as it is shown."""

    series: str
    label: str
    value: float
    figure: str


def chart_title(spec: ChartSpec, standings: Sequence[Standing], start: str) -> str:
    """The finding of a line chart: the highest series at the last time; a neutral title where none stands out."""
    base = base_phrase(spec)
    ema = f" (EMA {spec.ema_period})" if spec.ema_period > 1 else ""
    subject = f"{_subject(spec.diff_order)} {base}"
    if spec.is_unit:
        ends = [[at.label for at in standings if at.value == end] for end in (1, 0)]
        if all(len(labels) == 1 for labels in ends):
            return f"{spec.category}: {ends[0][0]} highest and {ends[1][0]} lowest by {subject}{ema}"
        return f"{spec.category}: {subject}, scaled 0 to 1{ema}"
    found = _finding(spec, standings, spec.diff_order)
    if found is None:
        return f"{spec.category}: {subject}{ema}"
    since = "" if spec.diff_order else f" since {start}"
    return f"{spec.category}: {found}{_per_step(spec)} {base}{since}{ema}"


def table_title(spec: GainTableSpec, standings: Sequence[Standing], hours: float, bases: str = "") -> str:
    """The finding of a gain table: the highest gain over one offset; a neutral title where none stands out.

    Args:
        spec: of the table.
        standings: of its series over that offset.
        hours: the offset.
        bases: in which bases the gains are; empty for that of the specification alone.
    """
    found = _finding(spec, standings, 0)
    if found is None:
        return f"{spec.category}: percent gains {bases or base_phrase(spec)}"
    span = hours_text(hours)
    return f"{spec.category}: {found} {base_phrase(spec)} in {counted(span[:-1], _SPAN_WORDS[span[-1]])}"


def dollar_first(bases: Iterable[str]) -> list[str]:
    """Base assets in the order of charts: the dollar, where it is among them, then coins by their ids."""
    return sorted(bases, key=lambda base: (base != US_DOLLAR, base))


def base_words(base_asset: str, label: str) -> str:
    """The base within a sentence: "in US dollars", "against BTC"."""
    return "in US dollars" if base_asset == US_DOLLAR else f"against {label}"


def base_phrase(spec: MarketCapSpec) -> str:
    """In which base: "in US dollars" or "against BTC"."""
    return base_words(spec.base_asset, spec.base_label)


def chart_subtitle(spec: ChartSpec, span: timedelta) -> list[str]:
    """What is drawn, over which span, and how it was smoothed, as parts to be joined."""
    what = f"{_subject(spec.diff_order)} {base_phrase(spec)}"
    parts = [
        f"{what[0].upper()}{what[1:]}{', scaled 0 to 1' if spec.is_unit else ''}",
        f"{_cadence(spec.step)}, {_duration(span)}",
        f"EMA {spec.ema_period}" if spec.ema_period > 1 else "no EMA",
    ]
    if spec.diff_order > 0 and spec.smoothing_ema > 1:
        smoothed = {1: "growth", 2: "inflection"}.get(spec.diff_order, "derivative")
        parts.append(f"{smoothed} smoothed with EMA {spec.smoothing_ema}")
    if spec.is_by_size and spec.diff_order == 0:
        parts.append(COUNTED_WHERE_THEY_ARE)
    return parts


def value_axis_title(spec: ChartSpec, start: str) -> str:
    """Quantity and unit of the y axis."""
    if spec.is_unit:
        return "Position between the lowest (0) and the highest (1) at each time"
    if spec.diff_order == 0:
        return f"Change since {start}, %"
    quantity = {1: "Growth", 2: "Change of growth"}.get(spec.diff_order, _derivative(spec.diff_order))
    return f"{quantity}, %{_per_step(spec)} of the value at the start"


def hours_text(hours: float) -> str:
    """Name of an offset: 30m, 4h, 1d, 2d, 1w, 4w."""
    for length, unit in ((168.0, "w"), (24.0, "d")):
        if hours >= length and hours % length == 0:
            return f"{hours / length:g}{unit}"
    return f"{hours:g}h" if hours >= 1 or hours == 0 else f"{hours * 60:g}m"


def start_text(start: datetime, *, is_long: bool) -> str:
    """When a window starts, with the hour where the window is short."""
    return day_text(start) if is_long else moment(start)


def _finding(spec: MarketCapSpec, standings: Sequence[Standing], order: int) -> str | None:
    """The highest series and its figure; None where two share it, where it is zero, or where no words fit.

    The base asset itself takes no part: in its own terms it never moves.
    """
    ranked = sorted((at for at in standings if at.series != spec.base_asset), key=lambda at: at.value, reverse=True)
    if not ranked or order not in _CLAIMS or ranked[0].figure[0].isdigit():
        return None
    top = ranked[0]
    name = f"the range {top.label}" if spec.is_by_size else top.label
    if len(ranked) == 1:
        return f"{name} {top.figure}"
    if ranked[1].figure == top.figure:
        return None
    return f"{_CLAIMS[order][top.value < 0].format(name)}, {top.figure}"


def _subject(order: int) -> str:
    return _SUBJECTS.get(order, f"{_derivative(order)} of market cap")


def _derivative(order: int) -> str:
    return f"{order}{'rd' if order == 3 else 'th'} derivative"


def _per_step(spec: ChartSpec) -> str:
    """By which steps a change is divided: nothing for a level, "/day" for growth, "/day per day" for inflection."""
    step = {_DAY: "day", _HOUR: "hour"}.get(spec.step, _duration(spec.step))
    return f"/{step}{f' per {step}' * (spec.diff_order - 1)}" if spec.diff_order else ""


def _cadence(step: timedelta) -> str:
    return {_DAY: "daily", _HOUR: "hourly (UTC)"}.get(step, f"every {_duration(step)} (UTC)")


def _duration(span: timedelta) -> str:
    """A span in the longest unit of which it is a whole number."""
    for unit, word in ((_DAY, "day"), (_HOUR, "hour")):
        if span % unit == timedelta(0):
            return counted(f"{span // unit}", word)
    return counted(f"{span / _MINUTE:g}", "minute")
