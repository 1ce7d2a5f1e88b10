"""The hourly snapshot: narrative pages, cohort pages, and one request for every coin that no page showed.

A page that was paid for serves all its uses: membership, the cohort, increments, names.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import polars as pl

from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.ingest.market_caps.category_pages import (
    fetch_category,
    member_figures,
    refresh_excluded,
    store_narrative,
)
from marketflows_pipeline.ingest.market_caps.category_slugs import narratives_to_fetch, resolve_categories
from marketflows_pipeline.ingest.raw_writer import MarketCapWriter
from marketflows_pipeline.providers.protocols.market_caps import MARKET_SCHEMA, MarketCapProvider
from marketflows_pipeline.queries.members import (
    excluded_categories,
    excluded_coins,
    narratives_kept_whole,
    narratives_left_empty,
)
from marketflows_pipeline.queries.tracked_coins import in_order, tracked_coins
from marketflows_pipeline.settings import Settings
from marketflows_pipeline.system.near_matches import did_you_mean, near_matches
from marketflows_pipeline.transforms.market_caps.symbols import with_price
from marketflows_pipeline.warehouse.store import Warehouse

log = logging.getLogger(__name__)

GONE_AFTER = timedelta(hours=24)


@dataclass(frozen=True)
class Snapshot:
    """What the pages of an hour showed.

    Tracked coins are ``coin_id, priority, market_cap_usd``, the most important first; ``gone`` are configured or
    tracked ones that the service no longer lists.
    """

    tracked: pl.DataFrame
    gone: tuple[str, ...]


@dataclass
class _Pages:
    """What the pages of this hour have shown so far.

    Increments are stored of coins ``followed``, to which pages add their members before their rows are stored; ``caps``
    has every coin on a page, tracked or not.
    """

    followed: set[str]
    caps: dict[str, float | None] = field(default_factory=dict)

    def store(self, writer: MarketCapWriter, rows: pl.DataFrame) -> None:
        """Store a page's names and the increments of the followed coins."""
        self.caps.update(rows.select("coin_id", "market_cap_usd").iter_rows())
        writer.store_coins(rows)
        writer.store_increments(rows, self.followed)


def fetch_snapshot(provider: MarketCapProvider, writer: MarketCapWriter, settings: Settings) -> Snapshot:
    """Fetch the pages of this hour and store each as it arrives.

    Raises:
        UserInputError: if narratives or coins of the settings have never been known to the service.
        ProviderError: if the service fails for good.
        CreditsExhaustedError: if the month's credits are used up.
    """
    warehouse, source = writer.warehouse, settings.source
    categories = resolve_categories(provider, writer, settings)
    pages = _Pages(followed=set(tracked_coins(warehouse, settings, writer.moment)["coin_id"]))
    narratives = narratives_to_fetch(provider, warehouse, settings, categories)
    left_out = excluded_categories(warehouse, settings)
    for slug in sorted(left_out - set(narratives)):
        refresh_excluded(provider, writer, settings, slug)

    def fetch_narrative(slug: str, excluded: Collection[str]) -> None:
        is_excluded = slug in excluded_categories(warehouse, settings)
        page = fetch_category(provider, writer, settings, slug, is_excluded=is_excluded)
        if page is not None:
            members = store_narrative(writer, slug, page.members, excluded=excluded, top_n=source.narrative_top_n)
            pages.followed.update(members["coin_id"])
            pages.store(writer, page.rows)

    # First those that say who is left out of the others.
    for slug in (slug for slug in narratives if slug in left_out):
        fetch_narrative(slug, ())
    excluded = excluded_coins(warehouse, settings)
    log_what_is_kept(warehouse, settings, excluded)
    for slug in (slug for slug in narratives if slug not in left_out):
        fetch_narrative(slug, excluded)
    if source.uses_ranges:
        _fetch_cohort(provider, writer, pages, limit=min(source.range_lower_limits), excluded=excluded)
    warn_of_empty_narratives(warehouse, settings)
    tracked = tracked_coins(warehouse, settings, writer.moment)
    gone = _fetch_coins_on_no_page(provider, writer, settings, tracked["coin_id"].to_list(), pages)
    return Snapshot(tracked=_by_present_caps(tracked, pages), gone=gone)


def _fetch_cohort(
    provider: MarketCapProvider, writer: MarketCapWriter, pages: _Pages, *, limit: float, excluded: Collection[str]
) -> None:
    found = [MARKET_SCHEMA.to_frame()]
    for rows in provider.snapshot_pages(limit):
        above = rows.filter(pl.col("market_cap_usd") > limit)
        pages.followed.update(above["coin_id"])
        pages.store(writer, rows)
        found.append(above)
    # All pages or none: half a cohort would look like an exodus.
    cohort = pl.concat(found).unique("coin_id", keep="first").sort("market_cap_usd", descending=True)
    writer.store(
        "raw.cohort_members",
        cohort.with_columns(
            pl.int_range(1, pl.len() + 1, dtype=pl.Int32).alias("rank"),
            *member_figures(),
            pl.col("coin_id").is_in(list(excluded)).alias("is_excluded"),
        ),
    )


