"""Warehouse queries of membership: excluded categories and coins, members of narratives, what is left out."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import polars as pl

from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.queries.categories import Categories, names_in_store, stored_categories
from marketflows_pipeline.settings import Settings
from marketflows_pipeline.transforms.categories import NARRATIVES, RANGES
from marketflows_pipeline.transforms.market_caps.exclusions import (
    left_out_of_narratives,
    left_out_of_ranges,
)
from marketflows_pipeline.transforms.market_caps.groups import group_members, narrative_members_on
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline.warehouse.text_lists import IS_ONE_OF, as_parameter


def excluded_categories(warehouse: Warehouse, settings: Settings) -> set[str]:
    """Today's slugs of the categories whose coins are left out of narratives and ranges."""
    return _excluded_of(stored_categories(warehouse), settings)


def _excluded_of(categories: Categories, settings: Settings) -> set[str]:
    wanted = map(categories.today, settings.source.exclusions_in_use)
    return {slug for slug in wanted if not categories.listed or slug in categories.listed}


def excluded_coins(warehouse: Warehouse, settings: Settings, categories: Categories | None = None) -> list[str]:
    """Members of the excluded categories as last stored (the largest 250 of each), and pegged coins without one."""
    slugs = settings.source.exclusions_in_use
    if not slugs:
        return []
    names = names_in_store(warehouse, slugs, categories)
    stored = warehouse.query(
        "select distinct narrative as stored_as, coin_id, observed_at from accepted.narrative_members"
        # Only a page that was stored in full lists all excluded coins; rows of older versions have null here.
        " where list_contains(?, narrative) and is_full_page is not false"
        " qualify observed_at = max(observed_at) over (partition by narrative)",
        [names["stored_as"].to_list()],
    ).join(names, on="stored_as")
    newest = stored.filter(pl.col("observed_at") == pl.col("observed_at").max().over("narrative"))
    return sorted({*newest["coin_id"], *settings.source.pegged_coins})


def members_of_today(warehouse: Warehouse, settings: Settings, slug: str, moment: datetime) -> pl.Series | None:
    """All coins of an excluded category as the market-cap part stored them within a day; None where it did not."""
    categories = stored_categories(warehouse)
    today = categories.today(slug)
    if today not in _excluded_of(categories, settings):
        return None
    coins = warehouse.query(
        "select coin_id from accepted.narrative_members"
        " where narrative = ? and is_full_page and observed_at > ? qualify observed_at = max(observed_at) over ()",
        [today, moment - timedelta(days=1)],
    )["coin_id"]
    return None if coins.is_empty() else coins.sort()


def narratives_kept_whole(warehouse: Warehouse, settings: Settings, categories: Categories | None = None) -> list[str]:
    """Narratives of the settings that are an excluded category themselves: the user wants to see those coins."""
    categories = categories or stored_categories(warehouse)
    excluded = _excluded_of(categories, settings)
    return [slug for slug in settings.source.narratives_in_use if categories.today(slug) in excluded]


def listed_members(warehouse: Warehouse, settings: Settings) -> pl.DataFrame:
    """Stored members of the configured narratives; those in reserve stand in for coins that are left out by now.

    All that is stored where the settings name a day; else what was stored since the newest list that has a coin which
    is not left out.

    Returns:
        ``observed_at, narrative, coin_id, rank, market_cap_usd, stored_as``, and ``is_left_out``: in an excluded
        category, and the narrative none.
    """
    categories = stored_categories(warehouse)
    names = names_in_store(warehouse, settings.source.narratives_in_use, categories)
    is_whole = pl.col("narrative").is_in(narratives_kept_whole(warehouse, settings, categories))
    excluded = excluded_coins(warehouse, settings, categories)
    stored = warehouse.query(
        f"""
        with wanted as (select * from accepted.narrative_members where list_contains($1, narrative)),
        newest as (
            select narrative, coalesce(
                max(observed_at) filter (not coin_id {IS_ONE_OF.replace("?", "$2")}), max(observed_at)) as since
            from wanted group by narrative
        )
        select observed_at, narrative as stored_as, coin_id, rank, market_cap_usd
        from wanted join newest using (narrative) where observed_at >= since or $3
        """,
        [names["stored_as"].to_list(), as_parameter(excluded), _members_day(settings) is not None],
    ).with_columns(pl.col("observed_at").cast(pl.Datetime("us", "UTC")))
    return stored.join(names, on="stored_as").with_columns(is_left_out=pl.col("coin_id").is_in(excluded) & ~is_whole)


def members_in_use(warehouse: Warehouse, settings: Settings) -> pl.DataFrame:
    """Members of the configured narratives: the present ones, or those of the day that the settings name.

    Returns:
        ``narrative, coin_id``, the `narrative_top_n` largest of each narrative that are not left out.

    Raises:
        UserInputError: if nothing is stored for the day named.
    """
    source, day = settings.source, _members_day(settings)
    listed = listed_members(warehouse, settings)
    members = narrative_members_on(listed.filter(~pl.col("is_left_out")), day, source.narrative_top_n)
    # One whose every coin is left out was stored all the same.
    stored = narrative_members_on(listed, day, source.narrative_top_n)
    absent = sorted(set(source.narratives_in_use) - set(stored["narrative"]))
    if day is not None and absent:
        expected = f"expected a day (UTC) on which a run stored members of {', '.join(absent)}"
        raise UserInputError(settings.fault_line(source.key("narrative_members"), str(day), expected))
    return members


def narratives_left_empty(warehouse: Warehouse, settings: Settings) -> list[str]:
    """Narratives of the settings of which every coin is left out, so that they have no series."""
    listed = narrative_members_on(listed_members(warehouse, settings), _members_day(settings), top_n=1)
    return sorted(set(listed["narrative"]) - set(members_in_use(warehouse, settings)["narrative"]))


def left_out(warehouse: Warehouse, settings: Settings, grid: pl.DataFrame) -> pl.DataFrame:
    """What is left out of each narrative and range: ``category, series, n_left_out, left_out_usd``."""
    source = settings.source
    listed = listed_members(warehouse, settings)
    of_narratives = left_out_of_narratives(listed, _members_day(settings), source.narrative_top_n)
    limits = source.range_lower_limits if source.uses_ranges else ()
    of_ranges = left_out_of_ranges(grid, excluded_coins(warehouse, settings), limits)
    parts = ((NARRATIVES, of_narratives), (RANGES, of_ranges))
    return pl.concat([rows.select(pl.lit(name).alias("category"), pl.all()) for name, rows in parts])


def groups_in_use(warehouse: Warehouse, settings: Settings) -> pl.DataFrame:
    """``category, series, coin_id`` of narratives, portfolios and their coins."""
    source = settings.source
    return group_members(members_in_use(warehouse, settings), source.narratives_in_use, source.portfolios_in_use)


def _members_day(settings: Settings) -> date | None:
    """The day whose stored members are used; None for the present ones."""
    day = settings.source.narrative_members
    return None if day == "current" else day
