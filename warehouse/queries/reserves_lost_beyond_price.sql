-- Which exchanges lost reserves over the last 30 days that prices do not explain?
-- Net outflow above 1 % of the reserves held before. A vanished token is left out of the flow and may be a lost label.
-- Needs: 30 days of reserves by token, and an exchange that lost some.
with days as (
    from mart.exchange_netflow
    where day > (select max(day) from mart.exchange_netflow) - 30 and netflow_mid_usd is not null
),
months as (
    select slug,
           any_value(name) as exchange,
           min(previous_day) as from_day,
           arg_min(tvl_usd - tvl_change_usd, day) as before_usd,
           sum(tvl_change_usd) as change_usd,
           sum(netflow_mid_usd) as netflow_usd,
           sum(price_effect_mid_usd) as price_effect_usd,
           sum(left_out_usd) as left_out_usd,
           sum(left_out_vanished_usd) as vanished_usd,
           max(ts) as last_at
    from days
    group by slug
)
select exchange,
       from_day,
       last_at at time zone 'UTC' as last_record_at,
       round(before_usd / 1e6, 2) as before_million_usd,
       round(100 * change_usd / before_usd, 2) as change_pct,
       round(100 * netflow_usd / before_usd, 2) as by_flow_pct,
       round(100 * price_effect_usd / before_usd, 2) as by_price_pct,
       round(100 * left_out_usd / before_usd, 2) as by_left_out_pct,
       round(100 * vanished_usd / before_usd, 2) as of_it_vanished_pct
from months
where netflow_usd < -0.01 * before_usd
order by by_flow_pct, slug;
