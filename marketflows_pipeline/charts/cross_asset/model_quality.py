"""What a model was worth: its reliability curve beside the AUC of each asset, with intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import polars as pl

from marketflows_pipeline.charts.cross_asset.model_figures import (
    HEADLINE_NAMES,
    KIND_NAMES,
    Figure,
    ReliabilityBin,
    ablation_text,
    auc_of_assets,
    figure,
    is_synthetic,
    reliability_bins,
    trained_at,
    verdict,
)
from marketflows_pipeline.charts.cross_asset.spec import ModelSpec, shown_symbols
from marketflows_pipeline.charts.cross_asset.wording import sessions_text
from marketflows_pipeline.charts.exchanges.wording import names_text
from marketflows_pipeline.charts.style.axes import pixel_x, pixel_y
from marketflows_pipeline.charts.style.frame import EDGE, Frame, framed
from marketflows_pipeline.charts.style.layout import Box, text_width
from marketflows_pipeline.charts.style.theme import FALL_INK, GREY, GRID, INK, INTO, REFERENCE
from marketflows_pipeline.charts.style.wording import moment, value_text
from marketflows_pipeline.models.verdicts import ALL, HEADLINES, MEAN_OF_ASSETS

DOT_FILL, PLANTED_INK = INTO, FALL_INK
RANKED = {
    "direction": "a rise was ranked above a fall",
    "rank": "the better half was ranked above the worse",
}
TARGET_TITLES = {
    "direction": "will the close be higher in {}?",
    "rank": "will it beat the median in {}?",
}

_TEXT = 12.0
_LEFT = 58
_HEADER = 38
_BETWEEN = 62
_RELIABILITY_SHARE = 0.44
_COUNTS = 56
_VALUE_COLUMN = 124
_ROW_MOST = 40
_LEAST_SPAN = 0.1
_LEAST_AUC_SPAN = 0.06
_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.25)


@dataclass(frozen=True)
class _Scale:
    """From a figure to pixels; ``start`` is where ``low`` is, ``end`` where ``high`` is."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self, most: int = 6) -> list[float]:
        step = next((step for step in _STEPS if (self.high - self.low) / step < most), 0.5)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [round(number * step, 4) for number in range(first, last + 1)]


@framed
def model_chart(frame: pl.DataFrame, spec: ModelSpec) -> alt.LayerChart:
    """Draw how honest a model's probabilities were and how well it ranked, 960 x 720 pixels.

    Left, each bin of forecasts: how often the target came against how often the model said, with the diagonal of a
    perfectly calibrated model, intervals, and how many forecasts fell into the bin. Right, the AUC of each asset, of
    their mean and by date, with intervals and the line of 0.5, which is worth nothing; on an axis symmetric around it.

    Args:
        frame: rows of ``mart.model_evaluation`` of one model: variant, metric, scope, value, lower_95, upper_95, n,
            trained_at, is_synthetic.
        spec: what the picture says.

    Returns:
        A layered chart: both panels, headline of the ablation and verdict in the subtitle, footer.

    """
    bins, rows = reliability_bins(frame), auc_rows(frame, spec)
    subtitle = subtitle_lines(_subtitle_parts(frame, spec), WIDTH)
    footer = footer_lines([spec.source, f"trained {moment(trained_at(frame))}", *_notes(frame, rows, spec)], WIDTH)
    top = title_height(subtitle) + 8 + _HEADER
    bottom = 56 + footer_height(footer)
    width, height = WIDTH - _LEFT - EDGE, HEIGHT - top - bottom
    reliability = round(width * _RELIABILITY_SHARE)
    planted = spec.planted_auc if is_synthetic(frame) else None
    layers = [
        *_reliability_layers(bins, reliability, height),
        *_auc_layers(rows, planted, spec, Box(reliability + _BETWEEN, 0, width, height)),
        page_footer(footer, left=_LEFT, y=height + 46),
    ]
    return page(
        layers,
        title=page_title(_title(frame, spec), subtitle, width=WIDTH, left=_LEFT, offset=10),
        size=(WIDTH, HEIGHT),
        margins=(_LEFT, top, EDGE, bottom),
    )


def auc_rows(frame: pl.DataFrame, spec: ModelSpec) -> list[tuple[str, Figure, bool]]:
    """Name and AUC of what is drawn, sums first; the last tells sums from single assets."""
    sums = [
        (name, figure(frame, metric, scope), True)
        for name, metric, scope in (("mean of assets", "auc", MEAN_OF_ASSETS), ("by date", "date_auc", ALL))
    ]
    assets = auc_of_assets(frame)
    shown = shown_symbols(list(assets), spec.symbols)[: spec.most]
    return [
        *((name, found, is_sum) for name, found, is_sum in sums if found is not None),
        *((symbol, assets[symbol], False) for symbol in shown),
    ]


