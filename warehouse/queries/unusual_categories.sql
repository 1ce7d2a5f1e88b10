-- Which categories moved most unusually over the last week, each against its own past?
-- Sums of market caps as CoinGecko has them at the moment, mostly prices: no index, and no money that moved.
-- Needs: 28 daily snapshots of all categories: 20 past changes over seven days, and the present one.
select category_id,
       kind,
       round(cap_change_zscore, 2) as cap_change_zscore,
       round(cap_change_pct, 2) as cap_change_pct,
       round(cap_change_percentile_pct, 0) as cap_change_percentile_pct,
       n_past_cap_changes,
       round(volume_change_pct, 1) as volume_change_pct,
       rank_change as places_gained,
       near_duplicate_of,
       observed_at at time zone 'UTC' as observed_at
from mart.category_radar
where period_days = 7 and cap_change_zscore is not null
order by abs(cap_change_zscore) desc, category_id
limit 25;
