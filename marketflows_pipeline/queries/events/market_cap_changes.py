"""Kinds of events of the market-cap part that are changes of state."""

from __future__ import annotations

from marketflows_pipeline.queries.events.kinds import RECENT_CLOSES, Discrete, changes_of_stays, days_apart
from marketflows_pipeline.queries.events.market_caps import OF_INDEX, SUBJECT
from marketflows_pipeline.settings import SOURCES

_TOP = 10
_LARGEST_CATEGORIES = 100
_RETURNS_7D = f"""
    select series, ts, 100 * (price_index / before - 1) as return_pct
    from (
        select series, ts, price_index, lag(price_index, 7) over w as before, lag(ts, 7) over w as ts_before
        from core.index_closes
        where category = 'Narratives' and base_asset = 'us-dollar'
        window w as (partition by series order by ts)
    )
    where {days_apart("ts", "ts_before", 7)}
"""
# As each provider calls it: the SQL, which users run again, knows no settings.
_BITCOIN = ", ".join(f"'{source.bitcoin_id}'" for source in SOURCES.values())
_OF_ROTATION = f"""universe = 'narratives' and benchmark = (
    select coalesce(min(benchmark) filter (benchmark in ({_BITCOIN})), min(benchmark))
    from mart.rotation_log where universe = 'narratives'
)"""
# The rule of mart.category_radar.kind.
_IS_NARRATIVE = r"""
    not regexp_matches(lower(concat(name, ' ', replace(category_id, '-', ' '))), '\b(ecosystem|portfolio|holdings)\b')
"""


LEADERSHIP_CHANGE = Discrete(
    name="leadership_change",
    part="market_caps",
    unit="%",
    tables=("core.index_closes", "core.series"),
    sql=f"""
with returns as ({_RETURNS_7D}),
leaders as (
    select series, ts, return_pct
    from returns
    qualify row_number() over (partition by ts order by return_pct desc, series) = 1
        and count(*) over (partition by ts) > 1
),
steps as (select series, ts, return_pct, lag(series) over (order by ts) as former from leaders)
select steps.series as subject, coalesce(new.label, steps.series) as label, steps.ts,
       coalesce(old.label, former) as was, coalesce(new.label, steps.series) as became,
       steps.return_pct as value, of_former.return_pct as reference
from steps
left join returns of_former on of_former.series = former and of_former.ts = steps.ts
left join core.series new on new.category = 'Narratives' and new.series = steps.series
left join core.series old on old.category = 'Narratives' and old.series = former
where former <> steps.series
""",
    observed_sql=f"select series as subject, ts from ({_RETURNS_7D})",
)

QUADRANT_CHANGE = Discrete(
    name="quadrant_change",
    part="market_caps",
    unit="",
    tables=("mart.rotation", "mart.rotation_log", "core.series"),
    sql=f"""
select stays.series as subject, coalesce(label, stays.series) as label, entered_at as ts, was, quadrant as became,
       null::double as value, null::double as reference
from ({changes_of_stays(f"from mart.rotation_log where {_OF_ROTATION}")}) stays
left join core.series names on names.category = 'Narratives' and names.series = stays.series
""",
    observed_sql=f"""
select series as subject, ts from mart.rotation
where {_OF_ROTATION} and quadrant is not null
""",
)

LARGE_SUPPLY_STEP = Discrete(
    name="large_supply_step",
    part="market_caps",
    unit="USD",
    tables=("mart.cap_attribution", "raw.coins"),
    sql="""
select coin_id as subject, coalesce(name, coin_id) as label, ts, 'steady supply' as was,
       concat(if(large_supply_step_usd > 0, 'larger', 'smaller'), ' supply, ',
              case is_confirmed when true then 'confirmed' when false then 'not confirmed' else 'no other count' end)
           as became,
       large_supply_step_usd as value, market_cap_usd - change_usd as reference
from mart.cap_attribution left join accepted.coins using (coin_id)
where large_supply_step_usd <> 0
""",
    observed_sql="select coin_id as subject, ts from mart.cap_attribution",
)

