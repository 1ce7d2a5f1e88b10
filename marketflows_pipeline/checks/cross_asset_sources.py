"""What an analyst should be warned about in the sources of the cross-asset part."""

import polars as pl

from marketflows_pipeline.checks.model import check, sql_check
from marketflows_pipeline.queries.cross_asset import universe_rows
from marketflows_pipeline.run_context import RunContext
from marketflows_pipeline.transforms.cross_asset.dividend_adjustment import dividend_adjusted
from marketflows_pipeline.transforms.cross_asset.flow_comparison import WARNED_PAIRS


@sql_check(
    "mart.flow_comparison",
    "Flows that others report fit ours best on the same session.",
    blocking=False,
    least_pairs=WARNED_PAIRS,
    settled_by="share_lag_sessions of the asset, or the dates of flows/SYMBOL.csv",
)
def reported_flows_fit_without_a_lag() -> str:
    """Counts of shares that are dated a session off put every flow of a fund on the wrong day."""
    return (
        "select best.symbol, best.lag_sessions, best.correlation, same.correlation as correlation_without_lag, best.n,"
        " best.share_lag_sessions, best.share_lag_sessions + best.lag_sessions as fitting_share_lag_sessions"
        " from mart.flow_comparison best join mart.flow_comparison same using (symbol)"
        " where best.is_best and best.lag_sessions <> 0 and same.lag_sessions = 0 and best.correlation > 0"
        f" and best.n >= {WARNED_PAIRS} order by best.correlation desc, best.symbol"
    )


@check(
    "core.asset_flows",
    "Closes are not adjusted for dividends.",
    blocking=False,
    settled_by="closes adjusted for splits alone, the others as adjusted_close",
)
def closes_are_not_adjusted_for_dividends(run: RunContext) -> pl.DataFrame:
    """Adjusted closes make past market caps too small, by more with each dividend."""
    return dividend_adjusted(
        *(
            universe_rows(run.warehouse, run.settings, name)
            for name in ("raw.daily_bars", "raw.shares_outstanding", "raw.corporate_actions")
        )
    )
