"""What is stored, as the next step needs it: membership, coins to follow, observations of the window, its moment.

Reads the warehouse and the settings only.
"""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.ingest.budget import EXCHANGES_ASSUMED
from marketflows_pipeline.ingest.market_caps.plan import OTHER_PRIORITY, tracked_coins
from marketflows_pipeline.providers.http.ledger import month_of
from marketflows_pipeline.queries.categories import names_in_store, stored_categories
from marketflows_pipeline.run_context import RunContext
from marketflows_pipeline.settings.faults import fault_line
from marketflows_pipeline.transforms.categories import NARRATIVES, RANGES
from marketflows_pipeline.transforms.market_caps.exclusions import (
    PEGGED_COINS,
    left_out_of_narratives,
    left_out_of_ranges,
)
from marketflows_pipeline.transforms.market_caps.grid import GridSpec
from marketflows_pipeline.transforms.market_caps.groups import group_members, narrative_members_on
from marketflows_pipeline.transforms.market_caps.ranges import range_members

# Rows of raw.narrative_members that are followed and summed up.
NOT_RESERVE = "is_reserve is not true"
# All of an excluded category is stored; whoever follows it later follows its largest coins only.
NO_EXCLUSION = "not (is_full_page is true and is_excluded is null)"


def excluded_categories(run: RunContext) -> set[str]:
    """Today's slugs of the categories whose coins are left out of narratives and ranges."""
    categories = stored_categories(run)
    wanted = map(categories.today, run.settings.source.exclusions_in_use)
    return {slug for slug in wanted if not categories.listed or slug in categories.listed}


def excluded_coins(run: RunContext) -> list[str]:
    """Members of the excluded categories as last stored (the largest 250 of each), and pegged coins without one."""
    slugs = run.settings.source.exclusions_in_use
    if not slugs:
        return []
    names = names_in_store(run, slugs)
    stored = run.warehouse.query(
        "select distinct narrative as stored_as, coin_id, observed_at from accepted.narrative_members"
        # Only a page that was stored in full says who is excluded; null is a row from before that was said.
        " where list_contains(?, narrative) and is_full_page is not false"
        " qualify observed_at = max(observed_at) over (partition by narrative)",
        [names["stored_as"].to_list()],
    ).join(names, on="stored_as")
    newest = stored.filter(pl.col("observed_at") == pl.col("observed_at").max().over("narrative"))
    return sorted({*newest["coin_id"], *PEGGED_COINS})


def members_of_today(run: RunContext, slug: str) -> pl.Series | None:
    """All coins of an excluded category as the market-cap part was told within a day; None where it was not."""
    today = stored_categories(run).today(slug)
    if today not in excluded_categories(run):
        return None
    coins = run.warehouse.query(
        "select coin_id from accepted.narrative_members"
        " where narrative = ? and is_full_page and observed_at > ? qualify observed_at = max(observed_at) over ()",
        [today, run.started_at - timedelta(days=1)],
    )["coin_id"]
    return None if coins.is_empty() else coins.sort()


def narratives_kept_whole(run: RunContext) -> list[str]:
    """Narratives of the settings that are an excluded category themselves: the user wants to see those coins."""
    categories, excluded = stored_categories(run), excluded_categories(run)
    narratives = run.settings.source.narratives_in_use
    return [slug for slug in narratives if categories.today(slug) in excluded]


def listed_members(run: RunContext) -> pl.DataFrame:
    """Stored members of the configured narratives; those in reserve stand in for coins that are left out by now.

    Returns:
        The columns of ``raw.narrative_members``, and ``is_left_out``: in an excluded category, and the narrative none.
    """
    names = names_in_store(run, run.settings.source.narratives_in_use)
    is_whole = pl.col("narrative").is_in(narratives_kept_whole(run))
    return (
        run.warehouse.accepted(
            "raw.narrative_members",
            where="list_contains(?, narrative)",
            params=[names["stored_as"].to_list()],
        )
        .rename({"narrative": "stored_as"})
        .join(names, on="stored_as")
        .with_columns(is_left_out=pl.col("coin_id").is_in(excluded_coins(run)) & ~is_whole)
    )


