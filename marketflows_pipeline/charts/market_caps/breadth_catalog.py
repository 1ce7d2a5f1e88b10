"""Which charts of breadth, market map and dominance there are."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from marketflows_pipeline.charts.market_caps.catalog import PictureContext, category_styles
from marketflows_pipeline.charts.market_caps.spec import (
    COHORT_SERIES,
    BreadthSpec,
    DominanceSpec,
    MarketMapSpec,
)
from marketflows_pipeline.charts.rendering.plan import RenderJob, chart_job
from marketflows_pipeline.charts.spec import RANGES, SeriesStyle
from marketflows_pipeline.charts.style.theme import GREY, INK, PALETTE
from marketflows_pipeline.system.printable import presentable_name

NARRATIVES = "Narratives"
COHORT_STYLE = SeriesStyle(COHORT_SERIES, "All ranges", INK)
SHARES = (
    SeriesStyle("bitcoin_pct", "Bitcoin", PALETTE[1]),
    SeriesStyle("ethereum_pct", "Ether", PALETTE[0]),
    SeriesStyle("stablecoins_pct", "Stablecoins", PALETTE[2]),
    SeriesStyle("others_pct", "All others", GREY),
)


def breadth_pictures(
    *,
    breadth: pl.DataFrame,
    market_map: pl.DataFrame,
    dominance: pl.DataFrame,
    series: pl.DataFrame,
    rule: str,
    context: PictureContext,
) -> list[RenderJob]:
    """Every chart of the kind, in a stable order; those with nothing to show say so themselves.

    Args:
        breadth: rows of ``mart.breadth``.
        market_map: rows of ``mart.market_map``.
        dominance: rows of ``mart.dominance``.
        series: rows of ``core.series``.
        rule: how the market map places a coin that is in several narratives.
        context: what all charts of the part share.
    """
    styles = category_styles(series)
    of_cohort = pl.col("series") == COHORT_SERIES
    panels = [
        chart_job(
            breadth.filter((pl.col("category") == category) | of_cohort).sort("series", "ts"),
            BreadthSpec(category=category, series=(COHORT_STYLE, *styles[category]), source=context.source),
        )
        for category in (NARRATIVES, RANGES)
        if category in styles
    ]
    labels = {style.series: style.label for style in styles.get(NARRATIVES, ())}
    return [
        *panels,
        chart_job(
            market_map.with_columns(label=_symbols(context.symbols)).sort("coin_id"),
            MarketMapSpec(parts=tuple(labels.items()), rule=rule, source=context.source),
        ),
        chart_job(dominance.sort("ts"), DominanceSpec(series=SHARES, source=context.source)),
    ]


def _symbols(symbols: Mapping[str, str]) -> pl.Expr:
    """The symbol of each coin in capitals, or its id where none is known."""

    def label(coin_id: str) -> str:
        return presentable_name(symbols.get(coin_id, coin_id)).upper()

    return pl.col("coin_id").map_elements(label, return_dtype=pl.String)
