"""What must hold of the exchange part before it is published, and what an analyst should be warned about."""

from datetime import timedelta

import polars as pl

from marketflows_pipeline.checks.model import (
    WARN,
    WORST,
    CheckResult,
    check,
    newest_is_within,
    sql_check,
    warn_without_credits,
)
from marketflows_pipeline.run_context import RunContext

HOURLY_WITHIN = timedelta(hours=2)
DAILY_WITHIN = timedelta(hours=26)
# A record of midnight is the newest there is until the next one is fetched.
DAY_RECORD_WITHIN = timedelta(hours=52)
RECENT_DAYS = 7
IDENTITY_TOLERANCE = 1e-6
TVL_TOLERANCE_PCT = 2.0
LARGE_TOKEN_PCT = 1.0
SHARE_TOLERANCE_PCT = 1e-6


@check("raw.exchanges", "The newest list of exchanges is at most 2 hours old.")
def newest_listing_is_recent(run: RunContext) -> CheckResult:
    """Volumes of another day must not pass for those of now; with no credits left it warns only."""
    return newest_is_within(run, "raw.exchanges", HOURLY_WITHIN, warn_without_credits(run))


@check("raw.cex_snapshots", "The newest overview of reserves is at most 2 hours old.")
def newest_overview_is_recent(run: RunContext) -> CheckResult:
    """Reserves of another day must not pass for those of now."""
    return newest_is_within(run, "raw.cex_snapshots", HOURLY_WITHIN)


@check("raw.protocols", "Daily requests succeeded within the last 26 hours.", blocking=False)
def daily_answers_are_recent(run: RunContext) -> CheckResult:
    """An hourly run goes on with yesterday's; commands mark it as stale."""
    return newest_is_within(run, "raw.protocols", DAILY_WITHIN, WARN)


@check("core.exchanges", "Every tracked exchange that was ever seen is still seen.", blocking=False)
def no_tracked_exchange_is_lost(run: RunContext) -> pl.DataFrame:
    """One that was renamed or dropped by a service would otherwise fade from tables without a word."""
    return run.warehouse.query(
        """
        with tracked as (select * from core.exchanges where is_tracked),
        volumes as (
            select exchange_id, max(observed_at) as at from accepted.exchanges
            where volume_24h_btc is not null group by all
        ),
        reserves as (select slug, max(ts) as at from accepted.cex_tvl group by all)
        select exchange_key, name, 'volume' as lost, volumes.at as last_seen_at
        from tracked join volumes using (exchange_id) where volumes.at < ?
        union all
        select exchange_key, name, 'reserves', reserves.at
        from tracked join reserves on defillama_slug = slug where reserves.at < ?
        order by last_seen_at
        """,
        [run.started_at - DAILY_WITHIN, run.started_at - DAY_RECORD_WITHIN],
    )


@sql_check("mart.exchange_netflow", "Flow, price effect and what is left out sum to the change of the reserves.")
def netflow_adds_up() -> str:
    """The three are computed apart; a token counted twice or lost shows here."""
    return f"""
    with steps as (
        select slug, day, reserves_usd, reason,
               reserves_usd - lag(reserves_usd) over (partition by slug order by day) as change_usd,
               netflow_usd + price_effect_usd + left_out_usd as explained_usd,
               netflow_mid_usd + price_effect_mid_usd + left_out_usd as explained_mid_usd
        from mart.exchange_netflow where reserves_usd is not null
    )
    select slug, day, change_usd, explained_usd, explained_mid_usd,
           greatest(abs(change_usd - explained_usd), abs(change_usd - explained_mid_usd)) as gap_usd
    from steps
    where gap_usd > {IDENTITY_TOLERANCE} * greatest(reserves_usd, 1)
    order by gap_usd desc limit {WORST}
    """


@check(
    "mart.exchange_netflow",
    "The same sum agrees with the separately served TVL within 2 %.",
    blocking=False,
    tolerance_pct=TVL_TOLERANCE_PCT,
)
def netflow_agrees_with_tvl(run: RunContext) -> pl.DataFrame:
    """DefiLlama sums the tokens up by itself; a larger gap means that its breakdown is incomplete on that day."""
    figures = "tvl_change_usd, netflow_mid_usd, price_effect_mid_usd, left_out_usd, identity_gap_pct"
    return _recent_netflows(run, figures, "abs(identity_gap_pct)", str(TVL_TOLERANCE_PCT))


@check(
    "mart.exchange_netflow",
    "No token above 1 % of an exchange's reserves vanished lately.",
    blocking=False,
    threshold_pct=LARGE_TOKEN_PCT,
)
def large_tokens_do_not_vanish(run: RunContext) -> pl.DataFrame:
    """Such a token was withdrawn whole, or its wallets are no longer counted: the net flow leaves it out either way."""
    most = f"{LARGE_TOKEN_PCT} / 100 * (reserves_usd + largest_vanished_usd)"
    figures = "largest_vanished_token, largest_vanished_usd, reserves_usd"
    return _recent_netflows(run, figures, "largest_vanished_usd", most)


@check(
    "mart.exchange_netflow",
    "No token above 1 % of an exchange's reserves appeared lately.",
    blocking=False,
    threshold_pct=LARGE_TOKEN_PCT,
)
def large_tokens_do_not_appear(run: RunContext) -> pl.DataFrame:
    """Such a token has a new name, or wallets that were not known before: the net flow leaves it out either way."""
    figures = "largest_new_token, largest_new_usd, reserves_usd"
    return _recent_netflows(run, figures, "largest_new_usd", f"{LARGE_TOKEN_PCT} / 100 * reserves_usd")


@sql_check("mart.exchange_shares", "The shares of a day, segment and measure sum to 100 %.")
def shares_sum_to_one() -> str:
    """Otherwise an exchange was lost or counted twice."""
    return (
        f"select measure, segment, day, sum(share_pct) as total_pct from mart.exchange_shares group by all"
        f" having abs(total_pct - 100) > {SHARE_TOLERANCE_PCT} order by abs(total_pct - 100) desc limit {WORST}"
    )


@sql_check("mart.exchange_dominance", "Each index lies between 10,000 / n and 10,000, its lower bound below its upper.")
def indices_are_within_bounds() -> str:
    """What a sum of squared shares can be at all."""
    return (
        f"select measure, segment, day, n_exchanges, hhi_index, hhi_lower_bound, hhi_upper_bound"
        f" from mart.exchange_dominance where hhi_index < 10000 / n_exchanges * (1 - {IDENTITY_TOLERANCE})"
        f" or hhi_index > 10000 * (1 + {IDENTITY_TOLERANCE}) or hhi_lower_bound > hhi_upper_bound limit {WORST}"
    )


def _recent_netflows(run: RunContext, figures: str, measure: str, most: str) -> pl.DataFrame:
    """Figures of net flows of the last days whose measure is above the most that it may be, the largest first."""
    return run.warehouse.query(
        f"select slug, day, {figures} from mart.exchange_netflow"
        f" where {measure} > {most} and day > cast(? as date) - {RECENT_DAYS} order by {measure} desc",
        [run.started_at],
    )
