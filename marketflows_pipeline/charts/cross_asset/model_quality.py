"""What a model was worth: its reliability curve beside the AUC of each asset, with intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
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
from marketflows_pipeline.charts.style.frame import EDGE, Frame, framed, panel
from marketflows_pipeline.charts.style.layout import text_width
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
_COUNTS = 40
_COUNTS_GAP = 40
_VALUE_COLUMN = 124
_ROW_MOST = 40
_LEAST_SPAN = 0.1
_LEAST_AUC_SPAN = 0.06
_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.25)
_PERCENT = "format(datum.value, '.0%')"


@framed
def model_chart(frame: pl.DataFrame, spec: ModelSpec) -> alt.LayerChart:
    """Draw how honest a model's probabilities were and how well it ranked.

    Left, each bin of forecasts: how often the target came against how often the model said, with the diagonal of a
    perfectly calibrated model, intervals, and how many forecasts fell into the bin. Right, the AUC of each asset, of
    their mean and by date, with intervals and the line of 0.5, which is worth nothing; on an axis symmetric around it.

    Args:
        frame: rows of ``mart.model_evaluation`` of one model: variant, metric, scope, value, lower_95, upper_95, n,
            trained_at, is_synthetic.
        spec: what the chart says.

    Returns:
        Three panels: reliability, counts below it, AUC; headline of the ablation and verdict in the subtitle, footer.
    """
    bins, rows = reliability_bins(frame), auc_rows(frame, spec)
    page = Frame(
        title=_title(frame, spec),
        subtitle=_subtitle(frame, spec),
        footer=[spec.source, f"trained {moment(trained_at(frame))}", *_notes(frame, rows, spec)],
        left=_LEFT,
        above=_HEADER + 8,
        below=44,
    )
    reliability = round(page.plot_width * _RELIABILITY_SHARE)
    planted = spec.planted_auc if is_synthetic(frame) else None
    return page.draw(
        [
            *_reliability_panels(bins, reliability, page.plot_height),
            _auc_panel(rows, planted, reliability + _BETWEEN, page),
            _header(
                ("How often the target came", "against how often the model said (dashed: equally often)"), EDGE - _LEFT
            ),
            _header(
                (
                    "AUC of each asset with 95% interval:",
                    f"how often {RANKED[spec.target]} by the model",
                ),
                reliability + _BETWEEN,
            ),
        ],
        independent=("x", "y"),
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
    ends = [value for each in figures for value in (each.value, *each.ends)]
    ends += [] if planted is None else [planted]
    return min(0.5, max(_LEAST_AUC_SPAN, 1.08 * max(abs(value - 0.5) for value in ends)))


def _title(frame: pl.DataFrame, spec: ModelSpec) -> str:
    question = TARGET_TITLES[spec.target].format(sessions_text(spec.horizon))
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
    return [*notes, *spec.notes]


def _reliability_panels(bins: Sequence[ReliabilityBin], width: float, height: float) -> list[alt.LayerChart]:
    low, high = _probabilities(bins)
    counts_top = height - _COUNTS
    ticks = _ticks(low, high, 6)
    most = max(each.observed.n for each in bins) or 1
    points = [
        {
            "predicted": each.predicted,
            "observed": each.observed.value,
            "low": each.observed.ends[0],
            "high": each.observed.ends[1],
            "n": each.observed.n,
        }
        for each in bins
    ]
    base = alt.Chart(alt.InlineData(values=points))
    labels: dict[str, Any] = {"values": ticks, "labelExpr": _PERCENT, "grid": False, "domain": False, "ticks": False}
    # Without the padding that Vega-Lite gives bars, they would not stand below their dots.
    scale = alt.Scale(domain=[low, high], range=[0, width], nice=False, zero=False, padding=0)
    x = alt.X("predicted:Q", scale=scale, axis=None)
    y_scale = alt.Scale(domain=[low, high], range=[counts_top - _COUNTS_GAP, 0], nice=False, zero=False)
    y = alt.Y("observed:Q", scale=y_scale, axis=alt.Axis(title=None, labelPadding=8, **labels))
    guides = alt.Chart(alt.InlineData(values=[{"observed": tick} for tick in ticks]))
    ends = [{"predicted": low, "observed": low, "x2": high, "y2": high}]
    diagonal = alt.Chart(alt.InlineData(values=ends)).mark_rule(color=REFERENCE, strokeDash=[4, 3], strokeWidth=1.2)
    curve = panel(
        [
            guides.mark_rule(color=GRID, x=0, x2=width).encode(y=y),
            diagonal.encode(x=x, y=y, x2="x2", y2="y2"),
            base.mark_rule(color=DOT_FILL, strokeWidth=1.6, opacity=0.7).encode(
                x=x, y=alt.Y("low:Q", scale=y_scale), y2="high"
            ),
            base.mark_line(color=DOT_FILL, strokeWidth=1.2, opacity=0.5).encode(x=x, y=y, order="predicted:Q"),
            base.mark_point(color=DOT_FILL, filled=True, opacity=1, size=52).encode(x=x, y=y),
        ]
    )
    axis = alt.Axis(title="forecast probability", titleAnchor="end", titlePadding=4, labelPadding=4, **labels)
    n_scale = alt.Scale(domain=[0, most], range=[height, counts_top], nice=False)
    most_text = f"forecasts in each bin (the largest {value_text(most, 0, signed=False)})"
    counts = panel(
        [
            base.mark_bar(color=REFERENCE, width=9).encode(
                x=alt.X("predicted:Q", scale=scale, axis=axis), y=alt.Y("n:Q", scale=n_scale, axis=None)
            ),
            _text(most_text, x=0, y=counts_top - 12, align="left", fontSize=11),
        ]
    )
    return [curve, counts]


def _probabilities(bins: Sequence[ReliabilityBin]) -> tuple[float, float]:
    """Span of both axes of the reliability curve: every point and interval, within 0 and 1."""
    values = [value for each in bins for value in (each.predicted, each.observed.value, *each.observed.ends)]
    low, high = min(values), max(values)
    room = max(0.06 * (high - low), (_LEAST_SPAN - (high - low)) / 2)
    return max(0.0, low - room), min(1.0, high + room)


def _auc_panel(
    rows: Sequence[tuple[str, Figure, bool]], planted: float | None, left: float, page: Frame
) -> alt.LayerChart:
    names = max(text_width(name, _TEXT, bold=True) for name, _, _ in rows) + 12
    span = auc_span([each for _, each, _ in rows], planted)
    ticks = _ticks(0.5 - span, 0.5 + span, 5)
    foot = min(_ROW_MOST, page.plot_height / len(rows)) * len(rows)
    records = [
        {
            "name": name,
            "auc": each.value,
            "low": each.ends[0],
            "high": each.ends[1],
            "text": each.text(),
            "is_sum": is_sum,
            "fill": INK if is_sum else DOT_FILL,
        }
        for name, each, is_sum in rows
    ]
    scale = alt.Scale(
        domain=[0.5 - span, 0.5 + span], range=[left + names, page.plot_width - _VALUE_COLUMN], nice=False, zero=False
    )
    quiet: dict[str, Any] = {"grid": False, "domain": False, "ticks": False, "offset": foot - page.plot_height}
    axis = alt.Axis(title=None, orient="bottom", values=ticks, format=".2f", labelPadding=4, **quiet)
    x = alt.X("auc:Q", scale=scale, axis=axis)
    domain = [name for name, _, _ in rows]
    y = alt.Y("name:N", sort=None, axis=None, scale=alt.Scale(domain=domain, range=[0, foot], padding=0))
    base, fill = alt.Chart(alt.InlineData(values=records)), alt.Color("fill:N", scale=None)
    written: dict[str, Any] = {"baseline": "middle", "fontSize": _TEXT}
    layers = [
        _line([tick for tick in ticks if tick != 0.5], foot, color=GRID).encode(x=x),
        _line([0.5], foot, color=REFERENCE, strokeWidth=1.2).encode(x=x),
        base.mark_rule(strokeWidth=1.6, opacity=0.7).encode(x=alt.X("low:Q", scale=scale), x2="high", y=y, color=fill),
        base.mark_point(filled=True, opacity=1, size=52).encode(x=x, y=y, color=fill),
        base.mark_text(align="right", color=GREY, x=page.plot_width, **written).encode(y=y, text="text:N"),
    ]
    for is_sum, weight in ((True, "bold"), (False, "normal")):
        some = alt.Chart(alt.InlineData(values=[record for record in records if record["is_sum"] is is_sum]))
        named = some.mark_text(align="left", fontWeight=weight, color=INK, x=left, **written)  # type: ignore[arg-type]
        layers.append(named.encode(y=y, text="name:N"))
    if planted is not None:
        text = f"planted {value_text(planted, 3, signed=False)}"
        marked = alt.Chart(alt.InlineData(values=[{"auc": planted}])).mark_text(
            text=text, align="center", color=PLANTED_INK, y=foot + 29, **written
        )
        layers += [
            _line([planted], foot, color=PLANTED_INK, strokeWidth=1.4, strokeDash=[4, 3]).encode(x=x),
            marked.encode(x=x),
        ]
    return panel(layers)


def _ticks(low: float, high: float, most: int) -> list[float]:
    """Round values within a span, fewer than ``most``; the lines of the grid end with their panel, unlike Vega's."""
    step = next((step for step in _STEPS if (high - low) / step < most), 0.5)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(number * step, 4) for number in range(first, last + 1)]


def _line(values: Sequence[float], foot: float, **style: Any) -> alt.Chart:  # noqa: ANN401 - Altair's own fields
    """Vertical lines at values of the AUC."""
    data = alt.InlineData(values=[{"auc": value} for value in values])
    chart: alt.Chart = alt.Chart(data).mark_rule(y=0, y2=foot, **style)
    return chart


def _header(lines: tuple[str, str], x: float) -> alt.Chart:
    """Two lines above a panel."""
    return _text(list(lines), x=x, y=8 - _HEADER, align="left", fontSize=_TEXT, lineHeight=15)


def _text(text: str | list[str], **style: Any) -> alt.Chart:  # noqa: ANN401 - Altair's own fields
    chart: alt.Chart = alt.Chart(alt.InlineData(values=[{}])).mark_text(
        text=text, baseline="middle", color=GREY, **style
    )
    return chart
