"""Kinds of events about the figures themselves: checks that begin to fail, series that stop."""

from __future__ import annotations

from marketflows_pipeline.queries.events.kinds import DAY_US, RECENT_CLOSES, Discrete, as_time
from marketflows_pipeline.schema import Part
from marketflows_pipeline.transforms.market_caps.provider_differences import TOLERANCE

_RECENT_SESSIONS = "session > (select max(session) from core.asset_flows) - 400"


def failed_check(part: Part) -> Discrete:
    """Checks of a part that only warn, and failed in a run after they had passed in the one before."""
    return Discrete(
        name="failed_check",
        part=part,
        unit="rows",
        tables=("meta.check_results",),
        sql=f"""
select concat(check_name, ' of ', table_name) as subject, concat(check_name, ' of ', table_name) as label,
       checked_at as ts, 'passed' as was, 'failed' as became,
       offending_rows::double as value, rows_before::double as reference
from (
    select check_name, table_name, checked_at, passed, is_blocking, offending_rows,
           lag(passed) over w as passed_before, lag(offending_rows) over w as rows_before
    from meta.check_results
    where part = '{part}'
    window w as (partition by check_name, table_name order by checked_at, run_id)
)
where passed_before and not passed and not is_blocking
""",
        observed_sql=f"""
select concat(check_name, ' of ', table_name) as subject, checked_at as ts from meta.check_results
where part = '{part}'
""",
    )


def _no_figure_since(day: str) -> str:
    return f"concat('no figure since ', strftime({day}, '%-d %b %Y'))"


# A close is at most two days old: where one is missing, the observation is older than that.
STALE_COIN = Discrete(
    name="staleness",
    part="market_caps",
    unit="days",
    tables=("core.daily_closes", "core.cohort", "core.narrative_constituents", "raw.coins"),
    sql=f"""
with days as (select distinct ts from core.daily_closes where {RECENT_CLOSES}),
closes as (
    select coin_id, ts, observed_at, lead(ts) over (partition by coin_id order by ts) as next
    from core.daily_closes where {RECENT_CLOSES}
),
stops as (
    select coin_id, observed_at, make_timestamptz(epoch_us(ts) + {DAY_US}) as ts
    from closes where next is null or epoch_us(next) > epoch_us(ts) + {DAY_US}
)
select concat('core.daily_closes:', coin_id) as subject, concat('Closes of ', coalesce(name, coin_id)) as label, ts,
       'up to date' as was, {_no_figure_since("observed_at at time zone 'UTC'")} as became,
       (epoch_us(ts) - epoch_us(observed_at)) / {DAY_US} as value, 1.0::double as reference
from stops semi join days using (ts) left join accepted.coins using (coin_id)
where coin_id in (select coin_id from core.cohort) or exists (
    select 1 from core.narrative_constituents members
    where members.coin_id = stops.coin_id and effective_from <= stops.ts
        and (effective_to is null or effective_to > stops.ts)
)
""",
    observed_sql=f"""
select concat('core.daily_closes:', coin_id) as subject, ts from core.daily_closes where {RECENT_CLOSES}
""",
)
# The tolerance of the comparison, with the rounding that its ratio is given.
_APART = f"{100 * TOLERANCE:g} % apart"
_MOST_APART_PCT = f"{100 * TOLERANCE} + 1e-7"
PROVIDER_DIFFERENCE = Discrete(
    name="provider_difference",
    part="market_caps",
    unit="%",
    tables=("core.provider_comparison", "raw.coins"),
    sql=f"""
select coin_id as subject, coalesce(name, coin_id) as label, ts, 'at most {_APART}' as was,
       concat('more than {_APART} from ', provider) as became, difference_pct as value, before as reference
from (
    select coin_id, provider, ts, difference_pct, lag(difference_pct) over w as before
    from core.provider_comparison
    window w as (partition by coin_id, provider order by ts)
)
left join accepted.coins using (coin_id)
where abs(before) <= {_MOST_APART_PCT} and abs(difference_pct) > {_MOST_APART_PCT}
""",
    observed_sql="select coin_id as subject, ts from core.provider_comparison",
)
_EXCHANGE_DAYS = """
    select concat('mart.exchange_netflow:', slug) as subject, concat('Reserves of ', name) as label, day
    from mart.exchange_netflow
    union all
    select concat('core.exchange_volumes:', exchange_id), concat('Volume of ', name), day
    from core.exchange_volumes join core.exchanges using (exchange_id)
    where is_tracked
"""
STALE_EXCHANGE = Discrete(
    name="staleness",
    part="exchanges",
    unit="days",
    tables=("mart.exchange_netflow", "core.exchange_volumes", "core.exchanges"),
    sql=f"""
with rows as ({_EXCHANGE_DAYS}),
days as (select distinct day from rows),
stops as (
    select subject, label, day as last_day, day + 3 as day
    from (select *, lead(day) over (partition by subject order by day) as next from rows)
    where next is null or next > day + 3
)
select subject, label, {as_time("day")} as ts, 'up to date' as was, {_no_figure_since("last_day")} as became,
       3.0::double as value, 1.0::double as reference
from stops semi join days using (day)
""",
    observed_sql=f"select subject, {as_time('day')} as ts from ({_EXCHANGE_DAYS})",
)
# Funds and coins each by sessions of their own: on a Monday no fund is behind.
STALE_ASSET = Discrete(
    name="staleness",
    part="cross_asset",
    unit="sessions",
    tables=("core.asset_flows",),
    sql=f"""
with rows as (
    select symbol, session, bool_or(isodow(session) > 5) over (partition by symbol) as is_daily
    from core.asset_flows where {_RECENT_SESSIONS}
),
calendar as (
    select is_daily, session, row_number() over (partition by is_daily order by session) as place
    from (select distinct is_daily, session from rows)
),
stops as (
    select symbol, is_daily, session as last_session, place + 3 as place
    from (
        select rows.symbol, rows.is_daily, rows.session, place, lead(place) over w as next
        from rows join calendar on calendar.is_daily = rows.is_daily and calendar.session = rows.session
        window w as (partition by rows.symbol order by place)
    )
    where next is null or next > place + 3
)
select concat('core.asset_flows:', symbol) as subject, concat('Prices of ', symbol) as label,
       {as_time("session")} as ts, 'up to date' as was, {_no_figure_since("last_session")} as became,
       3.0::double as value, 1.0::double as reference
from stops join calendar on calendar.is_daily = stops.is_daily and calendar.place = stops.place
""",
    observed_sql=f"""
select concat('core.asset_flows:', symbol) as subject, {as_time("session")} as ts
from core.asset_flows where {_RECENT_SESSIONS}
""",
)