MEMBER_CHANGE = Discrete(
    name="member_change",
    part="market_caps",
    unit="coins",
    tables=("core.narrative_constituents", "core.index_closes", "core.series", "raw.coins"),
    sql="""
with members as (
    select series, coin_id, effective_from, effective_to, is_incumbent,
           min(effective_from) over (partition by series) as first_from
    from core.narrative_constituents where category = 'Narratives'
),
moves as (
    select series, effective_from as ts, coin_id, true as has_joined
    from members where not is_incumbent and effective_from > first_from
    union all
    select old.series, old.effective_to, old.coin_id, false
    from members old
    anti join members new
        on new.series = old.series and new.coin_id = old.coin_id and new.effective_from = old.effective_to
    where old.effective_to is not null
),
counted as (
    select series, ts, count(*) as n, count(*) filter (has_joined) as n_joined,
           array_to_string((list(name order by name) filter (not has_joined))[:8], ', ') as left_names,
           array_to_string((list(name order by name) filter (has_joined))[:8], ', ') as joined_names
    from (
        select series, ts, has_joined, coalesce(name, coin_id) as name
        from moves left join accepted.coins using (coin_id)
    )
    group by series, ts
)
select counted.series as subject, coalesce(label, counted.series) as label, ts,
       concat(left_names, if(n - n_joined > 8, concat(' and ', n - n_joined - 8, ' more'), '')) as was,
       concat(joined_names, if(n_joined > 8, concat(' and ', n_joined - 8, ' more'), '')) as became,
       n::double as value, null::double as reference
from counted left join core.series names on names.category = 'Narratives' and names.series = counted.series
""",
    observed_sql="""
select series as subject, ts from core.index_closes where category = 'Narratives' and base_asset = 'us-dollar'
""",
)
NEW_NARRATIVE = Discrete(
    name="new_narrative",
    part="market_caps",
    unit="USD",
    tables=("raw.category_snapshots",),
    sql=f"""
with days as (select distinct observed_at from accepted.category_snapshots),
listed as (
    select category_id, observed_at, name, market_cap_usd from accepted.category_snapshots
    where market_cap_usd > 0 and isfinite(market_cap_usd)
),
first as (
    select category_id, min(observed_at) as observed_at from accepted.category_snapshots group by category_id
    having min(observed_at) > (select min(observed_at) from days)
),
placed as (
    select first.category_id, first.observed_at, own.name, own.market_cap_usd,
           (select count(*) from listed larger
            where larger.observed_at = first.observed_at and larger.market_cap_usd > own.market_cap_usd) + 1 as place
    from first join listed own on own.category_id = first.category_id and own.observed_at = first.observed_at
)
select category_id as subject, name as label, observed_at as ts, 'not listed' as was,
       concat('listed, number ', place, ' by market cap') as became, market_cap_usd as value, null::double as reference
from placed
where place <= {_LARGEST_CATEGORIES} and {_IS_NARRATIVE}
""",
    observed_sql="select distinct observed_at as ts from accepted.category_snapshots",
)
COVERAGE_LOST = Discrete(
    name="coverage_lost",
    part="market_caps",
    unit="%",
    tables=("core.index_closes", "core.series"),
    sql=f"""
select {SUBJECT} as subject, coalesce(label, series) as label, ts,
       'priced' as was, 'partly held' as became, coverage_pct as value, before as reference
from (
    select category, series, ts, coverage_pct, lag(coverage_pct) over w as before
    from core.index_closes
    where {OF_INDEX}
    window w as (partition by category, series order by ts)
)
left join core.series using (category, series)
where coverage_pct < 95 and before >= 95
""",
    observed_sql=f"""
select {SUBJECT} as subject, ts
from core.index_closes
where {OF_INDEX}
""",
)
RANK_CHANGE = Discrete(
    name="rank_change",
    part="market_caps",
    unit="place",
    tables=("core.daily_closes", "raw.coins"),
    sql=f"""
with closes as (
    select coin_id, ts, market_cap_usd, lag(market_cap_usd) over w as cap_before, lag(ts) over w as ts_before
    from core.daily_closes where {RECENT_CLOSES}
    window w as (partition by coin_id order by ts)
),
near as (
    -- Among the coins with both closes, so that nobody moves up by another one's missing close.
    select coin_id, ts, row_number() over (partition by ts order by market_cap_usd desc, coin_id) as place,
           row_number() over (partition by ts order by cap_before desc, coin_id) as before
    from closes where {days_apart("ts", "ts_before")}
)
select coin_id as subject, coalesce(name, coin_id) as label, ts,
       concat('place ', before) as was, concat('place ', place) as became,
       place::double as value, before::double as reference
from near left join accepted.coins using (coin_id)
where (place <= {_TOP}) <> (before <= {_TOP})
""",
    observed_sql=f"select coin_id as subject, ts from core.daily_closes where {RECENT_CLOSES}",
)

DISCRETE = (
    LEADERSHIP_CHANGE,
    QUADRANT_CHANGE,
    LARGE_SUPPLY_STEP,
    MEMBER_CHANGE,
    NEW_NARRATIVE,
    COVERAGE_LOST,
    RANK_CHANGE,
)
