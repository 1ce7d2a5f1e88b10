"""Kinds of events of the cross-asset part."""

from __future__ import annotations

from marketflows_pipeline.queries.events.kinds import Discrete, Measured, as_time, changes_of_stays

_FLOWS = "core.asset_flows"
# A coin's change of supply is issuance, no flow of investors.
_FUND_FLOW = "flow_method in ('shares', 'aum') and trade_session is not null and trade_flow_usd is not null"
_CAP_BEFORE = "(market_cap_usd - market_cap_change_usd)"
# Sessions that a kind of changes looks back at: a figure of a decade ago says little of how rare one is today.
_RECENT = "session > (select max(session) from core.asset_flows) - 1500"
_OF_ROTATION = """universe = 'cross-asset' and benchmark = (
    select min(benchmark) from mart.cross_asset_rotation_log where universe = 'cross-asset'
)"""

FLOW_SHOCK = Measured(
    name="flow_shock",
    part="cross_asset",
    unit="% of market cap",
    tables=(_FLOWS,),
    sql=f"""
select symbol as subject, symbol as label, {as_time("trade_session")} as ts,
       100 * trade_flow_usd / {_CAP_BEFORE} as value, null::double as coverage_pct
from core.asset_flows
where {_FUND_FLOW} and {_CAP_BEFORE} > 0
""",
)
CLASS_FLOW_SHOCK = Measured(
    name="class_flow_shock",
    part="cross_asset",
    unit="% of market cap",
    tables=(_FLOWS,),
    sql=f"""
select asset_class as subject, concat(asset_class, ' funds') as label, {as_time("trade_session")} as ts,
       100 * flow_usd / cap_usd as value, null::double as coverage_pct
from (
    select asset_class, trade_session, sum(trade_flow_usd) as flow_usd, sum{_CAP_BEFORE} as cap_usd, count(*) as n,
           max(count(*)) over (
               partition by asset_class order by trade_session rows between 10 preceding and 1 preceding
           ) as n_before
    from core.asset_flows
    where {_FUND_FLOW} and {_CAP_BEFORE} > 0
    group by asset_class, trade_session
)
where n > 1 and n >= n_before
""",
)
VOLATILITY_SHOCK = Measured(
    name="volatility_shock",
    part="cross_asset",
    unit="%",
    tables=("mart.regimes",),
    sql=f"""
select 'VIX' as subject, 'VIX' as label, {as_time("session")} as ts,
       100 * ln(vix / before) as value, null::double as coverage_pct
from (select session, vix, lag(vix) over (order by session) as before from mart.regimes)
where vix > 0 and before > 0
""",
)
REGIME_CHANGE = Discrete(
    name="regime_change",
    part="cross_asset",
    unit="VIX",
    tables=("mart.regimes",),
    sql=f"""
select 'regime' as subject, 'Market regime' as label, {as_time("session")} as ts, was, regime as became,
       vix as value, before as reference
from (
    select session, vix, regime, lag(regime) over w as was, lag(vix) over w as before
    from mart.regimes
    where regime is not null
    window w as (order by session)
)
where was <> regime
""",
    observed_sql=f"select 'regime' as subject, {as_time('session')} as ts from mart.regimes where regime is not null",
)
QUADRANT_CHANGE = Discrete(
    name="quadrant_change",
    part="cross_asset",
    unit="",
    tables=("mart.cross_asset_rotation", "mart.cross_asset_rotation_log"),
    sql=f"""
select series as subject, series as label, entered_at as ts, was, quadrant as became,
       null::double as value, null::double as reference
from ({changes_of_stays(f"from mart.cross_asset_rotation_log where {_OF_ROTATION}")})
""",
    observed_sql=f"""
select series as subject, ts from mart.cross_asset_rotation
where {_OF_ROTATION} and quadrant is not null
""",
)
SHARE_STEP = Discrete(
    name="share_step",
    part="cross_asset",
    unit="USD",
    tables=(_FLOWS,),
    sql=f"""
select symbol as subject, symbol as label, {as_time("session")} as ts, 'usual' as was,
       case when is_supply_revision then 'supply counted anew'
            when coalesce(flow_usd, gap_flow_usd, share_effect_usd) < 0 then 'large redemption'
            else 'large creation' end as became,
       coalesce(flow_usd, gap_flow_usd, share_effect_usd) as value, {_CAP_BEFORE} as reference
from core.asset_flows
where (is_large_creation or is_supply_revision) and {_RECENT}
""",
    observed_sql=f"select symbol as subject, {as_time('session')} as ts from core.asset_flows where {_RECENT}",
)

KINDS = (FLOW_SHOCK, CLASS_FLOW_SHOCK, VOLATILITY_SHOCK, REGIME_CHANGE, QUADRANT_CHANGE, SHARE_STEP)
