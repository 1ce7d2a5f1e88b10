"""What must hold of exchanges side by side before they are published."""

from marketflows_pipeline.checks.model import WORST, sql_check

TOLERANCE = 1e-6


@sql_check("mart.exchange_netflow_by_class", "Net flows of the classes sum to the net flow of the exchange.")
def classes_sum_to_the_exchange() -> str:
    """A token in two classes, or in none, shows here; the two are summed apart."""
    return f"""
    with classes as (
        select slug, day, sum(netflow_mid_usd) as classes_usd from mart.exchange_netflow_by_class group by slug, day
    )
    select slug, day, classes_usd, netflow_mid_usd, abs(classes_usd - netflow_mid_usd) as gap_usd, reserves_usd
    from mart.exchange_netflow left join classes using (slug, day)
    where netflow_mid_usd is not null
      and (classes_usd is null or gap_usd > {TOLERANCE} * greatest(reserves_usd, 1))
    order by gap_usd desc nulls first limit {WORST}
    """


@sql_check("mart.exchange_league", "Every tracked exchange stands in the league of each period.")
def tracked_exchanges_have_a_place() -> str:
    """One whose net flow is not known stands there too, with the reason."""
    return f"""
    select exchange_key, count(league.period_days) as periods_found
    from core.exchanges left join mart.exchange_league league using (exchange_key)
    where core.exchanges.is_tracked
    group by exchange_key
    having periods_found <> 3 or count(*) filter (netflow_mid_usd is null and reason is null) > 0
    order by exchange_key limit {WORST}
    """


@sql_check("mart.exchange_positions", "Shares of all listed exchanges sum to 100 %.")
def position_shares_sum_to_one() -> str:
    """Otherwise an exchange was lost or counted twice."""
    return f"""
    with sums as (
        unpivot (
            select sum(open_interest_share_pct) as open_interest, sum(spot_share_pct) as spot,
                   sum(derivatives_share_pct) as derivatives
            from mart.exchange_positions
        ) on open_interest, spot, derivatives into name measure value total_pct
    )
    select * from sums where abs(total_pct - 100) > {TOLERANCE} order by measure limit {WORST}
    """