def auc_span(figures: Sequence[Figure], planted: float | None) -> float:
    """How far an axis symmetric around 0.5 reaches to hold all figures and intervals, 0.5 at most."""
    ends = [value for each in figures for value in (each.value, each.lower, each.upper) if value is not None] + (
        [] if planted is None else [planted]
    )
    return min(0.5, max(_LEAST_AUC_SPAN, 1.08 * max(abs(value - 0.5) for value in ends)))


def _title(frame: pl.DataFrame, spec: ModelSpec) -> str:
    question = TARGET_TITLES[spec.target].format(sessions_text(spec.horizon))
    synthetic = " (synthetic data)" if is_synthetic(frame) else ""
    return f"Model test: {question}{synthetic}"


def _subtitle_parts(frame: pl.DataFrame, spec: ModelSpec) -> list[str]:
    parts = [verdict(frame, spec.target), ablation_text(frame, spec.target)]
    skill = figure(frame, "brier_skill", ALL)
    if skill is not None:
        parts.append(f"Brier skill over the base rate {skill.text(signed=True)}")
    found = figure(frame, *HEADLINES[spec.target])
    if is_synthetic(frame) and spec.planted_auc is not None and found is not None:
        planted = value_text(spec.planted_auc, 3, signed=False)
        parts.append(f"planted AUC {planted}, found {found.text()} ({HEADLINE_NAMES[spec.target]})")
    return parts


def _notes(frame: pl.DataFrame, rows: Sequence[tuple[str, Figure, bool]], spec: ModelSpec) -> list[str]:
    kind = KIND_NAMES.get(spec.kind, spec.kind)
    notes = [
        f"{kind}, purged walk-forward by date",
        "lines: 95% intervals by block bootstrap over dates",
        "AUC 0.5: no better than chance",
        "not investment advice",
    ]
    drawn = {name for name, _, _ in rows}
    more = shown_symbols([symbol for symbol in auc_of_assets(frame) if symbol not in drawn], spec.symbols)
    if more:
        notes.append(f"not drawn: {names_text(more)}")
    if is_synthetic(frame):
        notes.append("synthetic data: nothing here is about real markets")
    return [*notes, *spec.notes]


def _reliability_layers(bins: Sequence[ReliabilityBin], width: float, height: float) -> list[alt.Chart]:
    low, high = _probabilities(bins)
    counts_top = height - _COUNTS
    x = _Scale(low, high, 0, width)
    y = _Scale(low, high, counts_top - 24, 0)
    most = max(each.observed.n for each in bins) or 1
    ticks_x, ticks_y = x.ticks(), y.ticks()
    points: list[dict[str, Any]] = [
        {
            "x": x(each.predicted),
            "y": y(each.observed.value),
            "low": y(each.observed.value if each.observed.lower is None else each.observed.lower),
            "high": y(each.observed.value if each.observed.upper is None else each.observed.upper),
            "foot": height,
            "counts_top": height - (_COUNTS - 16) * each.observed.n / most,
        }
        for each in bins
    ]
    base = alt.Chart(alt.InlineData(values=points))
    rules = [{"y": y(tick)} for tick in ticks_y]
    most_text = f"forecasts in each bin (the largest {value_text(most, 0, signed=False)})"
    return [
        _heads(
            [
                ("How often the target came", -_LEFT + EDGE),
                ("against how often the model said (dashed: equally often)", None),
            ]
        ),
        alt.Chart(alt.InlineData(values=rules)).mark_rule(color=GRID, x=0, x2=width).encode(y=pixel_y("y")),
        alt.Chart(alt.InlineData(values=[{"x": 0, "y": y(low), "x2": width, "y2": 0}]))
        .mark_rule(color=REFERENCE, strokeDash=[4, 3], strokeWidth=1.2)
        .encode(x=pixel_x("x"), y=pixel_y("y"), x2="x2", y2="y2"),
        base.mark_rule(color=DOT_FILL, strokeWidth=1.6, opacity=0.7).encode(
            x=pixel_x("x"), y=pixel_y("low"), y2="high"
        ),
        base.mark_line(color=DOT_FILL, strokeWidth=1.2, opacity=0.5).encode(
            x=pixel_x("x"), y=pixel_y("y"), order="x:Q"
        ),
        base.mark_point(color=DOT_FILL, filled=True, opacity=1, size=52).encode(x=pixel_x("x"), y=pixel_y("y")),
        base.mark_rule(color=REFERENCE, strokeWidth=9).encode(x=pixel_x("x"), y=pixel_y("foot"), y2="counts_top"),
        _texts([(_percent(tick), -8, y(tick)) for tick in ticks_y], "right"),
        _texts([(_percent(tick), x(tick), height + 13) for tick in ticks_x], "center"),
        _texts([(most_text, 0, counts_top + 4)], "left", 11),
        _texts([("forecast probability", width, height + 29)], "right"),
    ]


