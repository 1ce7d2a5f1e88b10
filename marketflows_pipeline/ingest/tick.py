"""The steady tick: narrative pages, cohort pages, and one request for every coin that no page showed.

A page that was paid for serves all its uses: membership, the cohort, increments, names.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

import polars as pl

from marketflows_pipeline.category_readings import Categories
from marketflows_pipeline.errors import NotFoundError, UserInputError
from marketflows_pipeline.ingest.answers import AnswerStore
from marketflows_pipeline.ingest.category_names import (
    EXCLUDED_KEY,
    NARRATIVES_KEY,
    look_again,
    resolve_categories,
    slugs_to_ask,
)
from marketflows_pipeline.ingest.first_seen import day_of
from marketflows_pipeline.ingest.plan import in_order
from marketflows_pipeline.providers.near_matches import near_matches
from marketflows_pipeline.providers.protocol import MARKET_SCHEMA
from marketflows_pipeline.providers.rows import counting_left_out
from marketflows_pipeline.readings import coins_in_use, excluded_coins
from marketflows_pipeline.session import Session
from marketflows_pipeline.settings.faults import fault_line

log = logging.getLogger(__name__)

EXCLUDED_REFRESH = timedelta(hours=24)
GONE_AFTER = timedelta(hours=24)
# Coins below the last one in use that are stored, so that rules with a buffer can be applied later.
RESERVE = 5
# What a page says of a member beside its market cap, at no further cost.
MEMBER_FIGURES = (
    "price_usd",
    "circulating_supply",
    "price_change_24h_pct",
    "price_change_7d_pct",
    "price_change_30d_pct",
)
# Of an excluded category, in which no coin stands for anything.
_NO_NARRATIVE = (pl.lit(value=False).alias("is_reserve"), pl.lit(None, pl.Boolean).alias("is_excluded"))


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

    def take(self, store: AnswerStore, rows: pl.DataFrame) -> None:
        """Commit a page's names and the increments of the followed coins."""
        self.caps.update(rows.select("coin_id", "market_cap_usd").iter_rows())
        store.store_coins(rows)
        store.store_increments(rows, self.followed)


def take_tick(session: Session, store: AnswerStore) -> Tick:
    """Ask for the pages of this hour and commit each as it arrives.

    Raises:
        UserInputError: if narratives or coins of the settings have never been known to the service.
        ProviderError: if the service fails for good.
        CreditsExhaustedError: if the month's credits are used up.
    """
    categories = resolve_categories(session)
    pages = _Pages(followed=set(coins_in_use(session)["coin_id"]))
    source = session.settings.providers.coingecko
    _refresh_excluded(session, store, categories)
    excluded = excluded_coins(session)
    for slug in slugs_to_ask(session, categories, source.narratives_in_use):
        _narrative_page(session, store, slug, excluded, pages)
    if source.uses_ranges:
        _cohort_pages(session, store, excluded, pages)
    tracked = coins_in_use(session)
    gone = _coins_on_no_page(session, store, tracked["coin_id"].to_list(), pages)
    return Tick(tracked=_by_present_caps(tracked, pages), gone=gone)


def _refresh_excluded(session: Session, store: AnswerStore, categories: Categories) -> None:
    for slug in slugs_to_ask(session, categories, session.settings.providers.coingecko.exclude_categories):
        latest = session.warehouse.query(
            "select max(observed_at) as at from accepted.narrative_members where narrative = ?", [slug]
        ).item()
        if latest is not None and session.started_at - latest < EXCLUDED_REFRESH:
            continue
        page = _ask_narrative(session, slug, EXCLUDED_KEY)
        if page is not None:
            store.store_coins(page.rows)
            _store_members(session, slug, page.members.with_columns(*_NO_NARRATIVE), is_full_page=True)


def _narrative_page(session: Session, store: AnswerStore, slug: str, excluded: Collection[str], pages: _Pages) -> None:
    page = _ask_narrative(session, slug, NARRATIVES_KEY)
    if page is None:
        return
    listed = with_standing(page.members, excluded, session.settings.providers.coingecko.narrative_top_n)
    stored = listed if _is_first_of_day(session, slug) else listed.filter("is_near")
    _store_members(session, slug, stored, is_full_page=stored.height == listed.height)
    pages.followed.update(listed.filter(~pl.col("is_reserve"))["coin_id"])
    pages.take(store, page.rows)


def with_standing(rows: pl.DataFrame, excluded: Collection[str], top_n: int) -> pl.DataFrame:
    """Say of each coin of a narrative's page how it stands there.

    Args:
        rows: ``coin_id``, the largest first.
        excluded: coins that are in no narrative.
        top_n: how many of the others stand for it.

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


def _is_first_of_day(session: Session, slug: str) -> bool:
    """Whether no full page of this narrative is stored of this UTC day yet."""
    newest = session.warehouse.query(
        "select max(observed_at) as at from raw.narrative_members where narrative = ? and is_full_page", [slug]
    ).item()
    return newest is None or newest < day_of(session.started_at)


class _NarrativePage(NamedTuple):
    """The rows of a page, and who belongs to the narrative by it; both in MARKET_SCHEMA, the largest first."""

    rows: pl.DataFrame
    members: pl.DataFrame


def _ask_narrative(session: Session, slug: str, key: str) -> _NarrativePage | None:
    """The narrative's largest coins; None, with a warning, where the service dropped a category that it has listed."""
    try:
        with counting_left_out() as left_out:
            rows = session.provider.narrative(slug)
    except NotFoundError:
        look_again(session, slug, key)
        return None
    return _NarrativePage(rows, _with_last_members(session, slug, rows) if left_out else rows)


