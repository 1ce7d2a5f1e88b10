"""Which pictures the market-cap part has: a line chart a curve family, a gain table a category and base."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from marketflows_pipeline.charts.rendering.render import RenderJob, line_job, table_job
from marketflows_pipeline.charts.spec import US_DOLLAR, ChartSpec, GainTableSpec, SeriesStyle
from marketflows_pipeline.charts.style.diverging_colours import color_limits
from marketflows_pipeline.charts.style.theme import series_styles, styles_by_size
from marketflows_pipeline.system.printable import presentable_name

RANGES = "Ranges"
_FAMILY = ("category", "base_asset", "ema_period", "diff_order", "is_unit")


@dataclass(frozen=True)
class PictureContext:
    """What all pictures of a run share.

    Attributes:
        as_of: last grid time.
        step: of the grid.
        days: length of the window.
        smoothing_ema: span of the EMA over each difference of narratives and portfolios.
        hours_ago: offsets of the gain tables.
        source: the credit.
        symbols: coin id to symbol, for the names of base assets.
        notes: caveats by category.
    """

    as_of: datetime
    step: timedelta
    days: int
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


def market_cap_pictures(
    metrics: pl.DataFrame, gains: pl.DataFrame, series: pl.DataFrame, context: PictureContext
) -> list[RenderJob]:
    """Every picture of the part, in a stable order.

    Args:
        metrics: rows of ``mart.metrics``.
        gains: rows of ``mart.percent_gains``.
        series: rows of ``core.series``.
        context: what all pictures share.
    """
    styles = _styles(series)
    charts = [
        line_job(frame.select("series", "ts", "value"), _chart_spec(family, styles, context))
        for family, frame in _families(metrics.sort("series", "ts"), _FAMILY)
    ]
    limits = color_limits(gains, context.hours_ago)
    tables = [
        table_job(
            frame.select("series", "hours_ago", "gain_pct", "reason", "basis"),
            _table_spec(family, styles, context, limits),
        )
        for family, frame in _families(gains.sort("series", "hours_ago"), ("category", "base_asset"))
    ]
    return [*charts, *tables]


def _families(frame: pl.DataFrame, columns: Sequence[str]) -> list[tuple[tuple[object, ...], pl.DataFrame]]:
    parts = frame.partition_by(columns, as_dict=True, maintain_order=True)
    return sorted(parts.items(), key=lambda item: tuple(map(str, item[0])))


def _styles(series: pl.DataFrame) -> dict[str, tuple[SeriesStyle, ...]]:
    ordered = series.sort("category", "sort_order")
    return {
        str(category): (styles_by_size if category == RANGES else series_styles)(
            list(rows.select("series", "label").iter_rows())
        )
        for (category,), rows in ordered.partition_by("category", as_dict=True, maintain_order=True).items()
    }


def _chart_spec(
    family: tuple[object, ...], styles: Mapping[str, tuple[SeriesStyle, ...]], context: PictureContext
) -> ChartSpec:
    category, base_asset, ema_period, diff_order, is_unit = family
    return ChartSpec(
        category=str(category),
        base_asset=str(base_asset),
        base_label=context.base_label(str(base_asset)),
        ema_period=int(str(ema_period)),
        diff_order=int(str(diff_order)),
        is_unit=bool(is_unit),
        # The differences of ranges are smoothed by their EMA alone.
        smoothing_ema=1 if category == RANGES else context.smoothing_ema,
        step=context.step,
        days=context.days,
        series=styles[str(category)],
        source=context.source,
        as_of=context.as_of,
        notes=context.notes.get(str(category), ()),
    )


def _table_spec(
    family: tuple[object, ...],
    styles: Mapping[str, tuple[SeriesStyle, ...]],
    context: PictureContext,
    limits: tuple[float, ...],
) -> GainTableSpec:
    category, base_asset = map(str, family)
    is_by_size = category == RANGES
    return GainTableSpec(
        category=category,
        base_asset=base_asset,
        base_label=context.base_label(base_asset),
        hours_ago=context.hours_ago,
        series=styles[category][::-1] if is_by_size else styles[category],
        source=context.source,
        as_of=context.as_of,
        notes=context.notes.get(category, ()),
        limits=limits,
        is_by_size=is_by_size,
    )
