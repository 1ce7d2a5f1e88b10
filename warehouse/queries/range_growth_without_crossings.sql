-- How did each range grow over the last 30 days, with and without the coins that crossed its limits?
-- The level counts each of today's coins where it is; the chain follows members fixed at 00:00 UTC.
-- Needs: a cohort that was stored 30 days ago.
with ends as (
    select max(ts) as now_at, max(ts) - interval 30 days as then_at from mart.range_chain
),
growth as (
    select series,
           any_value(now_at) as now_at,
           100 * (any_value(chain_index) filter (ts = now_at) / any_value(chain_index) filter (ts = then_at) - 1)
               as chain_pct,
           100 * (any_value(level_usd) filter (ts = now_at) / any_value(level_usd) filter (ts = then_at) - 1)
               as level_pct
    from mart.range_chain, ends
    group by series
),
crossed as (
    select series, sum(arrived) as arrivals_usd, sum(departed) as departures_usd
    from (
        select to_range as series, coalesce(cap_after_usd, cap_before_usd) as arrived, 0 as departed
        from mart.range_migration, ends where period_days = 30 and ts = now_at
        union all
        select from_range, 0, coalesce(cap_after_usd, cap_before_usd)
        from mart.range_migration, ends where period_days = 30 and ts = now_at
    )
    group by series
)
select coalesce(label, series) as market_cap_range,
       round(chain_pct, 2) as growth_without_crossings_pct,
       round(level_pct, 2) as growth_of_level_pct,
       round((coalesce(arrivals_usd, 0) - coalesce(departures_usd, 0)) / 1e6, 2) as net_million_usd,
       round(coalesce(arrivals_usd, 0) / 1e6, 2) as came_million_usd,
       round(coalesce(departures_usd, 0) / 1e6, 2) as went_million_usd,
       now_at at time zone 'UTC' as last_close
from growth
left join crossed using (series)
left join (from core.series where category = 'Ranges') labels using (series)
where chain_pct is not null
order by cast(series as double);
