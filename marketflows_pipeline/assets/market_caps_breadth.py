"""Breadth and leadership: how many coins take part, who leads, what narratives share."""

from datetime import timedelta

import polars as pl

from marketflows_pipeline.assets.measures import measure
from marketflows_pipeline.queries.breadth import (
    changes_of,
    limits_in_use,
    listed_coins,
    newest_cohort,
    newest_members,
    observed_closes,
    universes,
    whole_pages,
)
from marketflows_pipeline.queries.cross_asset import stablecoins
from marketflows_pipeline.queries.members import excluded_coins
from marketflows_pipeline.run_context import RunContext
from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.market_caps.breadth import breadth
from marketflows_pipeline.transforms.market_caps.category_breadth import category_breadth
from marketflows_pipeline.transforms.market_caps.dominance import dominance
from marketflows_pipeline.transforms.market_caps.overlap import CHANGE_DAYS, market_map, narrative_overlap

# A close may be a day old when the next run begins.
_MAP_SPAN = timedelta(days=max(CHANGE_DAYS) + 3)
# A page has 250 coins: those of a year would cost more than all other measures here together.
PAGES_SPAN = timedelta(days=92)
_MEMBERSHIP = ("core.daily_closes", "core.listed_members", "raw.cohort_members")


@measure("mart.breadth", deps=_MEMBERSHIP)
def mart_breadth(run: RunContext) -> pl.DataFrame:
    """How many coins of each narrative, of each range and of the cohort take part, close by close."""
    closes = observed_closes(run.warehouse, run.started_at)
    bitcoin_id = run.settings.source.bitcoin_id
    return breadth(closes, universes(run.warehouse, run.settings, closes), bitcoin_id=bitcoin_id)


@measure("mart.category_breadth", deps=("raw.narrative_members", "raw.cohort_members"))
def mart_category_breadth(run: RunContext) -> pl.DataFrame:
    """Breadth of all that the service lists of each narrative, from the changes on its page."""
    bitcoin_id = run.settings.source.bitcoin_id
    return category_breadth(
        whole_pages(run.warehouse, run.settings, run.started_at - PAGES_SPAN),
        changes_of(run.warehouse, bitcoin_id),
        bitcoin_id=bitcoin_id,
    )


@measure("mart.narrative_overlap", deps=_MEMBERSHIP)
def mart_narrative_overlap(run: RunContext) -> pl.DataFrame:
    """What each two narratives share at the newest close."""
    closes = observed_closes(run.warehouse, run.started_at, run.started_at - _MAP_SPAN)
    newest = closes.filter(pl.col("ts") == pl.col("ts").max())
    return narrative_overlap(newest_members(run.warehouse, run.settings, newest), newest)


@measure("mart.market_map", deps=_MEMBERSHIP)
def mart_market_map(run: RunContext) -> pl.DataFrame:
    """Every coin in the smallest narrative that contains it, so that the parts add to the whole."""
    closes = observed_closes(run.warehouse, run.started_at, run.started_at - _MAP_SPAN)
    cohort = newest_cohort(run.warehouse, run.settings, closes)
    return market_map(newest_members(run.warehouse, run.settings, closes), closes, cohort)


@measure("mart.dominance", deps=_MEMBERSHIP)
def mart_dominance(run: RunContext) -> pl.DataFrame:
    """Shares of bitcoin, ether and stablecoins, and totals without them."""
    limits = limits_in_use(run.settings)
    if not limits:
        return table("mart.dominance").empty()
    _, first_known = listed_coins(run.warehouse)
    return dominance(
        observed_closes(run.warehouse, run.started_at),
        bitcoin_id=run.settings.source.bitcoin_id,
        ether_id=run.settings.source.ether_id,
        lowest_limit=min(limits),
        stablecoins=stablecoins(run.warehouse, run.settings),
        excluded=excluded_coins(run.warehouse, run.settings),
        first_known=first_known,
    )
