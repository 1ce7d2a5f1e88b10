-- What did prices do in the five sessions after unusual inflows and outflows?
-- A description of the past, not a forecast: windows overlap, nothing is tested, and the same past chose the rows.
-- A flow is known on the next session, so returns begin at that session's close.
-- Needs: 66 sessions with known flows, and unusual ones among them.
with paths as (
    select symbol,
           session,
           flow_method,
           flow_zscore,
           lead(close_usd, 1) over by_symbol as known_close_usd,
           lead(close_usd, 6) over by_symbol as later_close_usd
    from core.asset_flows
    window by_symbol as (partition by symbol order by session)
),
followed as (
    select symbol,
           session,
           case when flow_zscore >= 1 then 'inflow' when flow_zscore <= -1 then 'outflow' else 'usual' end as flow,
           later_close_usd / known_close_usd - 1 as later_return
    from paths
    where flow_zscore is not null and flow_method <> 'supply' and later_close_usd is not null
)
select symbol,
       flow,
       count(*) as cases,
       round(100 * avg(later_return), 2) as mean_return_pct,
       round(100 * median(later_return), 2) as median_return_pct,
       round(100 * avg((later_return > 0)::integer), 1) as rose_pct,
       round(100 * sum(sum(later_return)) over of_symbol / sum(count(*)) over of_symbol, 2) as mean_of_all_cases_pct,
       round(
           100 * sum(sum((later_return > 0)::integer)) over of_symbol / sum(count(*)) over of_symbol, 1
       ) as rose_of_all_cases_pct,
       min(session) as first_session,
       max(session) as last_session,
       (select max(fetched_at) from accepted.daily_bars) at time zone 'UTC' as fetched_at
from followed
group by symbol, flow
window of_symbol as (partition by symbol)
order by symbol, case flow when 'inflow' then 1 when 'usual' then 2 else 3 end;
