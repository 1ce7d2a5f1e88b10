"""What must hold of the cross-asset part before it is published, and what an analyst should be warned about."""

from datetime import timedelta

import polars as pl

from marketflows_pipeline.checks.model import (
    ERROR,
    WARN,
    WORST,
    CheckResult,
    check,
    evidence,
    released_evidence,
    sql_check,
)
from marketflows_pipeline.models.verdicts import ALARM_AUC, UNUSUAL_AUC, intervals, suspicion
from marketflows_pipeline.run_context import RunContext

RECENT_WITHIN = timedelta(days=6)
IDENTITY_TOLERANCE = 1e-6
JUMP = 0.35
# Premiums of closes over net asset values are below half of this.
LEAST_SPLIT = 0.005


@check("raw.daily_bars", "Every close is a positive, finite number.")
def closes_are_positive(run: RunContext) -> CheckResult:
    """A zero or a sentinel never counts as a price; only one released by hand gets here."""
    condition = "close_usd <= 0 or not isfinite(close_usd)"
    return released_evidence(run, "raw.daily_bars", ("close_usd", "source"), condition)


@check("raw.daily_bars", "The newest bar of the universe is at most 6 days old.", blocking=False)
def newest_bar_is_recent(run: RunContext) -> CheckResult:
    """Long weekends pass; a service that stands still does not."""
    newest = run.warehouse.query("select max(session) as newest from accepted.daily_bars")
    oldest_allowed = (run.started_at - RECENT_WITHIN).date()
    late = newest.filter(pl.col("newest").is_null() | (pl.col("newest") < oldest_allowed))
    return evidence(late, severity=WARN, newest=str(newest.item()), oldest_allowed=str(oldest_allowed))


@sql_check(
    "core.asset_flows", "No close moves by more than 35 % in a session, coins left out.", blocking=False, threshold=JUMP
)
def closes_do_not_jump() -> str:
    """Such a move of a fund is more often a split that the service does not list."""
    return (
        "select symbol, session, price_return, close_usd from core.asset_flows"
        f" where abs(price_return) > {JUMP} and asset_class <> 'crypto' order by abs(price_return) desc"
    )


@sql_check(
    "core.share_splits",
    "No fund's shares change as by a split that nobody lists.",
    blocking=False,
    settled_by="splits_line in splits.csv, ratio 1 denies",
)
def splits_are_listed() -> str:
    """A line in splits.csv settles each; those whose flow is unknown until then come first."""
    return (
        "select symbol, session, status, share_ratio, basis_ratio, splits_line from core.share_splits"
        " where status in ('suspected', 'inferred') order by status desc, session desc, symbol"
    )


@sql_check("core.share_splits", "Closes are adjusted for the splits that are listed.", blocking=False)
def closes_are_adjusted_for_splits() -> str:
    """However small the split: closes that follow net asset values as traded across it are not."""
    return (
        "select symbol, session, ratio, close_ratio, nav_ratio from core.share_splits where status = 'listed'"
        f" and abs(ln(ratio)) > {LEAST_SPLIT} and abs(ln(basis_ratio) + ln(ratio)) < abs(ln(basis_ratio))"
        " order by session desc, symbol"
    )


@sql_check("core.asset_flows", "No flow of a fund is beyond 35 % of its assets.", blocking=False)
def no_flow_is_very_large() -> str:
    """Real until shown otherwise, as new funds start so; the newest first."""
    return (
        "select symbol, session, coalesce(flow_usd, gap_flow_usd) as flow_usd, market_cap_usd from core.asset_flows"
        " where is_large_creation order by session desc, symbol"
    )


@sql_check("core.asset_flows", "Price effect and share effect sum to the change of the market cap.")
def effects_sum_to_the_change() -> str:
    """The two are computed apart; a split that is missed shows here."""
    return f"""
    select symbol, session, market_cap_change_usd, price_effect_usd + share_effect_usd as explained_usd
    from core.asset_flows
    where abs(market_cap_change_usd - price_effect_usd - share_effect_usd)
        > {IDENTITY_TOLERANCE} * greatest(market_cap_usd, 1)
    order by abs(market_cap_change_usd - price_effect_usd - share_effect_usd) desc limit {WORST}
    """


@sql_check("core.asset_flows", "Notional shares, and absolute gross flow shares, sum to 1 in each session.")
def shares_sum_to_one() -> str:
    """Otherwise an asset was lost or counted twice."""
    return f"""
    select session, sum(notional_share) as notional, sum(abs(gross_flow_share)) as gross
    from core.asset_flows group by session
    having abs(notional - 1) > {IDENTITY_TOLERANCE} or abs(gross - 1) > {IDENTITY_TOLERANCE}
    limit {WORST}
    """


@sql_check("mart.flow_map", "What is attributed sums to each asset's flow.")
def attributions_sum_to_flows() -> str:
    """Rows sum to outflows and columns to inflows, whatever lies outside the universe."""
    return f"""
    with attributed as (
        select window_sessions, includes_issuance, from_symbol as symbol, -flow_usd as flow_usd
        from mart.flow_map
        union all
        select window_sessions, includes_issuance, to_symbol, flow_usd from mart.flow_map
    ), sums as (
        select window_sessions, includes_issuance, symbol, sum(flow_usd) as attributed_usd
        from attributed group by all
    )
    select window_sessions, includes_issuance, symbol, rankings.flow_usd, attributed_usd
    from mart.flow_rankings rankings join sums using (window_sessions, symbol)
    where abs(rankings.flow_usd - attributed_usd) > {IDENTITY_TOLERANCE} * greatest(abs(rankings.flow_usd), 1)
    limit {WORST}
    """


@check(
    "mart.model_evaluation",
    "No model on real data has an AUC of which even the lower bound exceeds 0.53.",
    blocking=False,
)
def no_model_looks_too_good(run: RunContext) -> CheckResult:
    """What looks like an edge of that size has nearly always seen the future; see `models.verdicts.suspicion`."""
    figures = run.warehouse.read("mart.model_evaluation", where="not is_synthetic")
    found = {
        model_id: suspicion(model_id, intervals(rows.to_dicts()), is_synthetic=False)
        for (model_id,), rows in figures.partition_by("model_id", as_dict=True).items()
    }
    offenders = pl.DataFrame(
        [
            (model_id, each.tier, each.variant, each.metric, each.value, each.lower)
            for model_id, each in found.items()
            if each is not None
        ],
        schema=dict.fromkeys(("model_id", "tier", "variant", "metric"), pl.String)
        | dict.fromkeys(("value", "lower_95"), pl.Float64),
        orient="row",
    ).sort(pl.col("tier") == "alarm", "lower_95", descending=True)
    severity = ERROR if "alarm" in offenders["tier"] else WARN
    return evidence(offenders, severity=severity, unusual_above=UNUSUAL_AUC, alarm_above=ALARM_AUC)
