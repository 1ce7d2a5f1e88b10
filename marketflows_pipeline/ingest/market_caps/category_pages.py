"""Pages of categories: fetching one, who belongs to a narrative by it, and storing that."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import timedelta
from typing import NamedTuple

import polars as pl

from marketflows_pipeline.errors import NotFoundError
from marketflows_pipeline.ingest.market_caps.category_slugs import refresh_dropped
from marketflows_pipeline.ingest.raw_writer import MarketCapWriter, RawWriter
from marketflows_pipeline.providers.bad_rows import counting_left_out
from marketflows_pipeline.providers.market_figures import by_falling_cap
from marketflows_pipeline.providers.protocols.market_caps import MarketCapProvider
from marketflows_pipeline.queries.closes import day_of
from marketflows_pipeline.settings import Settings
from marketflows_pipeline.warehouse.store import Warehouse

EXCLUDED_REFRESH = timedelta(hours=24)
# Coins below the last one in use that are stored, so that rules with a buffer can be applied later.
RESERVE = 5
# Further figures of a member on a page, at no further cost.
MEMBER_FIGURES = (
    "price_usd",
    "circulating_supply",
    "price_change_24h_pct",
    "price_change_7d_pct",
    "price_change_30d_pct",
)
# Of an excluded category, in which no coin stands for anything.
_NO_NARRATIVE = (pl.lit(value=False).alias("is_reserve"), pl.lit(None, pl.Boolean).alias("is_excluded"))


class CategoryPage(NamedTuple):
    """The rows of a page, and who belongs to the category by it; both in MARKET_SCHEMA, the largest first."""

    rows: pl.DataFrame
    members: pl.DataFrame


def fetch_category(
    provider: MarketCapProvider, writer: RawWriter, settings: Settings, slug: str, *, is_excluded: bool
) -> CategoryPage | None:
    """A category's largest coins; None, with a warning, where the service dropped one that it has listed.

    Where its coins are left out of others (``is_excluded``), wrapped ones must be among them.
    """
    fetch = provider.category_members if is_excluded else provider.narrative
    try:
        with counting_left_out() as left_out:
            rows = fetch(slug)
    except NotFoundError:
        refresh_dropped(provider, writer, settings, slug)
        return None
    return CategoryPage(rows, _with_last_members(writer.warehouse, slug, rows) if left_out else rows)


def refresh_excluded(provider: MarketCapProvider, writer: MarketCapWriter, settings: Settings, slug: str) -> None:
    """Store who is in an excluded category, once a day."""
    latest = writer.warehouse.query(
        "select max(observed_at) as at from accepted.narrative_members where narrative = ?", [slug]
    ).item()
    if latest is not None and writer.moment - latest < EXCLUDED_REFRESH:
        return
    page = fetch_category(provider, writer, settings, slug, is_excluded=True)
    if page is not None:
        writer.store_coins(page.rows)
        _store_members(writer, slug, page.members.with_columns(*_NO_NARRATIVE), is_full_page=True)


def store_narrative(
    writer: RawWriter, slug: str, members: pl.DataFrame, *, excluded: Collection[str], top_n: int
) -> pl.DataFrame:
    """Store a narrative's members: down to those in reserve, and once a day all of the page.

    Members come the largest first; ``top_n`` of those that are not excluded stand for the narrative.

    Returns:
        ``coin_id`` of those that are tracked: down to the last one in use, excluded ones in between too.
    """
    listed = with_standing(members, excluded, top_n)
    stored = listed if _is_first_of_day(writer, slug) else listed.filter("is_near")
    _store_members(writer, slug, stored, is_full_page=stored.height == listed.height)
    return listed.filter(~pl.col("is_reserve")).select("coin_id")


def with_standing(rows: pl.DataFrame, excluded: Collection[str], top_n: int) -> pl.DataFrame:
    """Say of each coin of a narrative's page how it stands there.

    Rows come the largest first; ``top_n`` of those that are not excluded stand for the narrative.

    Returns:
        The rows with ``is_excluded``; ``is_reserve``, below the last coin in use; and ``is_near``, down to the
        (top_n + 5)th that is not excluded. Excluded coins in between are as those around them: what is stored says what
        the service listed.
    """
    is_excluded = pl.col("coin_id").is_in(list(excluded))
    counted_above = (~is_excluded).cum_sum() - (~is_excluded).cast(pl.UInt32)
    return rows.with_columns(
        is_excluded=is_excluded, is_reserve=counted_above >= top_n, is_near=counted_above < top_n + RESERVE
    )


def _is_first_of_day(writer: RawWriter, slug: str) -> bool:
    """Whether no full page of this narrative is stored of this UTC day yet."""
    newest = writer.warehouse.query(
        "select max(observed_at) as at from raw.narrative_members where narrative = ? and is_full_page", [slug]
    ).item()
    return newest is None or newest < day_of(writer.moment)


def _with_last_members(warehouse: Warehouse, slug: str, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows of a page of which some were left out, and the last known members that are not among them.

    A malformed row does not say that its coin has left; it keeps its place, by its last known market cap.
    """
    last = warehouse.query(
        "select coin_id, market_cap_usd from accepted.narrative_members where narrative = ?"
        " qualify observed_at = max(observed_at) over ()",
        [slug],
    )
    absent = last.join(rows, on="coin_id", how="anti")
    return by_falling_cap(pl.concat([rows, absent], how="diagonal"))


def _store_members(writer: RawWriter, slug: str, rows: pl.DataFrame, *, is_full_page: bool) -> None:
    writer.store(
        "raw.narrative_members",
        rows.with_columns(
            pl.lit(slug).alias("narrative"),
            pl.int_range(1, pl.len() + 1, dtype=pl.Int32).alias("rank"),
            *member_figures(),
            pl.lit(is_full_page).alias("is_full_page"),
        ),
    )


def member_figures() -> Iterator[pl.Expr]:
    """What goes with a member; a figure that is no number is not worth the hour that it would stop."""
    return (pl.when(pl.col(name).is_finite()).then(pl.col(name)).alias(name) for name in MEMBER_FIGURES)
