-- How long did each spell of risk-on, risk-off or mixed last, and what did the benchmark return in it?
-- The benchmark is SPY; put another symbol in its place. A spell begins with the session that confirmed it, and is known
-- at that session's close, so returns are from that close to the close of the spell's end, which is the first session of
-- the next one.
-- Needs: sessions of SPY with the days of VIX beside them, enough for a confirmed regime.
with marked as (
    select session, regime, vix,
           (regime is distinct from lag(regime) over (order by session))::integer as is_new
    from mart.regimes
),
numbered as (
    select *, sum(is_new) over (order by session) as spell from marked
),
spells as (
    select spell,
           any_value(regime) as regime,
           min(session) as first_session,
           max(session) as last_session,
           count(*) as sessions,
           max(vix) as highest_vix
    from numbered
    group by spell
),
ends as (
    select *, coalesce(lead(first_session) over (order by spell), last_session) as end_session from spells
)
select coalesce(e.regime, 'unknown') as regime,
       e.first_session,
       e.last_session,
       e.sessions,
       round(100 * (b.close_usd / a.close_usd - 1), 2) as benchmark_return_pct,
       round(e.highest_vix, 2) as highest_vix,
       (select max(fetched_at) from accepted.volatility_index) at time zone 'UTC' as fetched_at
from ends e
left join core.asset_flows a on a.symbol = 'SPY' and a.session = e.first_session
left join core.asset_flows b on b.symbol = 'SPY' and b.session = e.end_session
order by e.first_session desc;
