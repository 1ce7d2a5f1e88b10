-- Which coins moved up or down the ranking by market cap over the last week?
-- Among coins that were listed at both ends: a cap held flat before the first observation is no rank.
-- Needs: a week of history, and coins whose rank changed in it.
with ends as (
    select max(ts) as now_at, max(ts) - interval 168 hours as then_at from core.market_cap_grid
),
caps as (
    select coin_id,
           any_value(now_at) as now_at,
           any_value(market_cap_usd) filter (ts = then_at and fill <> 'before_first') as then_usd,
           any_value(market_cap_usd) filter (ts = now_at) as now_usd
    from core.market_cap_grid, ends
    group by coin_id
),
ranked as (
    select *,
           rank() over (order by then_usd desc) as rank_then,
           rank() over (order by now_usd desc) as rank_now
    from caps
    where then_usd is not null and now_usd is not null
)
select coin_id,
       rank_then,
       rank_now,
       rank_then - rank_now as places_gained,
       round(100 * (now_usd / then_usd - 1), 2) as gain_pct,
       now_at at time zone 'UTC' as as_of
from ranked
where rank_then <> rank_now
order by places_gained desc, rank_now;
