-- On which sessions of the last 252 did money move most unusually, for each asset against its own past?
-- At least three standard deviations of the 60 sessions before; the return of the session stands beside it.
-- Needs: 61 sessions with known flows of an asset before an unusual one.
with numbered as (
    -- Not by a limit: DuckDB 1.5 may filter for the join before it limits, and so reach further back.
    select session, row_number() over (order by session desc) as sessions_back
    from (select distinct session from core.asset_flows)
),
sessions as (
    select session from numbered where sessions_back <= 252
)
select session,
       symbol,
       round(flow_zscore, 1) as flow_zscore,
       round(flow_usd / 1e6, 2) as flow_million_usd,
       round(flow_pct_of_market_cap, 2) as flow_of_market_cap_pct,
       round(100 * price_return, 2) as return_pct,
       round(notional_zscore, 1) as notional_zscore,
       flow_method,
       known_at at time zone 'UTC' as known_at
from core.asset_flows
join sessions using (session)
where abs(flow_zscore) >= 3 and flow_method <> 'supply'
order by abs(flow_zscore) desc, session desc, symbol
limit 25;
