"""What must hold of attribution and migration before they are published."""

from marketflows_pipeline.checks.model import WORST, sql_check
from marketflows_pipeline.transforms.categories import RANGES

TOLERANCE = 1e-9
_EFFECTS = "price_effect_usd + supply_effect_usd + large_supply_step_usd + timing_usd"


@sql_check("mart.cap_attribution", "Price, supply, large supply step and timing sum to each coin's change.")
def coin_effects_sum_to_the_change() -> str:
    """The change is that of the stored caps, so that no effect is lost or counted twice."""
    return f"""
    with changes as (
        select coin_id, ts, market_cap_usd, {_EFFECTS} as effects_usd, change_usd,
               market_cap_usd - lag(market_cap_usd) over (partition by coin_id order by ts) as moved_usd
        from mart.cap_attribution
    )
    select * from changes
    where moved_usd is not null and (
        effects_usd is null or abs(change_usd - moved_usd) > {TOLERANCE} * market_cap_usd
        or abs(effects_usd - moved_usd) > {TOLERANCE} * (market_cap_usd + abs(moved_usd))
    )
    order by abs(effects_usd - moved_usd) desc limit {WORST}
    """


@sql_check(
    "mart.cap_attribution_totals",
    "Effects, arrivals and departures sum to each series' change, which joins its totals.",
)
def series_effects_sum_to_the_change() -> str:
    """A member that was lost on the way would be a change without a cause."""
    return f"""
    with changes as (
        select category, series, ts, market_cap_before_usd, market_cap_usd,
               {_EFFECTS} + arrivals_usd - departures_usd as explained_usd,
               lag(market_cap_usd) over (partition by category, series order by ts) as total_before_usd,
               lag(ts) over (partition by category, series order by ts) as ts_before
        from mart.cap_attribution_totals
    )
    select * from changes
    where abs(market_cap_usd - market_cap_before_usd - explained_usd)
              > {TOLERANCE} * greatest(market_cap_usd, market_cap_before_usd)
       or (ts_before = ts - interval 1 day
           and abs(total_before_usd - market_cap_before_usd) > {TOLERANCE} * market_cap_before_usd)
    order by abs(market_cap_usd - market_cap_before_usd - explained_usd) desc limit {WORST}
    """


@sql_check(
    "mart.range_migration", "Coins that crossed a limit within a day sum to the ranges' arrivals and departures."
)
def migration_sums_to_the_totals() -> str:
    """Else a range would have grown by coins that came from nowhere."""
    return f"""
    with crossed as (
        select ts, from_range, to_range, coalesce(cap_after_usd, cap_before_usd) as usd
        from mart.range_migration where period_days = 1
    ), migrated as (
        select series, ts, sum(arrived) as arrived_usd, sum(departed) as departed_usd
        from (
            select to_range as series, ts, usd as arrived, 0 as departed from crossed
            union all select from_range, ts, 0, usd from crossed
        ) where series is not null group by all
    ), totals as (
        select series, ts, arrivals_usd, departures_usd, greatest(market_cap_usd, market_cap_before_usd) as cap_usd
        from mart.cap_attribution_totals where category = '{RANGES}'
    )
    select series, ts, arrivals_usd, arrived_usd, departures_usd, departed_usd
    from totals full join migrated using (series, ts)
    where abs(coalesce(arrivals_usd, 0) - coalesce(arrived_usd, 0)) > {TOLERANCE} * coalesce(cap_usd, 0)
       or abs(coalesce(departures_usd, 0) - coalesce(departed_usd, 0)) > {TOLERANCE} * coalesce(cap_usd, 0)
    order by ts desc limit {WORST}
    """


@sql_check("mart.range_chain", "Each chain begins at 1,000 where it has a member.")
def chains_begin_at_their_base() -> str:
    """Otherwise two ranges would not be comparable."""
    return f"""
    select series, ts, chain_index, n_members from mart.range_chain
    where ts = (select min(ts) from mart.range_chain)
      and (n_members > 0) and abs(coalesce(chain_index, 0) - 1000) > 1000 * {TOLERANCE} limit {WORST}
    """
