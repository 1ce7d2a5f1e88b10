-- Which exchanges took in most over the last seven days, and which lost most?
-- Known wallets only. Net flow is from token quantities at the mean of both days' prices; what prices did and left-out tokens stand apart.
-- Needs: two days of reserves by token, of one exchange at least.
with days as (
    from mart.exchange_netflow
    where day > (select max(day) from mart.exchange_netflow) - 7
        -- A flow since before the week is not the week's.
        and previous_day >= (select max(day) from mart.exchange_netflow) - 7
),
weeks as (
    select slug,
           any_value(name) as exchange,
           sum(netflow_mid_usd) as netflow_usd,
           sum(price_effect_mid_usd) as price_effect_usd,
           sum(left_out_usd) as left_out_usd,
           sum(left_out_gross_usd) as left_out_gross_usd,
           arg_max(reserves_usd, day) as reserves_usd,
           count(netflow_mid_usd) as days_with_flow,
           max(ts) as last_at
    from days
    group by slug
)
select row_number() over (order by netflow_usd desc, slug) as place,
       exchange,
       round(netflow_usd / 1e6, 2) as netflow_million_usd,
       round(100 * netflow_usd / reserves_usd, 2) as netflow_of_reserves_pct,
       round(price_effect_usd / 1e6, 2) as price_effect_million_usd,
       round(left_out_usd / 1e6, 2) as left_out_million_usd,
       round(left_out_gross_usd / 1e6, 2) as left_out_gross_million_usd,
       days_with_flow,
       last_at at time zone 'UTC' as last_record_at
from weeks
where netflow_usd is not null
order by place;
