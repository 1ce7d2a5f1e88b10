"""Categories as stored: which are listed today, and under which slugs the rows of each are stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from marketflows_pipeline.transforms.market_caps.category_slugs import todays_slug
from marketflows_pipeline.warehouse.store import Warehouse

RADAR_HISTORY = timedelta(days=431)


@dataclass(frozen=True)
class Categories:
    """Categories as last listed.

    Slugs with their names, of today's list and of earlier ones; ``as_of`` is when it was requested, None before the
    first.
    """

    listed: Mapping[str, str]
    former: Mapping[str, str]
    as_of: datetime | None

    def find(self, slug: str) -> str | None:
        """Today's slug of a category that is meant by another one; None where none is."""
        return todays_slug(slug, self.listed, self.former)

    def today(self, slug: str) -> str:
        """Today's slug, or the slug itself where no category is meant by it."""
        return self.find(slug) or slug


def stored_categories(warehouse: Warehouse) -> Categories:
    """The last list of categories."""
    rows = warehouse.accepted("raw.category_names").sort("category_id")
    as_of = rows["last_seen_at"].max()
    is_listed = pl.col("last_seen_at") == pl.col("last_seen_at").max()
    listed, former = (
        dict(rows.filter(each).select("category_id", "name").iter_rows()) for each in (is_listed, ~is_listed)
    )
    return Categories(listed, former, as_of if isinstance(as_of, datetime) else None)


def names_in_store(warehouse: Warehouse, slugs: Iterable[str], categories: Categories | None = None) -> pl.DataFrame:
    """Under which slugs the rows of these categories are stored: former ones, short ones, today's.

    Args:
        warehouse: where they are stored.
        slugs: of the categories.
        categories: `stored_categories`, where they have been read.

    Returns:
        ``narrative`` (of `slugs`) and ``stored_as``, one row a pair.
    """
    categories = categories or stored_categories(warehouse)
    stored = warehouse.query("select distinct narrative from accepted.narrative_members")["narrative"]
    of_today = {name: categories.today(name) for name in stored}
    pairs = [(slug, name) for slug in slugs for name, today in of_today.items() if today == categories.today(slug)]
    return pl.DataFrame(pairs, schema={"narrative": pl.String, "stored_as": pl.String}, orient="row")


def category_snapshots(warehouse: Warehouse, moment: datetime) -> pl.DataFrame:
    """Rows of raw.category_snapshots of the last 431 days: 400 days of changes over 30 days, and the present one."""
    return warehouse.accepted(
        "raw.category_snapshots",
        columns=["category_id", "observed_at", "name", "market_cap_usd", "volume_24h_usd", "top_3_coins_id"],
        where="observed_at >= ?",
        params=[moment - RADAR_HISTORY],
    )
