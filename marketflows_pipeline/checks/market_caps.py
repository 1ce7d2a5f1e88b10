"""What must hold of market caps before they are published, and what an analyst should be warned about."""

from datetime import timedelta

import polars as pl

from marketflows_pipeline.checks.model import (
    WORST,
    CheckResult,
    check,
    evidence,
    newest_is_within,
    released_evidence,
    sql_check,
    warn_without_credits,
)
from marketflows_pipeline.ingest.market_caps.plan import complete_histories
from marketflows_pipeline.providers.granularity import Granularity
from marketflows_pipeline.queries.coin_blocks import observations_in_blocks, table_in_blocks
from marketflows_pipeline.queries.market_caps import stored_window
from marketflows_pipeline.queries.tracked_coins import gone_coins
from marketflows_pipeline.run_context import RunContext
from marketflows_pipeline.transforms.market_caps.grid import GridSpec
from marketflows_pipeline.transforms.market_caps.quality import (
    coverage,
    find_jumps,
    find_supply_revisions,
    largest_first,
)

RELATIVE_TOLERANCE = 1e-9
STALE_AFTER_STEPS = 2
JUMP_PCT = 50.0
SUPPLY_REVISION_PCT = 10.0


@check("raw.market_caps", "Every market cap that counts is a positive, finite number.")
def market_caps_are_positive(run: RunContext) -> CheckResult:
    """Nulls, zeros and sentinels such as -1 never count as market caps; only one released by hand gets here."""
    condition = "market_cap_usd <= 0 or not isfinite(market_cap_usd)"
    return released_evidence(run, "raw.market_caps", ("market_cap_usd", "source"), condition)


@check("raw.market_caps", "The newest observation is at most 2 grid steps old.")
def newest_observation_is_recent(run: RunContext) -> CheckResult:
    """A service that serves old figures must not pass for a live one.

    Once the month's credits are used up nothing newer can be fetched: then it warns, and the grid ends at the newest
    observation instead of now.
    """
    step = Granularity.of_window(run.settings.source.days).step
    return newest_is_within(run, "raw.market_caps", STALE_AFTER_STEPS * step, warn_without_credits(run))


@check("core.cohort", "Enough of the cohort's market cap is current and has its history.")
def coverage_is_sufficient(run: RunContext) -> CheckResult:
    """One bad coin never fails a run; a cohort that is mostly missing does.

    Covered is a coin observed within the last 2 steps whose window is complete. The share is of the market cap
    at the last grid time, over the cohort (over all coins on the grid that are still listed, where no ranges are made).
    """
    source = run.settings.source
    spec = stored_window(run.warehouse, run.settings)
    columns = ["coin_id", "market_cap_usd"]
    if source.uses_ranges:
        cohort = run.warehouse.read("core.cohort", columns=columns)
    else:
        cohort = run.warehouse.read("core.market_cap_grid", columns=columns, where="ts = ?", params=[spec.end])
        cohort = cohort.filter(~pl.col("coin_id").is_in(gone_coins(run.warehouse)))
    complete = complete_histories(
        run.warehouse.read("meta.backfills"),
        granularity=Granularity.of_window(source.days),
        window_start=spec.start,
        now=spec.end,
    )
    observed = run.warehouse.accepted(
        "raw.market_caps", columns=["coin_id", "ts"], where="ts >= ?", params=[spec.end - 3 * spec.step]
    )
    # Where no history is served, what was observed since the first run is the whole window.
    if source.has_history:
        observed = observed.filter(pl.col("coin_id").is_in(complete.implode()))
    covered_pct = coverage(cohort, observed, spec, within_steps=STALE_AFTER_STEPS)
    missing = cohort.join(observed, on="coin_id", how="anti").sort("market_cap_usd", descending=True)
    return evidence(
        missing,
        count=missing.height if covered_pct < source.min_coverage_pct else 0,
        covered_pct=covered_pct,
        min_coverage_pct=source.min_coverage_pct,
        coins_missing=missing.height,
    )


