-- How many credits did each month cost, and what came of them?
-- Every attempt costs one; `unanswered` ones were sent by a run that was killed before the answer.
-- Needs: calls that cost credits; the tutorial's are recorded answers, and cost none.
select provider,
       date_trunc('month', sent_at at time zone 'UTC')::date as month,
       count(*) as credits,
       count(*) filter (outcome = 'ok') as ok,
       count(*) filter (outcome = 'retry') as retried,
       count(*) filter (outcome = 'failed') as failed,
       count(*) filter (outcome = 'sent') as unanswered,
       count(distinct run_id) as runs,
       round(count(*) / count(distinct run_id), 1) as credits_per_run,
       arg_max(endpoint, calls_of_endpoint) as costliest_endpoint
from (
    select *, count(*) over (partition by provider, date_trunc('month', sent_at at time zone 'UTC'), endpoint)
        as calls_of_endpoint
    from meta.api_calls
)
group by provider, month
order by month desc, provider;
