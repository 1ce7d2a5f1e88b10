"""What a model was worth: its reliability curve beside the AUC of each asset, with intervals."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import altair as alt
import polars as pl

from marketflows_pipeline.charts.cross_asset.model_figures import (
    HEADLINE_NAMES,
    KIND_NAMES,
    Figure,
    ablation_text,
    auc_of_assets,
    figure,
    figures,
    is_synthetic,
    verdict,
)
from marketflows_pipeline.charts.cross_asset.spec import ModelSpec, shown_symbols
from marketflows_pipeline.charts.cross_asset.wording import not_drawn_notes
from marketflows_pipeline.charts.style.axes import name_axis
from marketflows_pipeline.charts.style.frame import EDGE, Frame, framed, panel
from marketflows_pipeline.charts.style.layout import text_width
from marketflows_pipeline.charts.style.marks import FILL, note, records, reference_line
from marketflows_pipeline.charts.style.theme import FALL_INK, GREY, INK, INTO, REFERENCE
from marketflows_pipeline.charts.style.time_axis import as_of
from marketflows_pipeline.charts.style.wording import counted, moment, value_text
from marketflows_pipeline.models.verdicts import ALL, HEADLINES, MEAN_OF_ASSETS

RANKED = {
    "direction": "a rise was ranked above a fall",
    "rank": "the better half was ranked above the worse",
}
TARGET_TITLES = {
    "direction": "will the close be higher in {}?",
    "rank": "will it beat the median in {}?",
}
# What stands above the assets: metric and scope by name.
SUMS = {"mean of assets": ("auc", MEAN_OF_ASSETS), "by date": ("date_auc", ALL)}

_TEXT = 12.0
_LEFT = 58
_HEADER = 38
_BETWEEN = 62
_RELIABILITY_SHARE = 0.44
_COUNTS, _COUNTS_GAP = 40, 40
_VALUE_COLUMN = 124
_ROW_MOST = 40
_LEAST_SPAN = 0.1
_LEAST_AUC_SPAN = 0.06
_QUIET: dict[str, Any] = {"grid": False, "labelPadding": 4}


@framed
def model_chart(frame: pl.DataFrame, spec: ModelSpec) -> alt.LayerChart:
    """Draw how honest a model's probabilities were and how well it ranked.

    Left, each bin of forecasts: how often the target came against how often the model said, with the diagonal of a
    perfectly calibrated model, intervals, and how many forecasts fell into the bin. Right, the AUC of each asset, of
    their mean and by date, with intervals and the line of 0.5, which is worth nothing; on an axis symmetric around it.
    """
    rows = auc_rows(frame, spec)
    page = Frame(
        title=_title(frame, spec),
        subtitle=_subtitle(frame, spec),
        footer=_footer(frame, rows, spec),
        left=_LEFT,
        above=_HEADER + 8,
        below=44,
    )
    reliability = round(page.plot_width * _RELIABILITY_SHARE)
    planted = spec.planted_auc if is_synthetic(frame) else None
    headers = (
        (EDGE - _LEFT, "How often the target came", "against how often the model said (dashed: equally often)"),
        (
            reliability + _BETWEEN,
            "AUC of each asset with 95% interval:",
            f"how often {RANKED[spec.target]} by the model",
        ),
    )
    return page.draw(
        [
            *_reliability_panels(reliability_points(frame), reliability, page.plot_height),
            _auc_panel(rows, planted, reliability + _BETWEEN, page),
            *(note(lines, x=x, y=8 - _HEADER, lineHeight=15) for x, *lines in headers),
        ],
        independent=("x", "y"),
    )


def auc_rows(frame: pl.DataFrame, spec: ModelSpec) -> dict[str, Figure]:
    """AUC of what is drawn by name, sums first."""
    sums = {name: figure(frame, metric, scope) for name, (metric, scope) in SUMS.items()}
    assets = auc_of_assets(frame)
    shown = shown_symbols(assets, spec.symbols)[: spec.most]
    return {name: each for name, each in sums.items() if each} | {symbol: assets[symbol] for symbol in shown}


def auc_span(values: Collection[float]) -> float:
    """How far an axis symmetric around 0.5 reaches to hold all values, 0.5 at most."""
    return min(0.5, max(_LEAST_AUC_SPAN, 1.08 * max(abs(value - 0.5) for value in values)))


def reliability_points(frame: pl.DataFrame) -> list[dict[str, float]]:
    """Each bin with forecasts: predicted and observed frequency, its interval (low, high), and the count (n)."""
    predicted = figures(frame, "reliability_predicted")
    return [
        {"predicted": predicted[scope].value, "observed": each.value, **_interval(each), "n": each.n}
        for scope, each in figures(frame, "reliability").items()
        if scope in predicted
    ]


def _interval(of: Figure) -> dict[str, float]:
    """Ends of the interval; without one the figure itself, twice."""
    return {
        "low": of.value if of.lower is None else of.lower,
        "high": of.value if of.upper is None else of.upper,
    }


def _title(frame: pl.DataFrame, spec: ModelSpec) -> str:
    question = TARGET_TITLES[spec.target].format(counted(spec.horizon, "session"))
    synthetic = " (made-up data)" if is_synthetic(frame) else ""
    return f"Model test: {question}{synthetic}"


def _subtitle(frame: pl.DataFrame, spec: ModelSpec) -> list[str]:
    parts = [verdict(frame, spec.target), ablation_text(frame, spec.target)]
    skill = figure(frame, "brier_skill", ALL)
    if skill is not None:
        parts.append(f"Brier skill over the base rate {skill.text(signed=True)}")
    found = figure(frame, *HEADLINES[spec.target])
    if is_synthetic(frame) and spec.planted_auc is not None and found is not None:
        planted = value_text(spec.planted_auc, 3, signed=False)
        parts.append(f"planted AUC {planted}, found {found.text()} ({HEADLINE_NAMES[spec.target]})")
    return parts


def _footer(frame: pl.DataFrame, rows: Mapping[str, Figure], spec: ModelSpec) -> list[str]:
    return [
        spec.source,
        f"trained {moment(as_of(frame, 'trained_at'))}",
        f"{KIND_NAMES.get(spec.kind, spec.kind)}, purged walk-forward by date",
        "lines: 95% intervals by block bootstrap over dates",
        "AUC 0.5: no better than chance",
        "not investment advice",
        *not_drawn_notes("not drawn", auc_of_assets(frame).keys() - rows.keys(), spec.symbols),
        *spec.notes,
    ]


def _reliability_panels(points: Sequence[Mapping[str, float]], width: float, height: float) -> list[alt.LayerChart]:
    """The curve, and below it how many forecasts each bin holds."""
    low, high = _probabilities(points)
    counts_top = height - _COUNTS
    most = max(point["n"] for point in points)
    base = records(points)
    # Without the padding that Vega-Lite gives bars, they would not stand below their dots.
    scale = alt.Scale(domain=[low, high], range=[0, width], nice=False, zero=False, padding=0)
    y_scale = alt.Scale(domain=[low, high], range=[counts_top - _COUNTS_GAP, 0], nice=False, zero=False)
    x = alt.X("predicted:Q", scale=scale, axis=None)
    y = alt.Y("observed:Q", scale=y_scale, axis=alt.Axis(title=None, format=".0%", tickCount=6, **_QUIET))
    diagonal = records([{"predicted": low, "observed": low, "x2": high, "y2": high}])
    curve = panel(
        [
            diagonal.mark_rule(color=REFERENCE, strokeDash=[4, 3], strokeWidth=1.2).encode(x=x, y=y, x2="x2", y2="y2"),
            base.mark_rule(color=INTO, strokeWidth=1.6, opacity=0.7).encode(
                x=x, y=alt.Y("low:Q", scale=y_scale), y2="high"
            ),
            base.mark_line(color=INTO, strokeWidth=1.2, opacity=0.5).encode(x=x, y=y, order="predicted:Q"),
            base.mark_point(color=INTO, filled=True, opacity=1, size=52).encode(x=x, y=y),
        ]
    )
    axis = alt.Axis(title="forecast probability", titleAnchor="end", format=".0%", tickCount=6, **_QUIET)
    n_scale = alt.Scale(domain=[0, most], range=[height, counts_top], nice=False)
    most_text = f"forecasts in each bin (the largest {value_text(most, 0, signed=False)})"
    counts = panel(
        [
            base.mark_bar(color=REFERENCE, width=9).encode(
                x=alt.X("predicted:Q", scale=scale, axis=axis), y=alt.Y("n:Q", scale=n_scale, axis=None)
            ),
            note(most_text, x=0, y=counts_top - 12, fontSize=11),
        ]
    )
    return [curve, counts]


def _probabilities(points: Sequence[Mapping[str, float]]) -> tuple[float, float]:
    """Span of both axes of the reliability curve: every point and interval, within 0 and 1."""
    values = [value for point in points for name, value in point.items() if name != "n"]
    low, high = min(values), max(values)
    room = max(0.06 * (high - low), (_LEAST_SPAN - (high - low)) / 2)
    return max(0.0, low - room), min(1.0, high + room)


def _auc_panel(rows: Mapping[str, Figure], planted: float | None, left: float, page: Frame) -> alt.LayerChart:
    names = max(text_width(name, _TEXT, bold=True) for name in rows) + 12
    foot = min(_ROW_MOST, page.plot_height / len(rows)) * len(rows)
    points: list[dict[str, Any]] = [
        {"name": name, "auc": each.value, **_interval(each), "text": each.text(), "fill": INK if name in SUMS else INTO}
        for name, each in rows.items()
    ]
    marked = [0.5] if planted is None else [0.5, planted]
    span = auc_span([*marked, *(value for point in points for value in (point["low"], point["auc"], point["high"]))])
    domain, places = [0.5 - span, 0.5 + span], [left + names, page.plot_width - _VALUE_COLUMN]
    scale = alt.Scale(domain=domain, range=places, nice=False, zero=False)
    axis = alt.Axis(title=None, orient="bottom", format=".2f", tickCount=5, offset=foot - page.plot_height, **_QUIET)
    x = alt.X("auc:Q", scale=scale, axis=axis)
    is_sum = {"test": f"indexof({list(SUMS)}, datum.value) >= 0", "value": "bold"}
    names_axis = name_axis(
        orient="left",
        offset=-left,
        labelAlign="left",
        labelPadding=0,
        labelFontSize=_TEXT,
        labelFontWeight={"condition": is_sum, "value": "normal"},
    )
    band = alt.Scale(domain=list(rows), range=[0, foot], padding=0)
    y = alt.Y("name:N", sort=None, axis=names_axis, scale=band)
    base = records(points)
    layers = [
        reference_line("auc", 0.5, y=0, y2=foot).encode(x=x),
        base.mark_rule(strokeWidth=1.6, opacity=0.7).encode(x=alt.X("low:Q", scale=scale), x2="high", y=y, color=FILL),
        base.mark_point(filled=True, opacity=1, size=52).encode(x=x, y=y, color=FILL),
        base.mark_text(align="right", baseline="middle", fontSize=_TEXT, color=GREY, x=page.plot_width).encode(
            y=y, text="text:N"
        ),
    ]
    if planted is not None:
        text = f"planted {value_text(planted, 3, signed=False)}"
        label = records([{"auc": planted}]).mark_text(text=text, color=FALL_INK, fontSize=_TEXT, y=foot + 34)
        line = reference_line("auc", planted, y=0, y2=foot, color=FALL_INK, strokeWidth=1.4, strokeDash=[4, 3])
        layers += [line.encode(x=x), label.encode(x=x)]
    return panel(layers)
