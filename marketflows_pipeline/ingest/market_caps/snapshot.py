"""The steady tick: narrative pages, cohort pages, and one request for every coin that no page showed.

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
    ask_category,
    member_figures,
    refresh_excluded,
    store_narrative,
)
from marketflows_pipeline.ingest.market_caps.category_slugs import resolve_categories, slugs_to_ask
from marketflows_pipeline.ingest.market_caps.plan import in_order
from marketflows_pipeline.ingest.raw_writer import RawWriter
from marketflows_pipeline.providers.protocols.market_caps import MARKET_SCHEMA
from marketflows_pipeline.queries.market_caps import (
    coins_in_use,
    excluded_categories,
    excluded_coins,
    narratives_kept_whole,
    narratives_left_empty,
)
from marketflows_pipeline.run_context import RunContext
from marketflows_pipeline.settings.faults import fault_line
from marketflows_pipeline.system.near_matches import did_you_mean, near_matches

log = logging.getLogger(__name__)

GONE_AFTER = timedelta(hours=24)


@dataclass(frozen=True)
class Tick:
    """What a tick found.

    Attributes:
        tracked: ``coin_id, priority, market_cap_usd``, the most important first.
        gone: configured or tracked coins that the service no longer shows.
    """

    tracked: pl.DataFrame
    gone: tuple[str, ...]


@dataclass
class _Pages:
    """What the pages of this tick have shown so far.

    Attributes:
        followed: coins whose increments are kept; pages add their members to it before their rows are stored.
        caps: market cap of every coin on a page, tracked or not.
    """

    followed: set[str]
    caps: dict[str, float | None] = field(default_factory=dict)

    def take(self, store: RawWriter, rows: pl.DataFrame) -> None:
        """Commit a page's names and the increments of the followed coins."""
        self.caps.update(rows.select("coin_id", "market_cap_usd").iter_rows())
        store.store_coins(rows)
        store.store_increments(rows, self.followed)


def fetch_snapshot(run: RunContext, store: RawWriter) -> Tick:
    """Ask for the pages of this hour and commit each as it arrives.

    Raises:
        UserInputError: if narratives or coins of the settings have never been known to the service.
        ProviderError: if the service fails for good.
        CreditsExhaustedError: if the month's credits are used up.
    """
    categories = resolve_categories(run)
    source = run.settings.source
    pages = _Pages(followed=set(coins_in_use(run)["coin_id"]))
    narratives = slugs_to_ask(run, categories, source.narratives_in_use)
    left_out = excluded_categories(run)
    for slug in sorted(left_out - set(narratives)):
        refresh_excluded(run, store, slug)
    # First those that say who is left out of the others.
    for slug in (slug for slug in narratives if slug in left_out):
        _narrative_page(run, store, slug, (), pages)
    excluded = excluded_coins(run)
    say_what_stays(run, excluded)
    for slug in (slug for slug in narratives if slug not in left_out):
        _narrative_page(run, store, slug, excluded, pages)
    if source.uses_ranges:
        _cohort_pages(run, store, excluded, pages)
    say_what_is_empty(run)
    tracked = coins_in_use(run)
    gone = _coins_on_no_page(run, store, tracked["coin_id"].to_list(), pages)
    return Tick(tracked=_by_present_caps(tracked, pages), gone=gone)


def _narrative_page(run: RunContext, store: RawWriter, slug: str, excluded: Collection[str], pages: _Pages) -> None:
    page = ask_category(run, slug, is_excluded=slug in excluded_categories(run))
    if page is not None:
        pages.followed.update(store_narrative(run, slug, page.members, excluded)["coin_id"])
        pages.take(store, page.rows)


def _cohort_pages(run: RunContext, store: RawWriter, excluded: Collection[str], pages: _Pages) -> None:
    limit = min(run.settings.source.range_lower_limits)
    found = [MARKET_SCHEMA.to_frame()]
    for rows in run.provider.snapshot_pages(limit):
        above = rows.filter(pl.col("market_cap_usd") > limit)
        pages.followed.update(above["coin_id"])
        pages.take(store, rows)
        found.append(above)
    # All pages or none: half a cohort would look like an exodus.
    cohort = pl.concat(found).unique("coin_id", keep="first").sort("market_cap_usd", descending=True)
    run.warehouse.merge(
        "raw.cohort_members",
        cohort.select(
            pl.lit(run.started_at).cast(pl.Datetime("us", "UTC")).alias("observed_at"),
            "coin_id",
            pl.int_range(1, pl.len() + 1, dtype=pl.Int32).alias("rank"),
            "market_cap_usd",
            *member_figures(),
            pl.col("coin_id").is_in(list(excluded)).alias("is_excluded"),
        ),
    )


