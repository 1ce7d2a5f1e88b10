-- On which days did most coins of a narrative or range turn up at once, after few of them stood above their average?
-- A thrust: 90 % of the coins that moved rose, while at most 30 % stood above their EMA over 50 closes the day before.
-- Back-filled days are left out: their members are coins that survived.
-- Needs: two daily closes in a row of 8 coins with 50 closes, few of them above their average, and then a rise of most.
with days as (
    select category, series, ts, n, n_advancing, n_declining, advance_decline, cap_weighted_return_pct, is_backfilled,
           lag(above_ema_50_pct) over (partition by category, series order by ts) as above_before_pct,
           above_ema_50_pct
    from mart.breadth
)
select (ts at time zone 'UTC')::date as day,
       category,
       series,
       n,
       n_advancing,
       n_declining,
       round(above_before_pct, 1) as above_ema_50_before_pct,
       round(above_ema_50_pct, 1) as above_ema_50_pct,
       round(cap_weighted_return_pct, 2) as cap_weighted_return_pct
from days
where advance_decline >= 800 and above_before_pct <= 30 and not is_backfilled
order by day desc, category, series;
