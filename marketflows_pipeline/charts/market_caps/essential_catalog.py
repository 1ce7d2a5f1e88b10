"""Which pictures show a category in all its bases at once, and the ranks of its series."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from marketflows_pipeline.charts.market_caps.catalog import PictureContext, category_styles
from marketflows_pipeline.charts.market_caps.spec import GainMatrixSpec, PanelsSpec, RanksSpec
from marketflows_pipeline.charts.market_caps.wording import dollar_first
from marketflows_pipeline.charts.rendering.plan import RenderJob, chart_job
from marketflows_pipeline.charts.spec import RANKS_FROM, US_DOLLAR, SeriesStyle
from marketflows_pipeline.charts.style.diverging_colours import color_limits

Styles = Mapping[str, tuple[SeriesStyle, ...]]


def essential_pictures(
    metrics: pl.DataFrame, gains: pl.DataFrame, series: pl.DataFrame, context: PictureContext
) -> list[RenderJob]:
    """Of each category levels, growth, gains and ranks, as far as there are figures, in a stable order.

    Args:
        metrics: rows of ``mart.metrics``.
        gains: rows of ``mart.percent_gains``.
        series: rows of ``core.series``.
        context: what all charts share.
    """
    styles = category_styles(series)
    limits = color_limits(gains, context.hours_ago)
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


def _panels(rows: pl.DataFrame, category: str, order: int, styles: Styles, context: PictureContext) -> list[RenderJob]:
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
