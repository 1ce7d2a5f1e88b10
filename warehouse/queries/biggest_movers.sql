-- Which series moved most in each base asset over the last week?
-- The three largest moves, up or down, of each category and base.
-- Needs: a week of grid times in mart.category_metrics.
select category,
       base_asset,
       row_number() over largest_first as place,
       coalesce(label, series) as series,
       round(gain_pct, 2) as gain_pct,
       as_of at time zone 'UTC' as as_of
from mart.percent_gains
left join core.series using (category, series)
where hours_ago = 168 and gain_pct is not null
window largest_first as (partition by category, base_asset order by abs(gain_pct) desc, series)
qualify row_number() over largest_first <= 3
order by category, base_asset, place;
