"""What moved market caps: effects of coins, totals of series, migration between ranges, the chain of each range."""

import polars as pl

from marketflows_pipeline.assets.measures import measure
from marketflows_pipeline.queries.cap_flows import (
    attributed_closes,
    attributed_without_step,
    first_close,
    group_members_at,
    histories_known_from,
    pegged_coins,
    published_supplies,
    stored_cohort,
)
from marketflows_pipeline.queries.tracked_coins import gone_coins
from marketflows_pipeline.run_context import RunContext
from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.categories import RANGES
from marketflows_pipeline.transforms.market_caps.attribution_totals import attribution_totals
from marketflows_pipeline.transforms.market_caps.cap_attribution import EFFECTS, cap_attribution, new_supply_steps
from marketflows_pipeline.transforms.market_caps.range_chain import range_chain
from marketflows_pipeline.transforms.market_caps.range_migration import range_migration
from marketflows_pipeline.transforms.market_caps.ranges import bucket_members, range_places
from marketflows_pipeline.warehouse.revisions import record_corrections

_ATTRIBUTION = "mart.cap_attribution"
_PLACES = ("coin_id", "ts", "market_cap_usd")
_MEMBERSHIP = ("core.listed_members", "raw.cohort_members")


def _record_supply_steps(run: RunContext, rows: pl.DataFrame) -> None:
    """Record large supply steps of days that had none when they were last attributed."""
    steps = rows.filter(pl.col("large_supply_step_usd") != 0)
    if steps.is_empty() or _ATTRIBUTION not in run.warehouse.current_tables():
        return
    stored = attributed_without_step(run.warehouse, steps["coin_id"].unique().to_list())
    changes = new_supply_steps(stored, steps)
    record_corrections(run.warehouse, _ATTRIBUTION, changes, cause="supply_step", seen_at=run.started_at)


@measure(
    "mart.cap_attribution",
    deps=("core.daily_closes", "raw.narrative_members", *_MEMBERSHIP),
    before_stored=_record_supply_steps,
)
def mart_cap_attribution(run: RunContext) -> pl.DataFrame:
    """Price, supply, large supply step and timing of each followed coin and day."""
    warehouse, settings, moment = run.warehouse, run.settings, run.started_at
    closes = attributed_closes(warehouse, settings, moment)
    effects = cap_attribution(closes, published_supplies(warehouse, moment), pegged_coins(warehouse, settings))
    return effects.filter(pl.col("ts") >= first_close(moment))


@measure("mart.cap_attribution_totals", deps=(_ATTRIBUTION, *_MEMBERSHIP))
def mart_cap_attribution_totals(run: RunContext) -> pl.DataFrame:
    """The effects summed over the members of narratives, portfolios and ranges, with arrivals and departures."""
    warehouse, settings, moment = run.warehouse, run.settings, run.started_at
    attribution = warehouse.read(_ATTRIBUTION, columns=[*_PLACES, "change_usd", *EFFECTS])
    members = group_members_at(warehouse, settings, moment, attribution.get_column("ts").unique().sort())
    cohort = stored_cohort(warehouse, settings, moment)
    if cohort.since is not None:
        places = range_places(attribution, cohort.coins, settings.source.range_lower_limits)
        of_ranges = bucket_members(places.filter(pl.col("ts") >= cohort.since))
        members = pl.concat([members, of_ranges.select(members.columns)])
    return attribution_totals(attribution, members)


@measure("mart.range_migration", deps=(_ATTRIBUTION, "raw.cohort_members", "raw.coins"))
def mart_range_migration(run: RunContext) -> pl.DataFrame:
    """Coins that are in another range than 1, 7 or 30 days before."""
    cohort = stored_cohort(run.warehouse, run.settings, run.started_at)
    if cohort.since is None:
        return table("mart.range_migration").empty()
    return range_migration(
        _places(run, cohort.coins),
        since=cohort.since,
        known_from=histories_known_from(run.warehouse),
        gone=gone_coins(run.warehouse),
    )


@measure("mart.range_chain", deps=(_ATTRIBUTION, "core.group_totals", "raw.cohort_members"))
def mart_range_chain(run: RunContext) -> pl.DataFrame:
    """The growth of each range over fixed members, beside its level."""
    cohort, limits = stored_cohort(run.warehouse, run.settings, run.started_at), run.settings.source.range_lower_limits
    if cohort.since is None:
        return table("mart.range_chain").empty()
    return range_chain(
        _places(run, cohort.coins),
        run.warehouse.read("core.group_totals", where="category = ?", params=[RANGES]),
        limits=limits,
        since=cohort.since,
    )


def _places(run: RunContext, coins: tuple[str, ...]) -> pl.DataFrame:
    """The range of each of these coins at each attributed close."""
    attribution = run.warehouse.read(_ATTRIBUTION, columns=_PLACES)
    return range_places(attribution, coins, run.settings.source.range_lower_limits)
