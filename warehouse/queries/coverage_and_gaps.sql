-- How much of each coin's history was observed, and where is its longest gap?
-- A gap is a run of grid steps without an observation within half a step.
-- Needs: a published market-cap part.
with runs as (
    select coin_id, ts, fill,
           row_number() over (partition by coin_id order by ts)
           - row_number() over (partition by coin_id, fill = 'observed' order by ts) as run
    from core.market_cap_grid
),
gaps as (
    select coin_id, count(*) as steps, min(ts) as started_at
    from runs
    where fill <> 'observed'
    group by coin_id, run
),
longest as (
    select coin_id, max(steps) as steps, arg_max(started_at, (steps, started_at)) as started_at
    from gaps
    group by coin_id
)
select coin_id,
       count(*) as grid_steps,
       round(100.0 * count(*) filter (fill = 'observed') / count(*), 1) as observed_pct,
       count(*) filter (fill = 'before_first') as before_first,
       count(*) filter (fill = 'after_last') as after_last,
       coalesce(any_value(longest.steps), 0) as longest_gap_steps,
       any_value(longest.started_at) at time zone 'UTC' as longest_gap_started_at
from core.market_cap_grid
left join longest using (coin_id)
group by coin_id
order by observed_pct, coin_id;
