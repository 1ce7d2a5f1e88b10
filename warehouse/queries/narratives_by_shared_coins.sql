-- Which narratives hold the same coins, and where does each of those coins count in the market map?
-- A coin in several narratives counts in the smallest of them by market cap, so that the map adds up to 100 %.
-- Needs: two narratives in the settings that share a coin.
with shared as (
    select series, other_series, ts, n_shared, of_smaller_pct, of_union_pct, is_backfilled
    from mart.narrative_overlap where n_shared > 0
)
select shared.series,
       shared.other_series,
       shared.n_shared,
       round(shared.of_smaller_pct, 1) as of_smaller_pct,
       round(shared.of_union_pct, 1) as of_union_pct,
       round(any_value(map.series_share_pct) filter (map.series = shared.series), 2) as share_in_map_pct,
       round(any_value(map.series_share_pct) filter (map.series = shared.other_series), 2) as other_share_in_map_pct,
       shared.is_backfilled,
       shared.ts at time zone 'UTC' as as_of
from shared left join mart.market_map map on map.series in (shared.series, shared.other_series)
group by all
order by of_smaller_pct desc, shared.series, shared.other_series;
