-- Which coins joined or left a narrative, and when was it seen?
-- Each observation of a narrative is compared with the one before it; coins in reserve are no members.
-- Needs: two observations of a narrative that differ; each hourly run makes one.
with members as (
    from accepted.narrative_members where is_reserve is not true
),
observations as (
    select narrative, observed_at, lag(observed_at) over (partition by narrative order by observed_at) as before_at
    from (select distinct narrative, observed_at from members)
),
joined as (
    select o.narrative, o.observed_at, m.coin_id, 'joined' as change, m.rank
    from observations o
    join members m on m.narrative = o.narrative and m.observed_at = o.observed_at
    where o.before_at is not null
      and not exists (
          from members p
          where p.narrative = o.narrative and p.observed_at = o.before_at and p.coin_id = m.coin_id
      )
),
gone as (
    select o.narrative, o.observed_at, p.coin_id, 'left' as change, p.rank
    from observations o
    join members p on p.narrative = o.narrative and p.observed_at = o.before_at
    where not exists (
        from members m
        where m.narrative = o.narrative and m.observed_at = o.observed_at and m.coin_id = p.coin_id
    )
)
select observed_at at time zone 'UTC' as seen_at, narrative, change, coin_id, rank as rank_in_narrative
from (from joined union all from gone)
order by seen_at desc, narrative, change, rank_in_narrative;