def members_day(run: RunContext) -> date | None:
    """The day whose stored members are used; None for the present ones."""
    day = run.settings.source.narrative_members
    return None if day == "current" else day


def members_in_use(run: RunContext) -> pl.DataFrame:
    """Members of the configured narratives: the present ones, or those of the day that the settings name.

    Returns:
        ``narrative, coin_id``, the `narrative_top_n` largest of each narrative that are not left out.

    Raises:
        UserInputError: if nothing is stored for the day named.
    """
    source = run.settings.source
    day = members_day(run)
    listed = listed_members(run)
    members = narrative_members_on(listed.filter(~pl.col("is_left_out")), day, source.narrative_top_n)
    # One whose every coin is left out was stored all the same.
    stored = narrative_members_on(listed, day, source.narrative_top_n)
    absent = sorted(set(source.narratives_in_use) - set(stored["narrative"]))
    if day is not None and absent:
        key, expected = "providers.coingecko.narrative_members", "expected a day (UTC) on which a run stored members"
        raise UserInputError(fault_line(run.config, key, str(day), f"{expected} of {', '.join(absent)}"))
    return members


def narratives_left_empty(run: RunContext) -> list[str]:
    """Narratives of the settings of which every coin is left out, so that they have no series."""
    listed = narrative_members_on(listed_members(run), members_day(run), top_n=1)
    return sorted(set(listed["narrative"]) - set(members_in_use(run)["narrative"]))


def left_out(run: RunContext, grid: pl.DataFrame) -> pl.DataFrame:
    """What is left out of each narrative and range: ``category, series, n_left_out, left_out_usd``."""
    source = run.settings.source
    of_narratives = left_out_of_narratives(listed_members(run), members_day(run), source.narrative_top_n)
    limits = source.range_lower_limits if source.uses_ranges else ()
    of_ranges = left_out_of_ranges(grid, excluded_coins(run), limits)
    parts = ((NARRATIVES, of_narratives), (RANGES, of_ranges))
    return pl.concat([rows.select(pl.lit(name).alias("category"), pl.all()) for name, rows in parts])


def coins_in_use(run: RunContext) -> pl.DataFrame:
    """All coins to follow as of what is stored now, the most important first (see `tracked_coins`).

    Coins that are left out of narratives and ranges are followed like the others: issuance and dominance need them. A
    coin that leaves a narrative or the cohort is followed for a window's length, so that one hovering around a limit
    keeps its history.
    """
    source = run.settings.source
    since = run.started_at - timedelta(days=source.days)
    caps = "select coin_id, arg_max(market_cap_usd, observed_at) as market_cap_usd from {} where observed_at >= ?"
    members = run.warehouse.query(
        caps.format("accepted.narrative_members")
        + f" and list_contains(?, narrative) and {NOT_RESERVE} and {NO_EXCLUSION} group by coin_id",
        [since, names_in_store(run, source.narratives_in_use)["stored_as"].to_list()],
    )
    cohort = run.warehouse.query(caps.format("accepted.cohort_members") + " group by coin_id", [since])
    in_use = members_in_use(run).select("coin_id", pl.lit(None, pl.Float64).alias("market_cap_usd"))
    return tracked_coins(
        bases=source.coin_bases,
        portfolio_coins=sorted({coin for coins in source.portfolios_in_use.values() for coin in coins}),
        members=pl.concat([in_use, members]),
        cohort=cohort if source.uses_ranges else cohort.clear(),
    )


def coins_on_grid(run: RunContext) -> list[str]:
    """Coins whose market cap is computed: those in use, except delisted ones that nobody configured.

    A delisted coin held at its last cap would sit in a range that it has left; in a portfolio it is the user's choice.
    """
    is_configured = pl.col("priority") < OTHER_PRIORITY
    is_gone = pl.col("coin_id").is_in(gone_coins(run))
    return coins_in_use(run).filter(is_configured | ~is_gone)["coin_id"].to_list()


