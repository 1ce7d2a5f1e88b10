"""Which coins belong to what, as stored: members of narratives, the cohort, and the coins to follow.

Reads the warehouse only. What belongs here: turning stored membership and settings into lists of coins.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import polars as pl

from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.ingest.plan import tracked_coins
from marketflows_pipeline.session import Session
from marketflows_pipeline.settings import Settings

_LATEST = """
    select narrative, coin_id, rank, market_cap_usd, observed_at
    from raw.narrative_members
    where observed_at >= ? and observed_at < ?
    qualify observed_at = max(observed_at) over (partition by narrative)
    order by narrative, rank
"""
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_END = datetime(9999, 1, 1, tzinfo=UTC)


def configured_coins(settings: Settings) -> tuple[list[str], list[str]]:
    """Base assets that are coins, and coins of the portfolios in use."""
    source = settings.providers.coingecko
    return list(source.coin_bases), sorted({coin for coins in source.portfolios_in_use.values() for coin in coins})


def excluded_coins(session: Session) -> frozenset[str]:
    """Members of the excluded categories as last stored (the largest 250 of each)."""
    slugs = session.settings.providers.coingecko.exclude_categories
    latest = session.warehouse.query(_LATEST, [_BEGINNING, _END])
    return frozenset(latest.filter(pl.col("narrative").is_in(list(slugs)))["coin_id"])


def members_in_use(session: Session) -> pl.DataFrame:
    """Members of the configured narratives: the present ones, or those of the day that the settings name.

    Returns:
        ``narrative, coin_id, rank, market_cap_usd, observed_at``, the `narrative_top_n` largest of each narrative
        that are in no excluded category.

    Raises:
        UserInputError: if nothing is stored for the day named.
    """
    source = session.settings.providers.coingecko
    since, until = _BEGINNING, _END
    if isinstance(source.narrative_members, date):
        since = datetime.combine(source.narrative_members, time(), UTC)
        until = since + timedelta(days=1)
    stored = session.warehouse.query(_LATEST, [since, until])
    narratives = source.narratives_in_use
    members = stored.filter(
        pl.col("narrative").is_in(list(narratives)), ~pl.col("coin_id").is_in(list(excluded_coins(session)))
    )
    absent = sorted(set(narratives) - set(members["narrative"]))
    if absent and isinstance(source.narrative_members, date):
        raise UserInputError(
            f"config: providers.coingecko.narrative_members = {source.narrative_members}: no members of"
            f" {', '.join(absent)} are stored for that day; expected a day with a run, or \"current\""
        )
    return members.filter(pl.col("rank").rank("ordinal").over("narrative") <= source.narrative_top_n)


def coins_in_use(session: Session) -> pl.DataFrame:
    """All coins to follow as of what is stored now, the most important first (see `tracked_coins`).

    A coin that leaves a narrative or the cohort is followed for a window's length, so that one hovering around a
    limit keeps its history.
    """
    bases, portfolio_coins = configured_coins(session.settings)
    since = session.started_at - timedelta(days=session.settings.providers.coingecko.days)
    kept = ~pl.col("coin_id").is_in(list(excluded_coins(session)))
    members = session.warehouse.query(
        "select coin_id, arg_max(market_cap_usd, observed_at) as market_cap_usd from raw.narrative_members"
        " where observed_at >= ? and list_contains(?, narrative) group by coin_id",
        [since, list(session.settings.providers.coingecko.narratives_in_use)],
    )
    cohort = session.warehouse.query(
        "select coin_id, arg_max(market_cap_usd, observed_at) as market_cap_usd from raw.cohort_members"
        " where observed_at >= ? group by coin_id",
        [since],
    )
    in_use = members_in_use(session).select("coin_id", "market_cap_usd")
    return tracked_coins(
        bases=bases,
        portfolio_coins=portfolio_coins,
        members=pl.concat([in_use, members.filter(kept)]),
        cohort=cohort.filter(kept),
    )
