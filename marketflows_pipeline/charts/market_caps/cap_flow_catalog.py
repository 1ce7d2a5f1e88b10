"""Which charts attribution and migration have: bars of each category, a matrix for each period."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import polars as pl

from marketflows_pipeline.charts.market_caps.catalog import category_styles
from marketflows_pipeline.charts.market_caps.spec import AttributionSpec, ChainSpec, MigrationSpec
from marketflows_pipeline.charts.rendering.plan import RenderJob, chart_job
from marketflows_pipeline.charts.spec import RANGES

ATTRIBUTED_DAYS = 30

_CATEGORIES = ("Narratives", "Portfolios", RANGES)


def cap_flow_pictures(
    sums: pl.DataFrame,
    crossings: Mapping[int, pl.DataFrame],
    chain: pl.DataFrame,
    series: pl.DataFrame,
    *,
    source: str,
    as_of: datetime,
) -> list[RenderJob]:
    """Every chart of attribution and migration, in a stable order.

    Args:
        sums: effects over `ATTRIBUTED_DAYS`, a row a series, as `cap_movers.series_movers` gives them.
        crossings: days between the closes to pairs, as `range_migration.pair_flows` gives them.
        chain: changes over `ATTRIBUTED_DAYS`, as `range_chain.chain_changes` gives them.
        series: rows of ``core.series``.
        source: the credit.
        as_of: the newest close.
    """
    styles = category_styles(series)
    labels = {
        category: tuple((style.series, style.label) for style in styles.get(category, ())) for category in _CATEGORIES
    }
    bars = [
        chart_job(
            sums.filter(pl.col("category") == category).sort("series"),
            AttributionSpec(
                category=category, labels=labels[category], days=ATTRIBUTED_DAYS, source=source, as_of=as_of
            ),
        )
        for category in _CATEGORIES
        if labels[category]
    ]
    matrices = [
        chart_job(pairs, MigrationSpec(ranges=labels[RANGES], days=days, source=source, as_of=as_of))
        for days, pairs in sorted(crossings.items())
        if labels[RANGES]
    ]
    chains = ChainSpec(ranges=labels[RANGES], days=ATTRIBUTED_DAYS, source=source, as_of=as_of)
    return [*bars, *matrices, *([chart_job(chain, chains)] if labels[RANGES] else [])]
