-- How much of each month's change of market cap was price, and how much was money moving in or out?
-- The change of market cap alone is a poor proxy of a flow. Sessions on which either part is unknown are left out.
-- Needs: sessions of funds with both a price and a share count before and after.
with months as (
    select date_trunc('month', session)::date as month,
           symbol,
           sum(market_cap_change_usd) as change_usd,
           sum(price_effect_usd) as price_usd,
           sum(share_effect_usd) as shares_usd,
           sum(abs(price_effect_usd)) as price_moved_usd,
           sum(abs(share_effect_usd)) as shares_moved_usd,
           count(*) as sessions,
           max(known_at) as known_at
    from core.asset_flows
    where price_effect_usd is not null and share_effect_usd is not null and not is_supply_revision
    group by all
)
select month,
       symbol,
       round(change_usd / 1e6, 2) as change_million_usd,
       round(price_usd / 1e6, 2) as price_million_usd,
       round(shares_usd / 1e6, 2) as shares_million_usd,
       round(100 * shares_moved_usd / nullif(price_moved_usd + shares_moved_usd, 0), 1) as shares_of_movement_pct,
       sign(change_usd) = sign(shares_usd) as is_same_direction,
       sessions,
       known_at at time zone 'UTC' as known_at
from months
order by month desc, symbol;
