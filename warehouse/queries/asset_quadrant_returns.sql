-- What did assets return in each quadrant against the benchmark, and what does chance give after an entry?
-- The return inside is known with hindsight alone: a stay ends because the path has turned. What could be known, the four
-- weeks after an entry in units of their expected deviation, stands beside the band of the same weeks in shuffled order.
-- Needs: 29 weeks of an asset beside the benchmark, and for the band 156 weeks with 30 entries.
select quadrant,
       count(*) as n_stays,
       round(avg(days), 1) as mean_days,
       round(avg(return_pct), 2) as mean_return_inside_pct,
       round(any_value(value), 2) as return_after_entry,
       round(any_value(lower), 2) as chance_from,
       round(any_value(upper), 2) as chance_to,
       any_value(coalesce(reason, if(value between lower and upper, 'chance', 'beyond chance'))) as verdict,
       max(as_of) at time zone 'UTC' as as_of
from mart.cross_asset_rotation_log stays
left join mart.cross_asset_rotation_placebo placebo
  on placebo.universe = stays.universe
 and placebo.benchmark = stays.benchmark
 and statistic = 'return_after_' || quadrant
where stays.universe = 'cross-asset' and is_seen_to_begin and left_at is not null
group by quadrant
order by list_position(['leading', 'weakening', 'lagging', 'improving'], quadrant);
