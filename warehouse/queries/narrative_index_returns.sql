-- How did each narrative's chained index do over 7, 30 and 90 days, and what of it was issuance?
-- Price index: members as they were known, units fixed. Cap index less price index: new supply.
-- Needs: 90 daily closes in mart.narrative_index.
with closes as (
    select series, ts, price_index, cap_index, is_backfilled, coverage_pct
    from mart.narrative_index
    where category = 'Narratives' and base_asset = 'us-dollar' and not is_provisional
),
newest as (select * from closes qualify ts = max(ts) over (partition by series)),
periods as (select unnest([7, 30, 90]) as days)
select newest.series,
       days,
       round(100 * (newest.price_index / before.price_index - 1), 2) as price_pct,
       round(100 * (newest.cap_index / before.cap_index - newest.price_index / before.price_index), 2) as issuance_pct,
       before.is_backfilled as begins_back_filled,
       round(newest.coverage_pct, 1) as coverage_pct,
       newest.ts at time zone 'UTC' as as_of
from newest
cross join periods
join closes before on before.series = newest.series and before.ts = newest.ts - to_days(days)
order by days, price_pct desc;
