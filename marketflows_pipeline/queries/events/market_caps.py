"""Kinds of events of the market-cap part that have a figure a day."""

from __future__ import annotations

from marketflows_pipeline.queries.events.kinds import Measured, days_apart

OF_INDEX = "category in ('Narratives', 'Portfolios') and base_asset = 'us-dollar'"
# A portfolio, or a range, may be called like a narrative.
SUBJECT = "case when category in ('Narratives', 'Cohort') then series else concat(category, '/', series) end"
_CLOSES = "core.index_closes"

INDEX_MOVE = Measured(
    name="index_move",
    part="market_caps",
    unit="%",
    tables=(_CLOSES, "core.series"),
    sql=f"""
select {SUBJECT} as subject, coalesce(label, series) as label, ts,
       100 * (price_index / before - 1) as value, coverage_pct
from (
    select category, series, ts, price_index, coverage_pct,
           lag(price_index) over w as before, lag(ts) over w as ts_before
    from core.index_closes
    where {OF_INDEX}
    window w as (partition by category, series order by ts)
)
left join core.series using (category, series)
where {days_apart("ts", "ts_before")}
""",
)
BREADTH_THRUST = Measured(
    name="breadth_thrust",
    part="market_caps",
    unit="pp",
    tables=("mart.breadth", "core.series"),
    sql=f"""
select {SUBJECT} as subject, coalesce(label, series) as label, ts,
       above_ema_20_pct - before as value, 100.0 * n / n_members as coverage_pct
from (
    select category, series, ts, n, n_members, above_ema_20_pct,
           lag(above_ema_20_pct, 5) over w as before, lag(ts, 5) over w as ts_before
    from mart.breadth
    window w as (partition by category, series order by ts)
)
left join core.series using (category, series)
where {days_apart("ts", "ts_before", 5)} and above_ema_20_pct is not null and before is not null
""",
)
RANGE_MIGRATION = Measured(
    name="range_migration",
    part="market_caps",
    unit="%",
    tables=("mart.range_migration", "mart.range_chain", "core.series"),
    sql=f"""
with moves as (
    -- What a coin brings along it takes away too: its cap after, or the last known one of a coin that is gone.
    select from_range, to_range, ts, coalesce(cap_after_usd, cap_before_usd) as usd
    from mart.range_migration where period_days = 1
),
crossings as (
    select to_range as series, ts, usd from moves
    union all
    select from_range, ts, -usd from moves
),
net as (select series, ts, sum(usd) as usd from crossings where series is not null group by all),
levels as (
    select series, ts, lag(level_usd) over w as before_usd, lag(ts) over w as ts_before
    from mart.range_chain
    window w as (partition by series order by ts)
)
select concat('Ranges/', levels.series) as subject, coalesce(label, levels.series) as label, levels.ts,
       100 * coalesce(usd, 0) / before_usd as value, null::double as coverage_pct
from levels
left join net on net.series = levels.series and net.ts = levels.ts
left join core.series names on names.category = 'Ranges' and names.series = levels.series
where {days_apart("levels.ts", "ts_before")} and before_usd > 0
""",
)
DOMINANCE_CHANGE = Measured(
    name="dominance_change",
    part="market_caps",
    unit="pp",
    tables=("mart.dominance",),
    sql=f"""
with shares as (
    select 'bitcoin' as subject, 'Bitcoin' as label, ts, bitcoin_pct as pct from mart.dominance
    union all
    select 'stablecoins', 'Stablecoins', ts, stablecoins_pct from mart.dominance
)
select subject, label, ts, pct - before as value, null::double as coverage_pct
from (
    select *, lag(pct) over w as before, lag(ts) over w as ts_before
    from shares
    window w as (partition by subject order by ts)
)
where {days_apart("ts", "ts_before")} and pct is not null and before is not null
""",
)

MEASURED = (INDEX_MOVE, BREADTH_THRUST, RANGE_MIGRATION, DOMINANCE_CHANGE)
