"""What is written on a picture: titles, units, numbers, times."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from marketflows_pipeline.charts.spec import US_DOLLAR, WEEK_HOURS, ChartSpec, GainTableSpec

MINUS = "\u2212"
MOSTLY_PRICE = "a change of market cap is mostly price"
_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)
_SUBJECTS = {0: "market cap", 1: "market-cap growth", 2: "market-cap inflection"}
_ORDINALS = {1: "st", 2: "nd", 3: "rd"}
_SUPERSCRIPTS = {2: "²", 3: "³", 4: "⁴"}
_SCALES = {0: "", 3: "Thousandths", 6: "Millionths", 9: "Billionths"}


def base_phrase(base_asset: str, base_label: str) -> str:
    """In which base: "in US dollars" or "relative to BTC"."""
    return "in US dollars" if base_asset == US_DOLLAR else f"relative to {base_label}"


def chart_title(spec: ChartSpec) -> str:
    """What the chart shows and in which base."""
    unit = ", scaled 0 to 1" if spec.is_unit else ""
    return f"{spec.category}: {_subject(spec.diff_order)} {base_phrase(spec.base_asset, spec.base_label)}{unit}"


def chart_subtitle(spec: ChartSpec, last: datetime) -> list[str]:
    """Period, EMA, smoothing and scaling, as parts to be joined."""
    steps = spec.visible_steps
    window = f"{spec.days} {_plural('day', spec.days)}" if steps is None else f"last {_span(spec.step, steps)}"
    parts = [f"{_cadence(spec.step)}, {window} to {moment(last, spec.step)}"]
    parts.append(f"EMA {spec.ema_period}" if spec.ema_period > 1 else "no EMA")
    if spec.diff_order > 0 and spec.smoothing_ema > 1:
        what = {1: "growth", 2: "inflection"}.get(spec.diff_order, "derivative")
        parts.append(f"{what} smoothed with EMA {spec.smoothing_ema}")
    if spec.diff_order > 0:
        parts.append(MOSTLY_PRICE)
    if spec.is_unit:
        parts.append("at each time the highest series is 1 and the lowest 0")
    return parts


def value_axis_title(spec: ChartSpec, exponent: int) -> str:
    """Unit of the y axis; values are multiplied by 10^exponent when drawn."""
    if spec.is_unit:
        return "Position between the lowest (0) and the highest (1)"
    if spec.diff_order == 0:
        return "Index, start = 1"
    scale = f"{_SCALES[exponent]} of an index point" if exponent else "Index points"
    return f"{scale} (start = 1) per {_per_step(spec.step, spec.diff_order)}"


def scale_exponent(largest: float) -> int:
    """Power of ten (0, 3, 6 or 9) that makes values of this magnitude readable."""
    if largest == 0 or largest >= 1e-3:
        return 0
    return min(9, 3 * math.ceil(-math.log10(largest) / 3))


def value_decimals(spread: float) -> int:
    """Decimals that tell apart values which are this far from each other: to a fiftieth of it or finer."""
    if spread == 0:
        return 2
    return min(6, max(0, 2 - math.floor(math.log10(2 * spread))))


def value_text(value: float, decimals: int, *, signed: bool) -> str:
    """A number for a label: thousands separated, a true minus sign, and never a negative zero."""
    digits = f"{abs(value):,.{decimals}f}"
    if float(digits.replace(",", "")) == 0:
        return digits
    sign = MINUS if value < 0 else "+" if signed else ""
    return sign + digits


def percent_text(gain_pct: float) -> str:
    """A gain for a cell: "+3.4%", "−12.0%", "0.0%", "+1,234%"."""
    return value_text(gain_pct, 1 if abs(gain_pct) < 99.95 else 0, signed=True) + "%"


def hours_text(hours: float) -> str:
    """Name of an offset: 30m, 4h, 1d, 2d, 1w, 4w."""
    for length, unit in ((WEEK_HOURS, "w"), (24.0, "d")):
        if hours >= length and hours % length == 0:
            return f"{hours / length:g}{unit}"
    return f"{hours:g}h" if hours >= 1 or hours == 0 else f"{hours * 60:g}m"


def table_title(spec: GainTableSpec) -> str:
    """What the table shows and in which base."""
    return f"{spec.category}: percent gains {base_phrase(spec.base_asset, spec.base_label)}"


def moment(when: datetime, step: timedelta | None = None) -> str:
    """A time in UTC: "5 Mar 2026 14:00 UTC", on daily data at midnight "5 Mar 2026"."""
    utc = when.astimezone(UTC)
    date = f"{utc.day} {utc:%b %Y}"
    if step is not None and step >= _DAY and (utc.hour, utc.minute) == (0, 0):
        return date
    return f"{date} {utc:%H:%M} UTC"


def footer_parts(source: str, as_of: datetime, notes: Sequence[str]) -> list[str]:
    """Source, as-of time and caveats, as parts to be joined."""
    return [source, f"as of {moment(as_of)}", *notes]


def range_labels(lower_limits_usd: Sequence[float]) -> dict[str, str]:
    """Label of each market-cap range by its series key, from its limits: "$1B to $10B", "above $10B".

    Args:
        lower_limits_usd: lower limits in whole dollars, in any order.
    """
    limits = sorted(lower_limits_usd)
    uppers = [*limits[1:], None]
    return {
        f"{low:.0f}": f"above {dollars(low)}" if high is None else f"{dollars(low)} to {dollars(high)}"
        for low, high in zip(limits, uppers, strict=True)
    }


def dollars(amount: float) -> str:
    """An amount in short: $250M, $1B, $1.5T."""
    for size, unit in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K")):
        if amount >= size:
            return f"${amount / size:.4g}{unit}"
    return f"${amount:.4g}"


def _subject(order: int) -> str:
    return _SUBJECTS.get(order, f"{order}{_ORDINALS.get(order, 'th')} derivative of market cap")


def _plural(word: str, count: int) -> str:
    return word if count == 1 else f"{word}s"


def _cadence(step: timedelta) -> str:
    if step == _DAY:
        return "Daily"
    if step == _HOUR:
        return "Hourly"
    return f"Every {_duration(step)}"


def _span(step: timedelta, steps: int) -> str:
    if step in (_DAY, _HOUR):
        return f"{steps} {'days' if step == _DAY else 'hours'}"
    return f"{steps} steps"


def _duration(step: timedelta) -> str:
    minutes = round(step.total_seconds() / 60)
    return f"{minutes} {_plural('minute', minutes)}"


def _per_step(step: timedelta, order: int) -> str:
    power = "" if order == 1 else _SUPERSCRIPTS.get(order, f"^{order}")
    if step in (_DAY, _HOUR):
        return ("day" if step == _DAY else "hour") + power
    return f"({_duration(step)}){power}" if power else _duration(step)
