-- Which share of the cohort's market cap did its largest coins have, day by day?
-- The five coins that are largest now, at the last grid time of each day (UTC), against the whole cohort.
-- Needs: a published market-cap part; its cohort holds the base assets and the largest coins.
with days as (
    select (ts at time zone 'UTC')::date as day, max(ts) as ts from core.buckets group by day
),
shares as (
    select day, coin_id, market_cap_usd, 100 * market_cap_usd / sum(market_cap_usd) over (partition by day) as share_pct
    from core.buckets join days using (ts)
),
largest as (
    -- Not by a limit: DuckDB 1.5 may filter for the join before it limits.
    select coin_id from core.cohort qualify row_number() over (order by rank) <= 5
)
select day,
       coin_id,
       round(market_cap_usd / 1e9, 3) as market_cap_billion_usd,
       round(share_pct, 2) as share_pct,
       round(share_pct - lag(share_pct) over (partition by coin_id order by day), 2) as change_since_day_before_pct
from shares semi join largest using (coin_id)
order by day desc, share_pct desc, coin_id;
