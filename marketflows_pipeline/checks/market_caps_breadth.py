"""What must hold of breadth, of the parts of the market and of shares before they are published."""

from marketflows_pipeline.checks.model import WORST, sql_check
from marketflows_pipeline.transforms.market_caps.breadth import BEAT_DAYS, EMA_SPANS, LEAST_COINS

# Sums of rounded terms differ from the whole by some billionths of a percent.
TOLERANCE_PCT = 1e-7

_OF_ALL = ("advance_decline", "median_return_pct", "cap_weighted_return_pct", "dispersion_pct", "hhi_index")
# Each measure with the count of coins that it is over.
COUNTS = {
    **dict.fromkeys(_OF_ALL, "n"),
    **{f"above_ema_{span}_pct": f"n_ema_{span}" for span in EMA_SPANS},
    **{f"beat_bitcoin_{days}d_pct": f"n_beat_{days}d" for days in BEAT_DAYS},
    "rank_churn_7d": "n_ranked_7d",
}
_SHARES = [name for name in COUNTS if name.startswith(("above_", "beat_"))]


@sql_check("mart.breadth", f"No measure is of fewer than {LEAST_COINS} coins.", least_coins=LEAST_COINS)
def measures_have_enough_coins() -> str:
    """Three coins out of three are no breadth."""
    broken = " or ".join(
        f"({name} is not null and least(n, {count}) < {LEAST_COINS})" for name, count in COUNTS.items()
    )
    return (
        f"select category, series, ts, n, {', '.join(COUNTS)} from mart.breadth where {broken} order by n limit {WORST}"
    )


@sql_check("mart.breadth", "Shares lie within 0 and 100 %, advance-decline within ±1000, and counts within n.")
def breadth_is_within_bounds() -> str:
    """An index of 10,000 is one coin alone, and as many equal coins as there are the least concentration."""
    outside = " or ".join(f"{name} not between 0 and 100" for name in _SHARES)
    return f"""
    select category, series, ts, n, advance_decline, hhi_index, n_effective, {", ".join(_SHARES)}
    from mart.breadth
    where {outside} or abs(advance_decline) > 1000 or n > n_members or n_advancing + n_declining > n
       or hhi_index > 10000 * (1 + 1e-9) or n_effective > n * (1 + 1e-9)
    limit {WORST}
    """


@sql_check("mart.breadth", "At each close the ranges have as many coins together as the cohort.")
def ranges_partition_the_cohort() -> str:
    """No coin is in two ranges or in none."""
    return f"""
    select ts, coalesce(sum(n_members) filter (category = 'Ranges'), 0) as in_ranges,
           coalesce(sum(n_members) filter (category = 'Cohort'), 0) as in_cohort
    from mart.breadth where category in ('Ranges', 'Cohort') and n_members > 0 and ts > (
        select max(first_ts) from (
            select min(ts) as first_ts from mart.breadth where category in ('Ranges', 'Cohort') group by series
        )
    )
    group by ts having in_ranges <> in_cohort order by abs(in_ranges - in_cohort) desc limit {WORST}
    """


@sql_check("mart.category_breadth", "Shares lie within 0 and 100 %, and no measure is of fewer than 8 coins.")
def category_breadth_is_within_bounds() -> str:
    """The same rules as for breadth on closes."""
    return f"""
    select series, observed_at, days, n, advancing_pct, beat_bitcoin_pct from mart.category_breadth
    where advancing_pct not between 0 and 100 or beat_bitcoin_pct not between 0 and 100
       or (n < {LEAST_COINS} and (advancing_pct is not null or median_change_pct is not null))
       or n > n_listed or n_advancing + n_declining > n
    limit {WORST}
    """


@sql_check(
    "mart.narrative_overlap", "A shared market cap is at most the smaller narrative's, and of the union less so."
)
def overlap_is_within_bounds() -> str:
    """A coin that counted twice would share more than there is."""
    return f"""
    select series, other_series, n_shared, shared_usd, of_smaller_pct, of_union_pct from mart.narrative_overlap
    where of_smaller_pct not between 0 and 100 + {TOLERANCE_PCT}
       or of_union_pct not between 0 and of_smaller_pct + {TOLERANCE_PCT} or series >= other_series
    limit {WORST}
    """


@sql_check(
    "mart.market_map", "The parts add up to the whole, each to the sum of its coins.", tolerance_pct=TOLERANCE_PCT
)
def parts_add_to_the_whole() -> str:
    """Each coin stands once, so that shares of parts are shares of one market."""
    return f"""
    with parts as (
        select series, any_value(series_usd) as series_usd, any_value(series_share_pct) as series_share_pct,
               sum(market_cap_usd) as coins_usd, sum(share_pct) as coins_pct
        from mart.market_map group by series
    )
    select *, sum(coins_pct) over () as whole_pct from parts
    qualify abs(whole_pct - 100) > {TOLERANCE_PCT} or abs(coins_usd / series_usd - 1) > 1e-9
         or abs(coins_pct - series_share_pct) > {TOLERANCE_PCT}
    limit {WORST}
    """


@sql_check("mart.dominance", "Shares lie within 0 and 100 % and add up to 100 %, and totals follow from them.")
def dominance_adds_up() -> str:
    """The total without bitcoin is the total less bitcoin's share of it."""
    return f"""
    select ts, n, bitcoin_pct, ethereum_pct, stablecoins_pct, others_pct, total_usd, total_without_bitcoin_usd
    from mart.dominance
    where least(bitcoin_pct, ethereum_pct, stablecoins_pct, others_pct) < -{TOLERANCE_PCT}
       or abs(bitcoin_pct + ethereum_pct + stablecoins_pct + others_pct - 100) > {TOLERANCE_PCT}
       or abs(total_without_bitcoin_usd / total_usd - (1 - bitcoin_pct / 100)) > 1e-9
       or abs(total_without_stablecoins_usd / total_usd - (1 - stablecoins_pct / 100)) > 1e-9
    limit {WORST}
    """
