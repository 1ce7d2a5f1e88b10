-- Which coins' supply grew most over the last 30 days, in US dollars, and how much of it came in one large step?
-- Supply is the median of market cap / price over 7 closes; a step above 10 % is a size class, no proof of a new count.
-- Needs: two daily closes of a coin within the last 30 days.
with days as (
    from mart.cap_attribution
    where ts > (select max(ts) from mart.cap_attribution) - interval 30 days and change_usd is not null
),
coins as (
    select coin_id,
           sum(supply_effect_usd + large_supply_step_usd) as new_supply_usd,
           sum(large_supply_step_usd) as large_step_usd,
           sum(price_effect_usd) as price_effect_usd,
           bool_and(is_confirmed) as is_confirmed,
           arg_max(market_cap_usd, ts) as market_cap_usd,
           count(*) as days_known,
           max(ts) as last_at
    from days
    group by coin_id
)
select row_number() over (order by new_supply_usd desc, coin_id) as place,
       coin_id,
       round(new_supply_usd / 1e6, 2) as new_supply_million_usd,
       round(100 * new_supply_usd / market_cap_usd, 2) as of_market_cap_pct,
       round(large_step_usd / 1e6, 2) as large_step_million_usd,
       is_confirmed as is_step_confirmed_by_pages,
       round(price_effect_usd / 1e6, 2) as price_effect_million_usd,
       days_known,
       last_at at time zone 'UTC' as last_close
from coins
where new_supply_usd > 0
order by place;
