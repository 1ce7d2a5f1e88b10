-- Which coins of unusual volume have been trending for at least three observations in a row?
-- The volume is that of the newest observation; a proxy for large holders at work, not transactions.
-- Needs: a coin that trends in three observations in a row; each hourly run makes one.
with observations as (
    select observed_at, row_number() over (order by observed_at desc) as observations_back
    from (select distinct observed_at from accepted.trending_coins)
),
trending as (
    select coin_id, observed_at, position, observations_back,
           row_number() over (partition by coin_id order by observations_back) as times_seen
    from accepted.trending_coins
    join observations using (observed_at)
),
streaks as (
    select coin_id, count(*) as observations, min(observed_at) as since, min(position) as best_position
    from trending
    where times_seen = observations_back
    group by coin_id
)
select name as coin,
       symbol,
       observations as observations_in_a_row,
       since at time zone 'UTC' as trending_since,
       best_position,
       round(volume_24h_usd / 1e6, 2) as volume_24h_million_usd,
       round(volume_to_mcap_pct, 2) as volume_to_mcap_pct,
       round(volume_zscore, 2) as volume_zscore,
       round(whale_activity_score, 1) as whale_activity_score,
       signal_type
from mart.whale_signals
join streaks using (coin_id)
where is_unusual and observations >= 3
order by observations desc, rank;
