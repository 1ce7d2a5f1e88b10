-- Which narrative led each week?
-- A week's gain is from its predecessor's last grid time to its own; weeks begin on Monday, UTC.
-- Needs: two Sundays in the history of a narrative.
with closes as (
    select series as narrative,
           date_trunc('week', ts at time zone 'UTC') as week,
           arg_max(market_cap_usd, ts) as close_usd
    from core.group_totals
    where category = 'Narratives' and market_cap_usd is not null
    group by narrative, week
),
gains as (
    select *, 100 * (close_usd / lag(close_usd) over (partition by narrative order by week) - 1) as gain_pct
    from closes
)
select week::date as week,
       narrative as leader,
       round(gain_pct, 2) as gain_pct,
       round(gain_pct - median(gain_pct) over (partition by week), 2) as above_median_pct
from gains
where gain_pct is not null
qualify row_number() over (partition by week order by gains.gain_pct desc, narrative) = 1
order by week;