def gone_coins(run: RunContext) -> list[str]:
    """Coins that the service no longer shows."""
    return run.warehouse.query("select coin_id from accepted.coins where not is_active")["coin_id"].to_list()


def window(run: RunContext) -> GridSpec:
    """The grid of this run: it ends now, or, once the month's credits are used up, at the newest observation.

    Without credits nothing new can be known; ending the grid where knowledge ends shows stale data as such instead of
    drawing it flat until now.
    """
    source = run.settings.source
    moment = run.started_at
    if is_out_of_credits(run):
        newest = run.warehouse.query("select max(ts) as ts from accepted.market_caps").item()
        moment = min(moment, newest or moment)
    return GridSpec.from_window(moment, source.days)


def is_out_of_credits(run: RunContext) -> bool:
    """Whether the month's credits are used up, so that no run can bring anything new before the next month."""
    month = month_of(run.started_at)
    limit = run.settings.source.monthly_credits
    return run.ledger.spent(run.provider.name, month) >= limit


def n_listed_exchanges(run: RunContext) -> int:
    """Exchanges in the last full list, or as many as are assumed before there was one."""
    listed = run.warehouse.query(
        "select arg_max(rows_served, attempted_at) as n from meta.fetches where dataset = 'listing'"
    ).item()
    return EXCHANGES_ASSUMED if listed is None else int(listed)


def window_observations(run: RunContext, coins: list[str], spec: GridSpec) -> pl.DataFrame:
    """Observations of these coins inside the grid, and of each coin the last one before it and all after it.

    Returns:
        ``coin_id, ts, market_cap_usd`` by coin and time; those outside the grid are neighbours to interpolate from.
    """
    return run.warehouse.query(
        """
        select coin_id, ts, market_cap_usd from accepted.market_caps where ts >= ? and list_contains(?, coin_id)
        union all
        select coin_id, max(ts), arg_max(market_cap_usd, ts) from accepted.market_caps
        where ts < ? and list_contains(?, coin_id) group by coin_id
        order by coin_id, ts
        """,
        [spec.start, coins, spec.start, coins],
    )


def stored_window(run: RunContext) -> GridSpec:
    """The grid as it is stored, which may be of another moment than this run's."""
    newest = run.warehouse.query("select max(ts) as ts from core.market_cap_grid").item()
    return GridSpec.from_window(newest, run.settings.source.days)


def base_caps(run: RunContext) -> pl.DataFrame:
    """``coin_id, ts, market_cap_usd`` of the base assets on the grid."""
    return run.warehouse.read(
        "core.market_cap_grid",
        columns=["coin_id", "ts", "market_cap_usd"],
        where="list_contains(?, coin_id)",
        params=[list(run.settings.source.coin_bases)],
    )


def groups_in_use(run: RunContext) -> pl.DataFrame:
    """``category, series, coin_id`` of narratives, portfolios and their coins."""
    source = run.settings.source
    return group_members(members_in_use(run), source.narratives_in_use, source.portfolios_in_use)


def series_members(run: RunContext, spec: GridSpec) -> pl.DataFrame:
    """``category, series, coin_id`` of every series; a range's coins are those of the last grid step."""
    buckets = run.warehouse.read("core.buckets", where="ts >= ?", params=[spec.end - spec.step])
    return pl.concat([groups_in_use(run), range_members(buckets, spec)])


def last_step_observations(run: RunContext, spec: GridSpec) -> pl.DataFrame:
    """Observations around the last grid step, for offsets shorter than a step."""
    return run.warehouse.accepted(
        "raw.market_caps",
        columns=["coin_id", "ts", "market_cap_usd"],
        where="ts >= ?",
        params=[spec.end - spec.step - timedelta(hours=1)],
    )