@check(
    "core.market_cap_grid",
    "No coin's market cap moves by more than 50 % in one grid step.",
    blocking=False,
    threshold_pct=JUMP_PCT,
)
def caps_do_not_jump(run: RunContext) -> pl.DataFrame:
    """Such a jump is more often a fault of the service than a move of the market."""
    grid = table_in_blocks(run.warehouse, "core.market_cap_grid", ["coin_id", "ts", "market_cap_usd"])
    return largest_first(find_jumps(block, above_pct=JUMP_PCT) for block in grid)


@check(
    "raw.market_caps",
    "No coin's implied supply changes by more than 10 % between observations.",
    blocking=False,
    threshold_pct=SUPPLY_REVISION_PCT,
)
def supply_is_not_revised(run: RunContext) -> pl.DataFrame:
    """Market cap over price is the supply; a step in it is a re-count, not a flow."""
    days = run.settings.source.days
    observed = observations_in_blocks(
        run.warehouse,
        ["coin_id", "ts", "market_cap_usd", "price_usd"],
        run.started_at - timedelta(days=days),
        n_times=GridSpec.from_window(run.started_at, days).n_times,
    )
    return largest_first(find_supply_revisions(block, above_pct=SUPPLY_REVISION_PCT) for block in observed)


@sql_check("core.buckets", "Each cohort coin has one row at each grid time: one range, or none below the lowest.")
def cohort_coins_have_one_bucket() -> str:
    """No coin is lost or counted twice on its way through the ranges."""
    return f"""
    with times as (select count(distinct ts) as n_times from core.market_cap_grid)
    select cohort.coin_id, count(buckets.ts) as rows_found, any_value(n_times) as rows_expected
    from core.cohort cohort cross join times left join core.buckets buckets using (coin_id)
    group by cohort.coin_id
    having rows_found <> rows_expected or rows_found <> count(distinct buckets.ts) limit {WORST}
    """


@check("core.group_totals", "The ranges sum to the cohort's market cap above the lowest limit, at every time.")
def ranges_sum_to_the_cohort(run: RunContext) -> pl.DataFrame:
    """The sum is taken from the grid, not from the buckets, so that a lost coin shows."""
    if not run.settings.source.uses_ranges:
        return pl.DataFrame()
    lowest = min(run.settings.source.range_lower_limits)
    return run.warehouse.query(
        f"""
        with ranges as (
            select ts, coalesce(sum(market_cap_usd), 0) as ranges_usd
            from core.group_totals where category = 'Ranges' group by ts
        ), cohort as (
            select ts, coalesce(sum(market_cap_usd) filter (where market_cap_usd > ?), 0) as cohort_usd
            from core.market_cap_grid semi join core.cohort using (coin_id) group by ts
        )
        select ts, ranges_usd, cohort_usd from ranges full join cohort using (ts)
        where ranges_usd is null or cohort_usd is null
           or abs(ranges_usd - cohort_usd) > {RELATIVE_TOLERANCE} * cohort_usd
        order by abs(ranges_usd - cohort_usd) desc limit {WORST}
        """,
        [lowest],
    )


@sql_check("mart.normalized", "Each curve's first valid value is 1.")
def curves_start_at_one() -> str:
    """Otherwise two curves of a chart would not be comparable."""
    return f"""
    select category, series, base_asset, min(ts) as ts, arg_min(value, ts) as first_value
    from mart.normalized where value is not null group by all
    having abs(first_value - 1) > {RELATIVE_TOLERANCE} limit {WORST}
    """


@sql_check("mart.unit_normalized", "Every value lies between 0 and 1.")
def unit_values_are_within_bounds() -> str:
    """Nulls, where all series are equal, are allowed."""
    return (
        "select category, series, base_asset, ema_period, diff_order, ts, value from mart.unit_normalized"
        f" where value < 0 or value > 1 or not isfinite(value) limit {WORST}"
    )
