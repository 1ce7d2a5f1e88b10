-- How fresh is each table of this file?
-- `hours_behind` is from the newest time in a table to the publish of this file; a carried-over part failed its last run.
-- Needs: a published file.
with published as (
    select max(published_at) as at_last from meta.publish
)
select part,
       table_name,
       status,
       n_rows,
       as_of at time zone 'UTC' as as_of,
       round(epoch(at_last - as_of) / 3600, 2) as hours_behind,
       published_at at time zone 'UTC' as first_published_at,
       run_id
from meta.publish, published
order by status <> 'carried_over', part, table_name;
