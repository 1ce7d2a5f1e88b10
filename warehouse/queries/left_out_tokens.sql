-- What was left out of the net flows of the last seven days, and why?
-- One row per exchange and reason, the largest change of value first; a large one makes the net flow doubtful.
-- Needs: two days of reserves by token, with a token that was left out in between.
with left_out as (
    select slug, day, token, reason, left_out_usd
    from mart.exchange_token_flows
    where reason is not null and day > (select max(day) from mart.exchange_token_flows) - 7
)
select any_value(n.name) as exchange,
       l.reason,
       count(distinct l.token) as tokens,
       count(distinct l.day) as days,
       round(sum(l.left_out_usd) / 1e6, 2) as change_million_usd,
       round(sum(abs(l.left_out_usd)) / 1e6, 2) as moved_million_usd,
       round(100 * sum(abs(l.left_out_usd)) / arg_max(n.reserves_usd, n.day), 2) as moved_of_reserves_pct,
       arg_max(l.token, abs(l.left_out_usd)) as largest_token,
       round(arg_max(l.left_out_usd, abs(l.left_out_usd)) / 1e6, 2) as largest_million_usd,
       max(n.ts) at time zone 'UTC' as last_record_at
from left_out l
join mart.exchange_netflow n using (slug, day)
group by slug, l.reason
order by moved_million_usd desc nulls last, exchange, l.reason;
