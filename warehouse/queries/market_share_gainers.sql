-- Which exchanges gained most of the spot volume over 30 days?
-- Shares are among the exchanges measured on both days: a newcomer, or one that is gone, moves nobody else's share.
-- Needs: 30 days of volumes, and an exchange whose share grew; earlier days come with the daily volume charts.
with shares as (
    from mart.exchange_shares where measure = 'spot_volume' and segment = 'all'
),
days as (
    select max(day) as newest, max(day) filter (day <= (select max(day) from shares) - 30) as earlier from shares
),
compared as (
    select now.name as exchange,
           100 * now.value / sum(now.value) over () as share_pct,
           100 * before.value / sum(before.value) over () as share_before_pct,
           now.rank,
           before.rank as rank_before,
           before.day as compared_with,
           now.ts
    from days
    join shares now on now.day = days.newest
    join shares before on before.day = days.earlier and before.exchange_key = now.exchange_key
)
select exchange,
       round(share_pct, 2) as share_pct,
       round(share_before_pct, 2) as share_before_pct,
       round(share_pct - share_before_pct, 2) as change_points,
       rank,
       rank_before,
       compared_with,
       ts at time zone 'UTC' as as_of
from compared
where share_pct > share_before_pct
order by share_pct - share_before_pct desc, rank
limit 10;
