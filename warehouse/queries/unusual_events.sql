-- What was most unusual on the last seven days, each against its own past?
-- A score of 3 or more is strong, 4 or more extreme; of a change of state it is the normal z-score that is as rare.
-- evidence_sql of an event is a query that gives its figures again. A change of price is no money that came in.
-- Needs: 40 days of a figure with something unusual on the last seven, or 20 of a state that then changes.
select round(score, 2) as score,
       severity,
       kind,
       label,
       round(value, 2) as value,
       unit,
       round(reference, 2) as reference,
       was,
       became,
       round(frequency_pct, 2) as frequency_pct,
       n_past,
       part,
       as_of at time zone 'UTC' as as_of
from mart.events
where as_of > (select max(as_of) from mart.events) - interval 168 hours
order by score desc, event_id
limit 25;
