-- Which coins moved each narrative's index over the last 30 closes, and how long were they in it?
-- Contributions in percent of the index at the start; they sum to its return.
-- Needs: 30 daily closes in mart.index_contributions.
with span as (
    select category, series, max(ts) as last, max(ts) - interval 30 days as first
    from core.index_closes
    where category = 'Narratives' and base_asset = 'us-dollar'
    group by all
),
start as (
    select span.*, price_index
    from span
    join core.index_closes closes
      on closes.category = span.category and closes.series = span.series and closes.ts = span.first
     and base_asset = 'us-dollar'
)
select series,
       coin_id,
       round(100 * sum(points - points_before) / any_value(price_index), 2) as contribution_pct,
       count(*) as closes_held,
       max(ts) at time zone 'UTC' as as_of
from mart.index_contributions
join start using (category, series)
where ts > first
group by series, coin_id
order by series, contribution_pct desc;