def log_what_is_kept(warehouse: Warehouse, settings: Settings, excluded: Collection[str]) -> None:
    """One line of what the settings name though exclude_categories leaves it out: what the user names wins."""
    source = settings.source
    narratives = narratives_kept_whole(warehouse, settings)
    held = {coin for coins in source.portfolios_in_use.values() for coin in coins}
    named = [
        *([f"narratives {', '.join(sorted(narratives))} with all their coins"] if narratives else []),
        *sorted((held | set(source.coin_bases)) & set(excluded)),
    ]
    if named:
        log.info(
            "kept, because the settings name them, though exclude_categories leaves them out: %s", "; ".join(named)
        )


def warn_of_empty_narratives(warehouse: Warehouse, settings: Settings) -> None:
    """Warn of narratives that have no series since all their coins are left out, with the way to keep them."""
    empty = narratives_left_empty(warehouse, settings)
    if empty:
        log.warning(
            "no series of %s: exclude_categories leaves all the coins out; what exclude_categories names itself keeps "
            "them as a narrative",
            ", ".join(empty),
        )


def _fetch_coins_on_no_page(
    provider: MarketCapProvider, writer: MarketCapWriter, settings: Settings, tracked: list[str], pages: _Pages
) -> tuple[str, ...]:
    """Fetch by id what no page showed; an id never known is an error, one that is gone a warning."""
    missing = [coin for coin in tracked if coin not in pages.caps]
    if not missing:
        return ()
    pages.store(writer, provider.by_ids(missing))
    absent = [coin for coin in missing if coin not in pages.caps]
    never_seen = [coin for coin in absent if coin not in writer.known_coins]
    if never_seen:
        _identify(provider, writer, settings, never_seen)
    if absent:
        log.warning("%s shows no market data for %s", provider.name, ", ".join(absent))
    # One incomplete response is no delisting: a coin is gone when no response has held it for a day.
    return mark_inactive(writer.warehouse, absent, unseen_since=writer.moment - GONE_AFTER)


def _identify(provider: MarketCapProvider, writer: MarketCapWriter, settings: Settings, coins: list[str]) -> None:
    """One request of the list distinguishes a misspelt id from one that merely has no market row.

    A coin of the defaults that is not listed is a warning: the user did not write it.
    """
    listed = provider.coin_list()
    unknown = sorted(set(coins) - set(listed["coin_id"]))
    written = [coin for coin in unknown if _keys_of(settings, coin, written_only=True)]
    if written:
        # A coin without a price may be configured, and is no good suggestion.
        suggested = with_price(listed)
        raise UserInputError("\n".join(_unknown_coin(provider, settings, coin, suggested) for coin in written))
    for coin in unknown:
        keys = " and ".join(_keys_of(settings, coin))
        log.warning("%s: the default %r is no coin of %s today; the run goes on without it", keys, coin, provider.name)
    writer.store_coins(listed.filter(pl.col("coin_id").is_in(coins)))


def _unknown_coin(provider: MarketCapProvider, settings: Settings, coin: str, listed: pl.DataFrame) -> str:
    hint = did_you_mean(near_matches(coin, {coin_id: names for coin_id, *names in listed.iter_rows()}))
    key = " and ".join(_keys_of(settings, coin))
    return settings.fault_line(key, coin, f"expected a coin id that {provider.name} knows{hint}")


def _keys_of(settings: Settings, coin: str, *, written_only: bool = False) -> list[str]:
    """Keys that name a coin; those of the user's own, or all."""
    source = settings.source
    groups = [f"asset_groups.{name}" for name, coins in source.portfolios_in_use.items() if coin in coins]
    keys = [*(["base_assets"] if coin in source.coin_bases else []), *groups]
    return [source.key(key) for key in keys if not (written_only and source.is_default(key.partition(".")[0]))]


def mark_inactive(warehouse: Warehouse, coins: list[str], *, unseen_since: datetime) -> tuple[str, ...]:
    """Set ``is_active`` to false for those of the coins that were last seen before a moment."""
    known = warehouse.read("raw.coins").filter(
        pl.col("coin_id").is_in(coins), pl.col("last_seen_at") < pl.lit(unseen_since)
    )
    if not known.is_empty():
        warehouse.merge("raw.coins", known.with_columns(pl.lit(value=False).alias("is_active")))
    return tuple(known["coin_id"])


def _by_present_caps(tracked: pl.DataFrame, pages: _Pages) -> pl.DataFrame:
    """Order within a priority by the caps of this hour rather than by remembered ones."""
    present = pl.DataFrame(
        {"coin_id": list(pages.caps), "present": list(pages.caps.values())},
        schema={"coin_id": pl.String, "present": pl.Float64},
    )
    return in_order(
        tracked.join(present, on="coin_id", how="left")
        .with_columns(pl.coalesce("present", "market_cap_usd").alias("market_cap_usd"))
        .drop("present")
    )
