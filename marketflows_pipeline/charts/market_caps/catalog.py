"""Which charts the market-cap part has: of each category curves and gains in each base and in all, and ranks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from marketflows_pipeline.charts.market_caps.spec import GainMatrixSpec, IndexSpec, PanelsSpec, RanksSpec
from marketflows_pipeline.charts.market_caps.wording import dollar_first
from marketflows_pipeline.charts.rendering.plan import RenderJob, chart_job
from marketflows_pipeline.charts.spec import RANGES, RANKS_FROM, US_DOLLAR, ChartSpec, GainTableSpec, SeriesStyle
from marketflows_pipeline.charts.style.diverging_colours import color_limits
from marketflows_pipeline.charts.style.theme import series_styles, styles_by_size
from marketflows_pipeline.charts.style.time_axis import as_of
from marketflows_pipeline.system.printable import presentable_name

Styles = Mapping[str, tuple[SeriesStyle, ...]]

_FAMILY = ("category", "base_asset", "ema_period", "diff_order", "is_unit")


@dataclass(frozen=True)
class PictureContext:
    """What all charts of a run share.

    Attributes:
        as_of: last grid time.
        smoothing_ema: span of the EMA over each difference of narratives and portfolios.
        hours_ago: offsets of the gain tables.
        symbols: coin id to symbol, for the names of base assets.
        notes: caveats by category.
    """

    as_of: datetime
    step: timedelta
    smoothing_ema: int
    hours_ago: tuple[float, ...]
    source: str
    symbols: Mapping[str, str]
    notes: Mapping[str, tuple[str, ...]]

    def base_label(self, base_asset: str) -> str:
        """``US dollar``, or the coin's symbol in capitals."""
        if base_asset == US_DOLLAR:
            return "US dollar"
        return presentable_name(self.symbols.get(base_asset, base_asset)).upper()

    def shared(self, category: str, base_asset: str, styles: Styles) -> dict[str, Any]:
        """Fields of `MarketCapSpec` for a category in a base."""
        return {
            "category": category,
            "base_asset": base_asset,
            "base_label": self.base_label(base_asset),
            "series": styles[category],
            "source": self.source,
            "as_of": self.as_of,
            "notes": self.notes.get(category, ()),
        }

    def curve(
        self,
        category: str,
        base_asset: str,
        styles: Styles,
        **family: Any,  # noqa: ANN401 (fields of ChartSpec)
    ) -> ChartSpec:
        """What a line chart of a category in a base says; the family is its EMA period, order and scaling."""
        return ChartSpec(
            **self.shared(category, base_asset, styles),
            **family,
            # The differences of ranges are smoothed by their EMA alone.
            smoothing_ema=1 if category == RANGES else self.smoothing_ema,
            step=self.step,
        )


def market_cap_pictures(
    metrics: pl.DataFrame, gains: pl.DataFrame, series: pl.DataFrame, context: PictureContext
) -> list[RenderJob]:
    """Every chart of the part, in a stable order.

    Args:
        metrics: rows of ``mart.metrics``.
        gains: rows of ``mart.percent_gains``.
        series: rows of ``core.series``.
        context: what all charts share.
    """
    styles = category_styles(series)
    limits = color_limits(gains, context.hours_ago)
    charts = [
        chart_job(
            rows,
            context.curve(category, base_asset, styles, ema_period=ema_period, diff_order=diff_order, is_unit=is_unit),
        )
        for (category, base_asset, ema_period, diff_order, is_unit), rows in _families(metrics, _FAMILY, "ts")
    ]
    tables = [
        chart_job(
            rows,
            GainTableSpec(**context.shared(category, base_asset, styles), hours_ago=context.hours_ago, limits=limits),
        )
        for (category, base_asset), rows in _families(gains, _FAMILY[:2], "hours_ago")
    ]
    return [*charts, *tables, *_essentials(metrics, gains, styles, limits, context)]


def _essentials(
    metrics: pl.DataFrame,
    gains: pl.DataFrame,
    styles: Styles,
    limits: tuple[float, ...],
    context: PictureContext,
) -> list[RenderJob]:
    """Of each category levels and growth in all bases, gains and ranks, as far as there are figures."""
    curves = metrics.filter(~pl.col("is_unit"), pl.col("diff_order") <= 1).sort("series", "ts")
    jobs: list[RenderJob] = []
    for category in styles:
        own = curves.filter(category=category)
        for order in (0, 1):
            jobs += _panels(own.filter(diff_order=order), category, order, styles, context)
        rows = gains.filter(category=category).sort("series", "hours_ago")
        if not rows.is_empty():
            bases = dollar_first(rows["base_asset"].unique())
            labels = tuple((base, context.base_label(base)) for base in bases)
            spec = GainMatrixSpec(
                **context.shared(category, bases[0], styles), bases=labels, hours_ago=context.hours_ago, limits=limits
            )
            jobs.append(chart_job(rows, spec))
        levels = own.filter(diff_order=0, ema_period=1, base_asset=US_DOLLAR)
        if not levels.is_empty() and len(styles[category]) >= RANKS_FROM:
            jobs.append(chart_job(levels, RanksSpec(**context.shared(category, US_DOLLAR, styles))))
    return jobs


def _panels(
    rows: pl.DataFrame,
    category: str,
    order: int,
    styles: Styles,
    context: PictureContext,
) -> list[RenderJob]:
    """The plain level, or growth of the smoothest curve, whose own noise would hide it."""
    if rows.is_empty():
        return []
    ema = rows["ema_period"].max() if order else rows["ema_period"].min()
    shown = rows.filter(ema_period=ema)
    panels = tuple(
        context.curve(category, base, styles, ema_period=ema, diff_order=order, is_unit=False)
        for base in dollar_first(shown["base_asset"].unique())
    )
    return [chart_job(shown, PanelsSpec(panels=panels, source=context.source, notes=panels[0].notes))]


def index_pictures(
    index: pl.DataFrame, rules: pl.DataFrame, series: pl.DataFrame, context: PictureContext
) -> list[RenderJob]:
    """A chart of the chained index for each category and base.

    Args:
        index: rows of ``mart.narrative_index``.
        rules: category, rule: how members and weights are set.
        series: rows of ``core.series``.
        context: what all charts share.
    """
    styles, words = category_styles(series), dict(rules.select("category", "rule").iter_rows())
    known = index.join(series.select("category", "series"), on=["category", "series"], how="semi")
    return [
        chart_job(
            rows,
            IndexSpec(
                **context.shared(category, base_asset, styles),
                rule=words[category],
                last_close=as_of(rows.filter(~pl.col("is_provisional")), "ts"),
            ),
        )
        for (category, base_asset), rows in _families(known, _FAMILY[:2], "ts")
    ]


def _families(
    frame: pl.DataFrame, columns: Sequence[str], order: str
) -> Iterable[tuple[tuple[Any, ...], pl.DataFrame]]:
    """The rows of each chart by what tells it apart, in order of their series and another column."""
    ordered = frame.sort(*columns, "series", order)
    return ordered.partition_by(columns, as_dict=True, maintain_order=True).items()


def category_styles(series: pl.DataFrame) -> dict[str, tuple[SeriesStyle, ...]]:
    """Styles of the series of each category, in their order.

    Args:
        series: rows of ``core.series``.
    """
    ordered = series.sort("category", "sort_order")
    return {
        str(category): (styles_by_size if category == RANGES else series_styles)(
            list(rows.select("series", "label").iter_rows())
        )
        for (category,), rows in ordered.partition_by("category", as_dict=True, maintain_order=True).items()
    }
