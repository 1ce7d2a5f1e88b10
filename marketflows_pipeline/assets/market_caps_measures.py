"""All measures on daily closes of the market-cap part, in one step."""

from collections.abc import Iterator

import dagster as dg
import polars as pl

from marketflows_pipeline.assets.market_caps_attribution import (
    mart_cap_attribution,
    mart_cap_attribution_totals,
    mart_range_chain,
    mart_range_migration,
)
from marketflows_pipeline.assets.market_caps_breadth import (
    mart_breadth,
    mart_category_breadth,
    mart_dominance,
    mart_market_map,
    mart_narrative_overlap,
)
from marketflows_pipeline.assets.market_caps_index import INDEX_SPECS, update_index
from marketflows_pipeline.assets.market_caps_index import VIEW as INDEX_VIEW
from marketflows_pipeline.assets.measures import computed_beside, measure, measure_specs, update, with_inputs
from marketflows_pipeline.assets.tables import Run
from marketflows_pipeline.queries.categories import category_snapshots
from marketflows_pipeline.queries.closes import all_closes, listed_members
from marketflows_pipeline.queries.earlier import earlier_rows
from marketflows_pipeline.queries.fingerprints import (
    checks_fingerprint,
    closes_fingerprint,
    index_fingerprint,
    snapshots_fingerprint,
)
from marketflows_pipeline.queries.provider_differences import caps_near_checks, checked_caps
from marketflows_pipeline.run_context import RunContext
from marketflows_pipeline.transforms.market_caps.category_radar import category_radar
from marketflows_pipeline.transforms.market_caps.provider_differences import compare_caps, differing
from marketflows_pipeline.transforms.rotation.narratives import (
    narrative_placebo,
    narrative_points,
    narrative_stays,
)


@measure("core.daily_closes", deps=("raw.market_caps", "raw.narrative_members", "raw.cohort_members", "raw.coins"))
def core_daily_closes(run: RunContext) -> pl.DataFrame:
    """What every coin cost at each 00:00 UTC."""
    return all_closes(run.warehouse, run.started_at)


@measure("core.listed_members", deps=("raw.narrative_members", "raw.category_names"))
def core_listed_members(run: RunContext) -> pl.DataFrame:
    """What was known of each narrative's members at each 00:00 UTC."""
    return listed_members(run.warehouse, run.settings)


@measure("core.provider_comparison", deps=("raw.cross_check_caps", "raw.market_caps"))
def core_provider_comparison(run: RunContext) -> pl.DataFrame:
    """Market caps of both providers, coin by coin and check by check."""
    return compare_caps(caps_near_checks(run.warehouse, run.started_at), checked_caps(run.warehouse, run.started_at))


@measure("mart.provider_differences", deps=("core.provider_comparison",))
def mart_provider_differences(run: RunContext) -> pl.DataFrame:
    """Those that differ by more than 10 %."""
    return differing(run.warehouse.read("core.provider_comparison"))


@measure("mart.category_radar", deps=("raw.category_snapshots",))
def mart_category_radar(run: RunContext) -> pl.DataFrame:
    """What each category did lately, against its own past."""
    return category_radar(category_snapshots(run.warehouse, run.started_at))


@measure("mart.rotation", deps=(INDEX_VIEW,))
def mart_rotation(run: RunContext) -> pl.DataFrame:
    """Where each narrative stands against each base coin."""
    return narrative_points(run.warehouse.read(INDEX_VIEW), run.settings.source.coin_bases)


@measure("mart.rotation_log", deps=("mart.rotation", INDEX_VIEW))
def mart_rotation_log(run: RunContext) -> pl.DataFrame:
    """Stays of narratives in the quadrants."""
    return narrative_stays(run.warehouse.read("mart.rotation"), run.warehouse.read(INDEX_VIEW))


@measure("mart.rotation_placebo", deps=(INDEX_VIEW,))
def mart_rotation_placebo(run: RunContext) -> pl.DataFrame:
    """The same returns in shuffled order, once a completed day."""
    stored = earlier_rows(run.warehouse, "mart.rotation_placebo")
    return narrative_placebo(run.warehouse.read(INDEX_VIEW), run.settings.source.coin_bases, stored)


CLOSES = (core_daily_closes, core_listed_members)
ON_CLOSES = (
    mart_cap_attribution,
    mart_cap_attribution_totals,
    mart_range_migration,
    mart_range_chain,
)
# They need no table that is computed before them in the step but closes and lists.
ON_CLOSES_ALONE = (
    mart_breadth,
    mart_category_breadth,
    mart_narrative_overlap,
    mart_market_map,
    mart_dominance,
)
ON_SNAPSHOTS = (mart_category_radar,)
ON_CHECKS = (core_provider_comparison, mart_provider_differences)
ON_INDEX = (mart_rotation, mart_rotation_log, mart_rotation_placebo)


@dg.multi_asset(
    name="market_cap_measures",
    specs=[
        *measure_specs((*CLOSES, *ON_CLOSES, *ON_CLOSES_ALONE, *ON_SNAPSHOTS, *ON_CHECKS)),
        *INDEX_SPECS,
        *measure_specs(ON_INDEX),
    ],
)
def market_cap_measures(run: Run) -> Iterator[dg.MaterializeResult[None]]:
    """Closes and lists, the index on them and its rotation, what else they tell; what has not changed is left."""
    closes = closes_fingerprint(run.warehouse, run.settings, run.started_at)
    daily, listed = with_inputs(CLOSES, closes)
    # Beside all that waits for something, on the other processor.
    with computed_beside(run) as begin:
        yield from update(run, [daily, begin(listed)])
        alone = [begin(each) for each in with_inputs(ON_CLOSES_ALONE, closes)]
        yield from update_index(run)
        rotation, stays, placebo = with_inputs(ON_INDEX, index_fingerprint(run.warehouse, run.settings))
        on_index = [begin(rotation), stays, begin(placebo)]
        yield from update(run, with_inputs(ON_CLOSES, closes))
        on_snapshots = with_inputs(ON_SNAPSHOTS, snapshots_fingerprint(run.warehouse, run.started_at))
        on_checks = with_inputs(ON_CHECKS, checks_fingerprint(run.warehouse, run.started_at))
        yield from update(run, [*alone, *on_snapshots, *on_checks, *on_index], at_once=True)
