-- Which assets of each class took in most over the last 21 sessions, and which lost most?
-- Unknown flows stand last, without a place. Coins have issuance, which is no flow of investors and has no place either.
-- Flows go by the session on which the money moved, up to the last one that is known of funds with 90 % of assets.
-- Needs: 21 sessions of the cross-asset part, with share counts for a fund's flow.
with traded as (
    select symbol, coalesce(trade_session, session) as session, flow_method, gap_sessions, shares,
           case when trade_session is null then flow_usd else trade_flow_usd end as flow_usd,
           case when trade_session is null then gap_flow_usd else trade_gap_flow_usd end as gap_flow_usd
    from core.asset_flows
    where trade_session is not null or coalesce(share_lag_sessions, 0) = 0
),
keyed as (
    select core.symbol, core.session, core.asset_class, core.market_cap_usd, core.price_effect_usd,
           core.gap_price_effect_usd, core.gap_sessions as price_gap_sessions,
           coalesce(traded.flow_method, 'price_only') as flow_method, traded.gap_sessions, traded.shares,
           traded.flow_usd, traded.gap_flow_usd
    from core.asset_flows core left join traded using (symbol, session)
),
assets as (
    select session,
           last_value(market_cap_usd ignore nulls) over (
               partition by symbol order by session rows between 21 preceding and current row
           ) as assets_usd,
           coalesce(flow_usd, gap_flow_usd) is not null as is_known
    from (select distinct session from keyed)
    cross join (select distinct symbol from core.asset_flows where share_lag_sessions is not null)
    left join keyed using (symbol, session)
),
well_known as (
    select session from assets group by session
    having sum(assets_usd) > 0 and sum(assets_usd) filter (where is_known) >= (0.9 - 1e-9) * sum(assets_usd)
),
numbered as (
    -- Not by a limit: DuckDB 1.5 may filter for the join before it limits, and so reach further back.
    select session, row_number() over (order by session desc) as sessions_back
    from (select distinct session from keyed)
    where session <= coalesce((select max(session) from well_known), session)
),
sessions as (
    select session from numbered where sessions_back <= 21
),
inside as (
    select *, count(*) over (partition by symbol order by session) as own_sessions
    from keyed
    join sessions using (session)
),
counted as (
    -- What came over a gap counts where the window holds all of its sessions.
    select symbol, session, asset_class, market_cap_usd,
           coalesce(gap_sessions <= own_sessions, false) as is_whole_gap,
           coalesce(flow_usd, case when is_whole_gap then gap_flow_usd end) as flow_usd,
           coalesce(price_effect_usd, case when price_gap_sessions <= own_sessions then gap_price_effect_usd end)
               as price_effect_usd,
           case when is_whole_gap then gap_sessions else (inside.flow_usd is not null)::integer end as sessions_known,
           case when is_whole_gap and flow_method = 'price_only' then if(shares is null, 'aum', 'shares')
                else flow_method end as flow_method
    from inside
),
sums as (
    select symbol,
           any_value(asset_class) as asset_class,
           coalesce(
               arg_max(flow_method, session) filter (where flow_method <> 'price_only'), 'price_only'
           ) as flow_method,
           sum(flow_usd) as flow_usd,
           sum(sessions_known) as sessions_known,
           sum(price_effect_usd) as price_effect_usd,
           arg_max(market_cap_usd, session) as market_cap_usd
    from counted
    group by symbol
),
ranked as (
    select *,
           flow_usd is not null and flow_method <> 'supply' as is_ranked,
           row_number() over (
               partition by asset_class, flow_usd is not null and flow_method <> 'supply'
               order by flow_usd desc, symbol
           ) as place
    from sums
)
select asset_class,
       case when is_ranked then place end as place,
       symbol,
       round(flow_usd / 1e6, 2) as flow_million_usd,
       round(100 * flow_usd / market_cap_usd, 2) as flow_of_market_cap_pct,
       round(price_effect_usd / 1e6, 2) as price_effect_million_usd,
       round(sum(flow_usd) filter (where is_ranked) over (partition by asset_class) / 1e6, 2) as class_flow_million_usd,
       flow_method,
       sessions_known,
       (select max(fetched_at) from accepted.daily_bars) at time zone 'UTC' as fetched_at
from ranked
order by asset_class, is_ranked desc, place, symbol;
