-- How much bitcoin, ether and dollar stablecoins moved into and out of exchanges, week by week?
-- Known wallets only, from token quantities; exchanges that are in and those that are out stand apart. Weeks begin on Mondays.
-- Needs: two days of reserves by token, of one exchange at least.
with sums as (
    select cast(date_trunc('week', day) as date) as week,
           asset_class,
           slug,
           sum(netflow_mid_usd) as netflow_usd,
           sum(netflow_units) as netflow_units,
           count(distinct day) filter (netflow_mid_usd is not null) as days_known,
           max(ts) as last_at
    from mart.exchange_netflow_by_class
    group by all
)
select week,
       asset_class,
       round(sum(netflow_usd) / 1e6, 2) as netflow_million_usd,
       round(sum(netflow_units), 0) as netflow_units,
       round(coalesce(sum(netflow_usd) filter (netflow_usd > 0), 0) / 1e6, 2) as in_million_usd,
       round(coalesce(sum(netflow_usd) filter (netflow_usd < 0), 0) / 1e6, 2) as out_million_usd,
       count(netflow_usd) as exchanges_known,
       max(days_known) as days_known,
       max(last_at) at time zone 'UTC' as last_record_at
from sums
where netflow_usd is not null
group by week, asset_class
order by week desc, asset_class;