def _heads(lines: Sequence[tuple[str, float | None]]) -> alt.Chart:
    """Two lines of a panel's head, both from the place of the first."""
    left = lines[0][1]
    records = [{"text": text, "x": left, "y": -_HEADER + 8 + 15 * place} for place, (text, _) in enumerate(lines)]
    chart: alt.Chart = (
        alt.Chart(alt.InlineData(values=records))
        .mark_text(align="left", baseline="middle", fontSize=_TEXT, color=GREY)
        .encode(x=pixel_x("x"), y=pixel_y("y"), text="text:N")
    )
    return chart


def _texts(records: Sequence[tuple[str, float, float]], align: Any, size: float = _TEXT) -> alt.Chart:  # noqa: ANN401
    values = [{"text": text, "x": x, "y": y} for text, x, y in records]
    chart: alt.Chart = (
        alt.Chart(alt.InlineData(values=values))
        .mark_text(align=align, baseline="middle", fontSize=size, color=GREY)
        .encode(x=pixel_x("x"), y=pixel_y("y"), text="text:N")
    )
    return chart


def _probabilities(bins: Sequence[ReliabilityBin]) -> tuple[float, float]:
    """Span of both axes of the reliability curve: every point and interval, within 0 and 1."""
    values = [
        value
        for each in bins
        for value in (each.predicted, each.observed.value, each.observed.lower, each.observed.upper)
        if value is not None
    ]
    low, high = min(values), max(values)
    room = max(0.06 * (high - low), (_LEAST_SPAN - (high - low)) / 2)
    return max(0.0, low - room), min(1.0, high + room)


def _auc_layers(
    rows: Sequence[tuple[str, Figure, bool]], planted: float | None, spec: ModelSpec, place: Box
) -> list[alt.Chart]:
    left, right, height, ranked = place.left, place.right, place.bottom, RANKED[spec.target]
    names = max(text_width(name, _TEXT, bold=True) for name, _, _ in rows) + 12
    span = auc_span([each for _, each, _ in rows], planted)
    x = _Scale(0.5 - span, 0.5 + span, left + names, right - _VALUE_COLUMN)
    row = min(_ROW_MOST, height / len(rows))
    foot = row * len(rows)
    records = [
        {
            "name": name,
            "x": x(each.value),
            "low": x(each.value if each.lower is None else each.lower),
            "high": x(each.value if each.upper is None else each.upper),
            "y": (number + 0.5) * row,
            "text": each.text(),
            "weight": "bold" if is_sum else "normal",
            "ink": INK if is_sum else GREY,
            "fill": INK if is_sum else DOT_FILL,
        }
        for number, (name, each, is_sum) in enumerate(rows)
    ]
    base = alt.Chart(alt.InlineData(values=records))
    ticks = x.ticks(5)
    lines = [{"x": x(tick)} for tick in ticks if tick != 0.5]
    fill = alt.Color("fill:N", scale=None)
    layers = [
        _heads([("AUC of each asset with 95% interval:", left), (f"how often {ranked} by the model", None)]),
        alt.Chart(alt.InlineData(values=lines)).mark_rule(color=GRID, y=0, y2=foot).encode(x=pixel_x("x")),
        alt.Chart(alt.InlineData(values=[{"x": x(0.5)}]))
        .mark_rule(color=REFERENCE, strokeWidth=1.2, y=0, y2=foot)
        .encode(x=pixel_x("x")),
        base.mark_rule(strokeWidth=1.6, opacity=0.7).encode(x=pixel_x("low"), x2="high", y=pixel_y("y"), color=fill),
        base.mark_point(filled=True, opacity=1, size=52).encode(x=pixel_x("x"), y=pixel_y("y"), color=fill),
        base.mark_text(align="right", baseline="middle", fontSize=_TEXT, color=GREY, x=right).encode(
            y=pixel_y("y"), text="text:N"
        ),
        _texts([(value_text(tick, 2, signed=False), x(tick), foot + 13) for tick in ticks], "center"),
    ]
    for is_sum in (True, False):
        some = [record for record in records if (record["weight"] == "bold") == is_sum]
        if some:
            layers.append(
                alt.Chart(alt.InlineData(values=some))
                .mark_text(
                    align="left",
                    baseline="middle",
                    fontSize=_TEXT,
                    fontWeight="bold" if is_sum else "normal",
                    color=INK,
                    x=left,
                )
                .encode(y=pixel_y("y"), text="name:N")
            )
    if planted is not None:
        text = f"planted {value_text(planted, 3, signed=False)}"
        layers += [
            alt.Chart(alt.InlineData(values=[{"x": x(planted)}]))
            .mark_rule(color=PLANTED_INK, strokeWidth=1.4, strokeDash=[4, 3], y=0, y2=foot)
            .encode(x=pixel_x("x")),
            alt.Chart(alt.InlineData(values=[{"x": x(planted), "text": text}]))
            .mark_text(align="center", baseline="middle", fontSize=_TEXT, color=PLANTED_INK, y=foot + 29)
            .encode(x=pixel_x("x"), text="text:N"),
        ]
    return layers


def _percent(probability: float) -> str:
    return f"{value_text(100 * probability, 0, signed=False)}%"
