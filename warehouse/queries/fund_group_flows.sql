-- What flowed into each group of funds over the last 21 sessions, and how much of each group is known?
-- Flows are of the funds that are known at each session; nothing is filled in, so a low coverage means the flow of a part.
-- Coverage is the share of the last known assets. Funds whose assets were never known are counted and not weighed.
-- Needs: assets with a group in [cross_asset], such as those of universe_preset = "wide".
with sessions as (
    select session
    from (select distinct session from mart.fund_group_flows)
    qualify row_number() over (order by session desc) <= 21
)
select asset_group,
       max(session) as session,
       round(sum(flow_usd) / 1e6, 2) as flow_million_usd,
       count(flow_usd) as sessions_known,
       arg_max(n_known, session) as funds_known,
       arg_max(n_funds, session) as funds,
       arg_max(n_funds - n_with_assets, session) as funds_without_assets,
       round(last(coverage_pct order by session), 1) as coverage_pct,
       round(min(coverage_pct), 1) as least_coverage_pct,
       round(last(assets_usd order by session) / 1e9, 3) as known_assets_billion_usd,
       (select max(fetched_at) from accepted.daily_bars) at time zone 'UTC' as fetched_at
from mart.fund_group_flows
join sessions using (session)
group by asset_group
order by asset_group;