def _with_last_members(session: Session, slug: str, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows of a page of which some were left out, and the last known members that are not among them.

    A malformed row does not say that its coin has left; it keeps its place, by its last known market cap.
    """
    last = session.warehouse.query(
        "select coin_id, market_cap_usd from accepted.narrative_members where narrative = ?"
        " qualify observed_at = max(observed_at) over ()",
        [slug],
    )
    absent = last.join(rows, on="coin_id", how="anti")
    return pl.concat([rows, absent], how="diagonal").sort(
        "market_cap_usd", descending=True, nulls_last=True, maintain_order=True
    )


def _store_members(session: Session, slug: str, rows: pl.DataFrame, *, is_full_page: bool) -> None:
    session.warehouse.merge(
        "raw.narrative_members",
        rows.select(
            pl.lit(session.started_at).cast(pl.Datetime("us", "UTC")).alias("observed_at"),
            pl.lit(slug).alias("narrative"),
            "coin_id",
            pl.int_range(1, pl.len() + 1, dtype=pl.Int32).alias("rank"),
            "market_cap_usd",
            *_member_figures(),
            "is_reserve",
            "is_excluded",
            pl.lit(is_full_page).alias("is_full_page"),
        ),
    )


def _member_figures() -> Iterator[pl.Expr]:
    """What goes with a member; a figure that is no number is not worth the hour that it would stop."""
    return (pl.when(pl.col(name).is_finite()).then(pl.col(name)).alias(name) for name in MEMBER_FIGURES)


def _cohort_pages(session: Session, store: AnswerStore, excluded: Collection[str], pages: _Pages) -> None:
    limit = min(session.settings.providers.coingecko.range_lower_limits)
    found = [MARKET_SCHEMA.to_frame()]
    for rows in session.provider.snapshot_pages(limit):
        above = rows.filter(pl.col("market_cap_usd") > limit, ~pl.col("coin_id").is_in(list(excluded)))
        pages.followed.update(above["coin_id"])
        pages.take(store, rows)
        found.append(above)
    # All pages or none: half a cohort would look like an exodus.
    cohort = pl.concat(found).unique("coin_id", keep="first").sort("market_cap_usd", descending=True)
    session.warehouse.merge(
        "raw.cohort_members",
        cohort.select(
            pl.lit(session.started_at).cast(pl.Datetime("us", "UTC")).alias("observed_at"),
            "coin_id",
            pl.int_range(1, pl.len() + 1, dtype=pl.Int32).alias("rank"),
            "market_cap_usd",
            *_member_figures(),
        ),
    )


def _coins_on_no_page(session: Session, store: AnswerStore, tracked: list[str], pages: _Pages) -> tuple[str, ...]:
    """Ask by id for what no page showed; an id never known is an error, one that is gone a warning."""
    missing = [coin for coin in tracked if coin not in pages.caps]
    if not missing:
        return ()
    pages.take(store, session.provider.by_ids(missing))
    absent = [coin for coin in missing if coin not in pages.caps]
    never_seen = [coin for coin in absent if coin not in store.known_coins]
    if never_seen:
        _identify(session, store, never_seen)
    if absent:
        log.warning("%s shows no market data for %s", session.provider.name, ", ".join(absent))
    # One incomplete answer is no delisting: a coin is gone when no answer has held it for a day.
    return mark_inactive(session, absent, unseen_since=session.started_at - GONE_AFTER)


def _identify(session: Session, store: AnswerStore, coins: list[str]) -> None:
    """One list call tells a misspelt id from one that merely has no market row."""
    listed = session.provider.coin_list()
    unknown = sorted(set(coins) - set(listed["coin_id"]))
    if unknown:
        raise UserInputError("\n".join(_unknown_coin(session, coin, listed) for coin in unknown))
    store.store_coins(listed.filter(pl.col("coin_id").is_in(coins)))


def _unknown_coin(session: Session, coin: str, listed: pl.DataFrame) -> str:
    source = session.settings.providers.coingecko
    groups = [f"asset_groups.{name}" for name, coins in source.portfolios_in_use.items() if coin in coins]
    keys = [*(["base_assets"] if coin in source.coin_bases else []), *groups]
    near = near_matches(coin, listed)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    key = " and ".join(f"providers.coingecko.{name}" for name in keys)
    return fault_line(session.config, key, coin, f"expected a coin id that {session.provider.name} knows{hint}")


def mark_inactive(session: Session, coins: list[str], *, unseen_since: datetime) -> tuple[str, ...]:
    """Set ``is_active`` to false for those of the coins that were last seen before a moment."""
    known = session.warehouse.read("raw.coins").filter(
        pl.col("coin_id").is_in(coins), pl.col("last_seen_at") < pl.lit(unseen_since)
    )
    if not known.is_empty():
        session.warehouse.merge("raw.coins", known.with_columns(pl.lit(value=False).alias("is_active")))
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
