"""What must hold of the chained index before it is published."""

from marketflows_pipeline.checks.model import WORST, sql_check
from marketflows_pipeline.transforms.categories import US_DOLLAR

TOLERANCE = 1e-9
MIN_INDEX_COVERAGE_PCT = 90.0


@sql_check("core.narrative_constituents", "The weights of each index sum to 1 at each reconstitution.")
def weights_sum_to_one() -> str:
    """A lost member would be a lost part of the level."""
    return f"""
    select category, series, effective_from, sum(weight) as weights from core.narrative_constituents
    group by all having abs(weights - 1) > {TOLERANCE} order by abs(weights - 1) desc limit {WORST}
    """


@sql_check("mart.index_contributions", "Contributions sum to the return of the index, and points to its level.")
def contributions_sum_to_the_return() -> str:
    """Level and return are those of the stored closes, so that nothing is lost at a reconstitution either."""
    return f"""
    with sums as (
        select category, series, ts, sum(points_before) as points_before, sum(points) as points,
               sum(contribution_pct) as contribution_pct
        from mart.index_contributions group by all
    ), levels as (
        select category, series, ts, price_index,
               lag(price_index) over (partition by category, series order by ts) as level_before
        from core.index_closes where base_asset = '{US_DOLLAR}'
    )
    select *, 100 * (price_index / level_before - 1) as return_pct
    from levels left join sums using (category, series, ts)
    where level_before is not null and (
        points is null or abs(points / price_index - 1) > {TOLERANCE}
        or abs(points_before / level_before - 1) > {TOLERANCE}
        or abs(contribution_pct - return_pct) > 100 * {TOLERANCE}
    )
    order by ts limit {WORST}
    """


@sql_check(
    "core.index_closes",
    "At the newest close the price of at least 90 % of each index is known.",
    blocking=False,
    threshold_pct=MIN_INDEX_COVERAGE_PCT,
)
def index_prices_are_known() -> str:
    """The rest of an index is held at its last price, and so returns nothing."""
    return f"""
    select category, series, ts, coverage_pct from core.index_closes where base_asset = '{US_DOLLAR}'
    qualify ts = max(ts) over (partition by category, series) and coverage_pct < {MIN_INDEX_COVERAGE_PCT}
    order by coverage_pct limit {WORST}
    """