def say_what_stays(run: RunContext, excluded: Collection[str]) -> None:
    """One line of what the settings name though exclude_categories leaves it out: what the user names wins."""
    source = run.settings.source
    narratives = narratives_kept_whole(run)
    held = {coin for coins in source.portfolios_in_use.values() for coin in coins}
    named = [
        *([f"narratives {', '.join(sorted(narratives))} with all their coins"] if narratives else []),
        *sorted((held | set(source.coin_bases)) & set(excluded)),
    ]
    if named:
        log.info(
            "kept, because the settings name them, though exclude_categories leaves them out: %s", "; ".join(named)
        )


def say_what_is_empty(run: RunContext) -> None:
    """Warn of narratives that have no series since all their coins are left out, with the way to keep them."""
    empty = narratives_left_empty(run)
    if empty:
        log.warning(
            "no series of %s: exclude_categories leaves all the coins out; what exclude_categories names itself keeps "
            "them as a narrative",
            ", ".join(empty),
        )


def _coins_on_no_page(run: RunContext, store: RawWriter, tracked: list[str], pages: _Pages) -> tuple[str, ...]:
    """Ask by id for what no page showed; an id never known is an error, one that is gone a warning."""
    missing = [coin for coin in tracked if coin not in pages.caps]
    if not missing:
        return ()
    pages.take(store, run.provider.by_ids(missing))
    absent = [coin for coin in missing if coin not in pages.caps]
    never_seen = [coin for coin in absent if coin not in store.known_coins]
    if never_seen:
        _identify(run, store, never_seen)
    if absent:
        log.warning("%s shows no market data for %s", run.provider.name, ", ".join(absent))
    # One incomplete answer is no delisting: a coin is gone when no answer has held it for a day.
    return mark_inactive(run, absent, unseen_since=run.started_at - GONE_AFTER)


def _identify(run: RunContext, store: RawWriter, coins: list[str]) -> None:
    """One list call tells a misspelt id from one that merely has no market row."""
    listed = run.provider.coin_list()
    unknown = sorted(set(coins) - set(listed["coin_id"]))
    if unknown:
        raise UserInputError("\n".join(_unknown_coin(run, coin, listed) for coin in unknown))
    store.store_coins(listed.filter(pl.col("coin_id").is_in(coins)))


def _unknown_coin(run: RunContext, coin: str, listed: pl.DataFrame) -> str:
    source = run.settings.source
    groups = [f"asset_groups.{name}" for name, coins in source.portfolios_in_use.items() if coin in coins]
    keys = [*(["base_assets"] if coin in source.coin_bases else []), *groups]
    hint = did_you_mean(near_matches(coin, {coin_id: names for coin_id, *names in listed.iter_rows()}))
    key = " and ".join(f"providers.coingecko.{name}" for name in keys)
    return fault_line(run.config, key, coin, f"expected a coin id that {run.provider.name} knows{hint}")


def mark_inactive(run: RunContext, coins: list[str], *, unseen_since: datetime) -> tuple[str, ...]:
    """Set ``is_active`` to false for those of the coins that were last seen before a moment."""
    known = run.warehouse.read("raw.coins").filter(
        pl.col("coin_id").is_in(coins), pl.col("last_seen_at") < pl.lit(unseen_since)
    )
    if not known.is_empty():
        run.warehouse.merge("raw.coins", known.with_columns(pl.lit(value=False).alias("is_active")))
    return tuple(known["coin_id"])


def _by_present_caps(tracked: pl.DataFrame, pages: _Pages) -> pl.DataFrame:
    """Order within a priority by the caps of this tick rather than by remembered ones."""
    present = pl.DataFrame(
        {"coin_id": list(pages.caps), "present": list(pages.caps.values())},
        schema={"coin_id": pl.String, "present": pl.Float64},
    )
    return in_order(
        tracked.join(present, on="coin_id", how="left")
        .with_columns(pl.coalesce("present", "market_cap_usd").alias("market_cap_usd"))
        .drop("present")
    )
