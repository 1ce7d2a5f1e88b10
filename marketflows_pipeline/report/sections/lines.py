"""Lines over time, a colour a series, with what all of them say at the time under the pointer."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from marketflows_pipeline.charts.style.theme import GREY
from marketflows_pipeline.report.gaps import broken_lines
from marketflows_pipeline.report.sections.series import KEY, Series
from marketflows_pipeline.report.specs import SINGLED_OUT, by_series, fading, kept_spec, spec_of

if TYPE_CHECKING:
    import altair as alt

# Up to so many series the pointer shows the value of each; of more the highest, the lowest and the one singled out.
NAMED_EACH = 8
_HIT = "at"


@dataclass(frozen=True)
class Wording:
    """Turns an expression of a figure into one of the words that show it.

    Attributes:
        template: the latter, with ``{figure}`` in place of the former.
    """

    template: str

    def __call__(self, figure: str) -> str:
        """The words of a figure."""
        return self.template.replace("{figure}", figure)


@dataclass(frozen=True)
class Lines:
    """A chart of lines.

    Attributes:
        dataset: name of its rows, which have ``label`` and ``ts``.
        series: key, label and colour of each.
        value: expression of the figure on the vertical axis, of ``datum`` and signals.
        text: turns an expression of a figure into one of the words that show it.
        steps: points of a series, from which the width of what the pointer hits follows.
        is_daily: whether times are days.
        axis: of the values, as Altair's ``Axis`` takes it.
        scale: of the values, as Altair's ``Scale`` takes it.
        dashed: expression that is true where a line is dashed; lines break where it changes.
        strong: the series whose line is thicker than the others'; "" for none.
        filters: expressions that rows must meet.
        note: expression of words in the corner of the plot.
        signals: value that each signal begins with.
        inputs: signals with an input of the chart's own, as Vega-Lite's params.
        height: px.
    """

    dataset: str
    series: Series
    value: str
    text: Wording
    steps: int
    is_daily: bool = True
    axis: dict[str, Any] = field(default_factory=dict)
    scale: dict[str, Any] = field(default_factory=dict)
    dashed: str = ""
    strong: str = ""
    filters: tuple[str, ...] = ()
    note: str = ""
    signals: dict[str, Any] = field(default_factory=dict)
    inputs: tuple[dict[str, Any], ...] = ()
    height: int = 260


def fixed(decimals: int, suffix: str = "", *, signed: bool = False) -> Wording:
    """Words for a figure with so many decimals and a unit."""
    style = f"{'+' if signed else ''},.{decimals}f"
    return Wording(f"format({{figure}}, {json.dumps(style)}) + {json.dumps(suffix)}")


def quoted(text: str) -> str:
    """A text as an expression of Vega has it, which a name from outside cannot leave."""
    return json.dumps(text)


@kept_spec
def line_spec(lines: Lines) -> dict[str, Any]:
    """The specification of the chart."""
    import altair as alt

    rows = alt.Chart(alt.NamedData(lines.dataset))
    x = alt.X("ts:T", scale=alt.Scale(type="utc"), axis=alt.Axis(title=None))
    axis = alt.Axis(**{"title": None, **lines.axis})
    scale = lines.scale if lines.scale.get("type") == "log" else {"zero": False, **lines.scale}
    y = alt.Y("shown:Q", scale=alt.Scale(**scale), axis=axis)
    channels: dict[str, Any] = {
        "x": x,
        "y": y,
        "color": by_series(KEY, lines.series),
        "opacity": fading(KEY),
        "tooltip": alt.Tooltip(f"{KEY}:N", title="Series"),
    }
    if lines.strong:
        is_strong = f"datum.{KEY} === {quoted(lines.strong)} || datum.{KEY} === {SINGLED_OUT}"
        channels["strokeWidth"] = alt.StrokeWidthValue(1.2, condition={"test": is_strong, "value": 2.6})
    drawn = rows
    if lines.dashed:
        drawn = rows.transform_calculate(dash=f"{lines.dashed} ? 1 : 0")
        styles = alt.Scale(domain=[0, 1], range=[[1, 0], [4, 3]])
        channels |= {"detail": ["dash:N"], "strokeDash": alt.StrokeDash("dash:N", legend=None, scale=styles)}
    curves = broken_lines(drawn, KEY, "ts", "shown", look={"clip": True}, **channels)
    layers = [_pointer(rows, x, lines), *curves, *([_note(rows, lines.note)] if lines.note else [])]
    chart = alt.layer(*layers)
    for condition in lines.filters:
        chart = chart.transform_filter(condition)
    return spec_of(
        chart.transform_calculate(shown=lines.value),
        lines.dataset,
        height=lines.height,
        signals=lines.signals,
        inputs=lines.inputs,
    )


def _pointer(rows: alt.Chart, x: alt.X, lines: Lines) -> alt.Chart:
    """A rule at each time, seen under the pointer only, that tells the figures there."""
    import altair as alt

    found = _each_value(rows, lines) if len(lines.series) <= NAMED_EACH else _extremes(rows, lines)
    chart, tooltips = found
    when = "%-d %b %Y" if lines.is_daily else "%-d %b %Y %H:%M UTC"
    under = alt.selection_point(name=_HIT, on="pointerover", clear="pointerout", fields=["ts"], empty=False)
    seen = alt.OpacityValue(0, condition={"param": _HIT, "empty": False, "value": 0.6})
    hit = alt.ExprRef(f"max(2, ceil(width / {max(lines.steps - 1, 1)}))")
    named = [alt.Tooltip("when:N", title="Time"), *tooltips]
    pointer: alt.Chart = (
        chart.transform_calculate(when=f"utcFormat(datum.ts, {quoted(when)})")
        .mark_rule(color=GREY, strokeWidth=hit)
        .encode(x=x, opacity=seen, tooltip=named)
        .add_params(under)
    )
    return pointer


def _each_value(rows: alt.Chart, lines: Lines) -> tuple[alt.Chart, list[alt.Tooltip]]:
    import altair as alt

    places = range(len(lines.series))
    chart = rows.transform_calculate(
        **{f"v{place}": f"datum.{KEY} === {quoted(lines.series[place][0])} ? datum.shown : null" for place in places}
    )
    highest: dict[str, Any] = {f"m{place}": f"max(v{place})" for place in places}
    chart = chart.transform_aggregate(**highest, groupby=["ts"])
    chart = chart.transform_calculate(
        **{f"t{place}": f"isValid(datum.m{place}) ? {lines.text(f'datum.m{place}')} : 'unknown'" for place in places}
    )
    # An empty title would be the field's name.
    return chart, [alt.Tooltip(f"t{place}:N", title=lines.series[place][1] or "(no name)") for place in places]


def _extremes(rows: alt.Chart, lines: Lines) -> tuple[alt.Chart, list[alt.Tooltip]]:
    import altair as alt

    chart = (
        rows.transform_calculate(own=f"datum.{KEY} === {SINGLED_OUT} ? datum.shown : null")
        .transform_filter("isValid(datum.shown)")
        .transform_aggregate(top="argmax(shown)", low="argmin(shown)", single="max(own)", groupby=["ts"])
        .transform_calculate(
            highest=f"datum.top.{KEY} + ' ' + {lines.text('datum.top.shown')}",
            lowest=f"datum.low.{KEY} + ' ' + {lines.text('datum.low.shown')}",
            singled=f"isValid(datum.single) ? {SINGLED_OUT} + ' ' + {lines.text('datum.single')} : 'none'",
        )
    )
    titles = {"highest": "Highest", "lowest": "Lowest", "singled": "Singled out"}
    return chart, [alt.Tooltip(f"{name}:N", title=title) for name, title in titles.items()]


def _note(rows: alt.Chart, words: str) -> alt.Chart:
    """Words in the upper left corner, which signals may change."""
    import altair as alt

    note: alt.Chart = (
        rows.transform_aggregate(n="count()")
        .mark_text(align="left", baseline="bottom", fontSize=11, color=GREY, text=alt.ExprRef(words))
        .encode(**at_pixels(0, -6))
    )
    return note


def at_pixels(x: object, y: object) -> dict[str, Any]:
    """Channels of a mark at a place of the plot: pixels, or expressions of them."""
    import altair as alt

    across: Any = alt.XValue
    up: Any = alt.YValue
    return {"x": across(x), "y": up(y)}


def input_range(name: str, words: str, least: int, most: int, value: int) -> dict[str, Any]:
    """A signal with a slider of the chart's own."""
    bind = {"input": "range", "min": least, "max": most, "step": 1, "name": words}
    return {"name": name, "value": value, "bind": bind}


def input_number(name: str, words: str, numbers: Iterable[int], first: int) -> dict[str, Any]:
    """A signal with a radio button for each number; its values are texts."""
    return input_choice(name, words, [(str(number), str(number)) for number in sorted(numbers)], str(first))


def input_choice(name: str, words: str, options: Sequence[tuple[str, str]], first: str) -> dict[str, Any]:
    """A signal with radio buttons of the chart's own, from (value, label) pairs; it begins with ``first``."""
    values, labels = zip(*options, strict=True)
    bind = {"input": "radio", "options": list(values), "labels": list(labels), "name": words}
    return {"name": name, "value": first, "bind": bind}
