-- Which exchanges gained most of the spot volume over 30 days?
-- Shares are of all exchanges measured on a day; one that was not measured then has no change.
-- Needs: 30 days of volumes, and an exchange whose share grew; earlier days come with the daily volume charts.
with shares as (
    from mart.exchange_shares where measure = 'spot_volume' and segment = 'all'
),
days as (
    select max(day) as newest, max(day) filter (day <= (select max(day) from shares) - 30) as earlier from shares
)
select now.name as exchange,
       round(now.share_pct, 2) as share_pct,
       round(before.share_pct, 2) as share_before_pct,
       round(now.share_pct - before.share_pct, 2) as change_points,
       now.rank,
       before.rank as rank_before,
       before.day as compared_with,
       now.ts at time zone 'UTC' as as_of
from days
join shares now on now.day = days.newest
join shares before on before.day = days.earlier and before.exchange_key = now.exchange_key
where now.share_pct > before.share_pct
order by now.share_pct - before.share_pct desc, now.rank
limit 10;
