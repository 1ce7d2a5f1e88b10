"""What the specifications of all charts of the page share: named data, look, singled-out series, times in UTC."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec

from marketflows_pipeline.charts.style.theme import GREY, GRID, INK, PALETTE
from marketflows_pipeline.report.kept_specs import Spec, kept_or_built

if TYPE_CHECKING:
    import altair as alt

_P = ParamSpec("_P")

# The signal that holds the series singled out in all charts; empty for none.
SINGLED_OUT = "hl"
FADED = 0.15
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'Helvetica Neue', Arial, sans-serif"

VEGA_CONFIG: dict[str, Any] = {
    "autosize": {"type": "fit-x", "contains": "padding"},
    "background": None,
    "font": FONT,
    "padding": {"left": 2, "right": 4, "top": 4, "bottom": 2},
    "view": {"stroke": None},
    "range": {"category": list(PALETTE)},
    # Otherwise every point is a place of its own for screen readers; the chart as a whole is described.
    "mark": {"aria": False, "color": PALETTE[0]},
    "line": {"strokeWidth": 2, "strokeJoin": "round", "strokeCap": "round"},
    "rule": {"color": GREY},
    "text": {"color": INK, "fontSize": 12},
    "style": {"guide-label": {"fill": GREY}, "guide-title": {"fill": GREY}, "group-title": {"fill": INK}},
    "axis": {
        "labelColor": GREY,
        "labelFontSize": 12,
        "titleColor": GREY,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "gridColor": GRID,
        "domainColor": GRID,
        "tickColor": GRID,
        "labelFlush": False,
    },
    # About one label every 110 px, so that a phone's chart stays readable.
    "axisX": {"grid": False, "tickCount": {"expr": "max(2, ceil(width / 110))"}, "labelOverlap": True},
    "axisY": {"domain": False, "ticks": False, "labelPadding": 6, "tickCount": 5},
    "header": {"labelColor": INK, "labelFontSize": 12, "titleColor": GREY, "titleFontWeight": "normal"},
    "legend": {
        "labelColor": INK,
        "labelFontSize": 12,
        "titleColor": GREY,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
    },
    "title": {"color": INK, "subtitleColor": GREY, "fontSize": 13, "anchor": "start"},
}
_SCALED = frozenset({"x", "y", "color", "fill", "stroke", "opacity", "size"})
_UTC = "utc"
_TO_THE_MINUTE = "utcyearmonthdatehoursminutes"


def series_of(pairs: Sequence[tuple[str, str]]) -> tuple[tuple[str, str, str], ...]:
    """Key, label and colour of each series, from (key, label) pairs in sort order."""
    return tuple((key, label, PALETTE[place % len(PALETTE)]) for place, (key, label) in enumerate(pairs))


def by_series(key: str, series: Sequence[tuple[str, str, str]]) -> alt.Color:
    """Each series in its own colour, without a legend: the page has buttons for that."""
    import altair as alt

    scale = alt.Scale(domain=[each[0] for each in series], range=[each[2] for each in series])
    return alt.Color(f"{key}:N", scale=scale, legend=None)


def fading(key: str, opacity: float = 1.0) -> alt.OpacityValue:
    """Opacity that fades every series but the one singled out."""
    import altair as alt

    others = f"{SINGLED_OUT} != '' && datum['{key}'] != {SINGLED_OUT}"
    return alt.OpacityValue(opacity, condition={"test": others, "value": FADED})


def kept_spec(build: Callable[_P, Spec]) -> Callable[_P, Spec]:
    """A function that builds a specification, from the earlier page where its arguments are the same.

    It is built without Altair's check of every part: three quarters of its time. Tests hold the specifications to
    Vega-Lite's schema. What changes every hour is no argument, unless the specification depends on it.
    """

    @wraps(build)
    def kept(*args: _P.args, **kwargs: _P.kwargs) -> Spec:
        def built() -> Spec:
            from altair.utils import schemapi

            with schemapi.debug_mode(False):
                return build(*args, **kwargs)

        name = f"{build.__module__}.{build.__qualname__}"
        return kept_or_built(name, (args, sorted(kwargs.items())), built)

    return kept


def spec_of(
    chart: alt.TopLevelMixin,
    dataset: str,
    *,
    height: int = 260,
    signals: Mapping[str, Any] | None = None,
    inputs: Iterable[Spec] = (),
) -> Spec:
    """A chart as the page draws it: as wide as its card, without data, theme or schema.

    Args:
        chart: an Altair chart or layers of charts; titles stand in the page, not in it.
        dataset: name of its data.
        height: of the plot, px; a number also where rows have steps, since a step would make the page log a warning.
        signals: value that each signal begins with, such as ``{"base": "usd"}``.
        inputs: signals with an input of the chart's own, as Vega-Lite's params.
    """
    spec: Spec = chart.to_dict(validate=False)
    for name in ("$schema", "config", "usermeta", "datasets"):
        spec.pop(name, None)
    wanted = ({"name": name, "value": value} for name, value in {SINGLED_OUT: "", **(signals or {})}.items())
    return {
        **spec,
        "data": {"name": dataset},
        "width": "container",
        "height": height,
        "params": [*spec.get("params", ()), *wanted, *inputs],
    }


def in_utc(spec: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
    """A specification whose times are all scaled and written in UTC; what says so already stays as it is."""
    if isinstance(spec, Mapping):
        changed = {key: in_utc(value) for key, value in spec.items()}
        if isinstance(encoding := changed.get("encoding"), Mapping):
            changed["encoding"] = {channel: _channel(channel, value) for channel, value in encoding.items()}
        if isinstance(unit := changed.get("timeUnit"), str) and not unit.startswith(_UTC):
            changed["timeUnit"] = f"{_UTC}{unit}"
        return changed
    if isinstance(spec, list | tuple):
        return [in_utc(each) for each in spec]
    return spec


def _channel(name: str, definition: Any) -> Any:  # noqa: ANN401 - as above
    if isinstance(definition, list):
        return [_channel(name, each) for each in definition]
    if not isinstance(definition, Mapping) or definition.get("type") != "temporal":
        return definition
    if name in _SCALED:
        scale = definition.get("scale")
        if "scale" in definition and scale is None:
            return definition
        return {**definition, "scale": {"type": _UTC, **(scale or {})}}
    if "timeUnit" in definition or "aggregate" in definition:
        return definition
    return {**definition, "timeUnit": _TO_THE_MINUTE}
