-- Which series have been growing without a break, and since when?
-- Consecutive grid steps of positive growth (in US dollars, no EMA) that last until now, the longest first.
-- Needs: a series that grew at the newest grid time; there is none in a market that falls.
with steps as (
    select category, series, ts, value > 0 as grows,
           row_number() over (partition by category, series order by ts desc) as steps_back
    from mart.metrics
    where diff_order = 1 and ema_period = 1 and base_asset = 'us-dollar' and not is_unit and value is not null
),
streaks as (
    select category, series, coalesce(min(steps_back) filter (not grows), max(steps_back) + 1) - 1 as length
    from steps
    group by category, series
)
select category,
       coalesce(any_value(label), series) as series,
       any_value(length) as steps_of_growth,
       min(ts) filter (steps_back <= length) at time zone 'UTC' as since
from steps
join streaks using (category, series)
left join core.series using (category, series)
group by category, series
having steps_of_growth > 0
order by steps_of_growth desc, category, series;
