"""What must hold of the radar of categories before it is published."""

from datetime import timedelta

from marketflows_pipeline.checks.model import WARN, WORST, CheckResult, check, newest_is_within, sql_check
from marketflows_pipeline.run_context import RunContext
from marketflows_pipeline.transforms.market_caps.category_radar import PERIODS
from marketflows_pipeline.transforms.unusualness import LEAST_PAST

DAILY_WITHIN = timedelta(hours=26)


@check("raw.category_snapshots", "The day's snapshot of all categories is there.", blocking=False)
def newest_categories_are_recent(run: RunContext) -> CheckResult:
    """Nobody serves them for a past day: a day without one is a day without changes, and 30 days on another."""
    return newest_is_within(run, "raw.category_snapshots", DAILY_WITHIN, WARN)


@sql_check("mart.category_radar", "Every category of the newest snapshot has one row for each period.")
def categories_are_complete() -> str:
    """A category that is lost from the radar would be missed by nobody."""
    return f"""
    with listed as (
        select category_id from accepted.category_snapshots
        where observed_at = (select max(observed_at) from accepted.category_snapshots)
    )
    select category_id, count(radar.period_days) as periods_found, {len(PERIODS)} as periods_expected
    from listed left join mart.category_radar radar using (category_id)
    group by category_id having periods_found <> periods_expected order by category_id limit {WORST}
    """


@sql_check("mart.category_radar", f"Nothing is called unusual by fewer than {LEAST_PAST} past changes.")
def unusualness_has_a_past() -> str:
    """A z-score of three figures is noise with two decimals; a percentile lies between 0 and 100."""
    return (
        f"select category_id, period_days, n_past_cap_changes, cap_change_zscore, cap_change_percentile_pct"
        f" from mart.category_radar"
        f" where (n_past_cap_changes < {LEAST_PAST} and cap_change_percentile_pct is not null)"
        f" or (n_past_volume_changes < {LEAST_PAST} and volume_change_percentile_pct is not null)"
        f" or cap_change_percentile_pct not between 0 and 100 or volume_change_percentile_pct not between 0 and 100"
        f" order by category_id, period_days limit {WORST}"
    )
