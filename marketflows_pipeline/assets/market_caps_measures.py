"""All measures on daily closes of the market-cap part, in one step."""

from collections.abc import Iterator

import dagster as dg

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
from marketflows_pipeline.assets.market_caps_closes import core_daily_closes, core_listed_members
from marketflows_pipeline.assets.market_caps_cross_check import core_provider_comparison, mart_provider_differences
from marketflows_pipeline.assets.market_caps_index import INDEX_SPECS, update_index
from marketflows_pipeline.assets.market_caps_radar import mart_category_radar
from marketflows_pipeline.assets.market_caps_rotation import mart_rotation, mart_rotation_log, mart_rotation_placebo
from marketflows_pipeline.assets.measures import computed_beside, measure_specs, update, with_inputs
from marketflows_pipeline.assets.tables import Run
from marketflows_pipeline.queries.fingerprints import (
    checks_fingerprint,
    closes_fingerprint,
    index_fingerprint,
    snapshots_fingerprint,
)

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
