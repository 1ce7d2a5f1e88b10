-- Which narratives came into another quadrant against bitcoin within the last 30 days, and how did the stay before go?
-- The return of a stay is that of the narrative's price index over bitcoin's price, from its first close to the first one
-- outside. A path turns clockwise by its making: mart.rotation_placebo says how much of that is chance.
-- Needs: 43 daily closes of a narrative's index, and a change of quadrant among the newest 30.
with stays as (
    select series, quadrant, entered_at, is_backfilled,
           lag(quadrant) over each_series as came_from,
           lag(days) over each_series as days_before,
           lag(return_pct) over each_series as return_before_pct
    from mart.rotation_log
    where universe = 'narratives' and benchmark = 'bitcoin'
    window each_series as (partition by series order by entered_at)
)
select entered_at at time zone 'UTC' as entered_at,
       coalesce(names.label, stays.series) as narrative,
       came_from,
       quadrant,
       days_before,
       round(return_before_pct, 2) as return_before_pct,
       is_backfilled
from stays
left join core.series names on names.category = 'Narratives' and names.series = stays.series
where came_from is not null
  and entered_at >= (select max(ts) from mart.rotation where benchmark = 'bitcoin') - interval 30 day
order by stays.entered_at desc, narrative;
