-- Which path did a coin take through the market-cap ranges?
-- One row per stay in a range; a null range is below the lowest limit. Put another coin into the first line.
-- Needs: a coin that is followed, by its id of CoinGecko, in the first line.
with asked as (select 'ethereum' as coin_id),
steps as (
    select ts, lower_limit_usd, market_cap_usd,
           lag(lower_limit_usd, 1, -1) over (order by ts) is distinct from lower_limit_usd as enters
    from core.buckets join asked using (coin_id)
),
stays as (
    select *, count(*) filter (enters) over (order by ts) as stay from steps
)
select min(ts) at time zone 'UTC' as entered_at,
       max(ts) at time zone 'UTC' as last_at,
       any_value(lower_limit_usd) as lower_limit_usd,
       count(*) as grid_steps,
       min(market_cap_usd) as lowest_usd,
       max(market_cap_usd) as highest_usd
from stays
group by stay
order by entered_at;
