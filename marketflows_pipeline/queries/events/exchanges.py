"""Kinds of events of the exchange part."""

from __future__ import annotations

from marketflows_pipeline.queries.events.kinds import Discrete, Measured, as_time

_MEASURE = "concat(measure, '/', segment)"
_MEASURE_LABEL = "concat(replace(measure, '_', ' '), ', ', segment, ' exchanges')"

NETFLOW_OUTLIER = Measured(
    name="netflow_outlier",
    part="exchanges",
    unit="% of reserves",
    tables=("mart.exchange_netflow",),
    sql=f"""
select slug as subject, name as label, {as_time("day")} as ts,
       100 * netflow_mid_usd / reserves_usd as value, coverage_pct
from mart.exchange_netflow
where previous_day = day - 1 and netflow_mid_usd is not null and reserves_usd > 0
""",
)
VOLUME_SPIKE = Measured(
    name="volume_spike",
    part="exchanges",
    unit="%",
    tables=("core.exchange_volumes", "core.exchanges"),
    sql="""
select volumes.exchange_id as subject, coalesce(name, volumes.exchange_id) as label, ts,
       100 * (volume_24h_btc / mean_btc - 1) as value, null::double as coverage_pct
from (
    select exchange_id, ts, volume_24h_btc, avg(volume_24h_btc) over week as mean_btc, count(*) over week as n_days
    from core.exchange_volumes
    window week as (
        partition by exchange_id order by day range between interval 7 days preceding and interval 1 day preceding
    )
) volumes
left join core.exchanges names on names.exchange_id = volumes.exchange_id
where n_days >= 5 and mean_btc > 0
""",
)
CONCENTRATION_CHANGE = Measured(
    name="concentration_change",
    part="exchanges",
    unit="points",
    tables=("mart.exchange_dominance",),
    sql=f"""
select {_MEASURE} as subject, {_MEASURE_LABEL} as label, ts, fixed_hhi_index - before as value,
       null::double as coverage_pct
from (
    select measure, segment, day, ts, fixed_hhi_index,
           lag(fixed_hhi_index) over w as before, lag(day) over w as day_before
    from mart.exchange_dominance
    window w as (partition by measure, segment order by day)
)
where day_before = day - 1 and fixed_hhi_index is not null and before is not null
""",
)
EXCHANGE_RANK_CHANGE = Discrete(
    name="exchange_rank_change",
    part="exchanges",
    unit="%",
    tables=("mart.exchange_shares",),
    sql=f"""
with leaders as (
    select measure, segment, day, ts, exchange_key, name, fixed_share_pct
    from mart.exchange_shares
    where fixed_share_pct is not null
    qualify row_number() over (partition by measure, segment, day order by fixed_share_pct desc, exchange_key) = 1
),
steps as (
    select *, lag(exchange_key) over w as former, lag(name) over w as former_name
    from leaders
    window w as (partition by measure, segment order by day)
)
select {_MEASURE} as subject, {_MEASURE_LABEL} as label, ts,
       former_name as was, name as became, fixed_share_pct as value, old_pct as reference
from steps
left join (
    select measure as of_measure, segment as of_segment, day as of_day, exchange_key as old_key,
           fixed_share_pct as old_pct
    from mart.exchange_shares
) on of_measure = measure and of_segment = segment and of_day = day and old_key = former
where former <> exchange_key
""",
    observed_sql=f"""
select distinct {_MEASURE} as subject, ts from mart.exchange_shares where fixed_share_pct is not null
""",
)

KINDS = (NETFLOW_OUTLIER, VOLUME_SPIKE, CONCENTRATION_CHANGE, EXCHANGE_RANK_CHANGE)
