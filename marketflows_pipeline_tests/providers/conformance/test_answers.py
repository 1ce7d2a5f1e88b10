"""What every market-cap provider answers, whatever is behind it."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest

from marketflows_pipeline.errors import NotFoundError, PlanLimitError
from marketflows_pipeline.options import PROVIDERS
from marketflows_pipeline.providers.granularity import Granularity
from marketflows_pipeline.providers.protocols.market_caps import (
    CATEGORY_NAMES_SCHEMA,
    CATEGORY_SCHEMA,
    COIN_SCHEMA,
    HISTORY_SCHEMA,
    MARKET_SCHEMA,
    MarketCapProvider,
)
from marketflows_pipeline.system.near_matches import near_matches
from marketflows_pipeline.system.printable import is_identity, presentable
from marketflows_pipeline_tests.providers.conformance.world import World
from marketflows_pipeline_tests.providers.conformance.worlds import WORLDS

# A window of each granularity.
WINDOWS = {Granularity.FIVE_MINUTES: 1, Granularity.HOURLY: 30, Granularity.DAILY: 120}
CLOCK_TOLERANCE = timedelta(minutes=5)


def falls(caps: pl.Series) -> bool:
    """Whether the positive ones among market caps come first, and fall."""
    positive = (caps > 0).fill_null(value=False)
    return bool(caps.filter(positive).is_sorted(descending=True)) and positive.is_sorted(descending=True)


def test_every_market_cap_provider_has_a_world() -> None:
    assert list(WORLDS) == list(PROVIDERS)


def test_a_history_is_the_window_by_time(world: World, provider: MarketCapProvider) -> None:
    days = world.longest_days
    history = provider.history(world.known, days)

    assert history.schema == HISTORY_SCHEMA
    assert set(history["coin_id"]) == {world.known}
    assert history["ts"].is_sorted()
    assert history["ts"].is_unique().all()
    first, last = history["ts"][0], history["ts"][-1]
    now, day = world.clock.now(), timedelta(days=1)
    assert now - (days + 1) * day - CLOCK_TOLERANCE <= first <= now - (days - 2) * day
    assert now - 2 * day <= last <= now
    assert days - 2 <= history.height <= days + 2
    assert (history["market_cap_usd"] > 0).all()
    assert history["source"].str.starts_with(f"{provider.name}:").all()


@pytest.mark.parametrize("granularity", Granularity)
def test_points_are_as_close_together_as_the_window_asks_or_refused(
    world: World, provider: MarketCapProvider, granularity: Granularity
) -> None:
    days = WINDOWS[granularity]
    if granularity not in world.granularities:
        assert world.serves_rows_as_they_are == (provider.history_limit_days(granularity) >= days)
        assert world.serves_rows_as_they_are or provider.history_limit_days(granularity) == 0
        return
    assert provider.history_limit_days(granularity) >= days
    between = provider.history(world.known, days)["ts"].diff().median()
    assert isinstance(between, timedelta)
    assert abs(between - granularity.step) <= granularity.step / 10


def test_a_window_beyond_the_plan_is_refused_without_a_request(world: World, provider: MarketCapProvider) -> None:
    days = provider.history_limit_days(Granularity.DAILY) + 1
    if world.refuses_longer_windows:
        with pytest.raises(PlanLimitError, match=str(days - 1)):
            provider.history(world.known, days)
        assert not world.ledger.calls
    else:
        assert provider.history(world.known, days).height >= world.longest_days - 2


def test_a_young_coin_has_what_there_is(world: World, provider: MarketCapProvider) -> None:
    history = provider.history(world.young, world.longest_days)

    assert history.schema == HISTORY_SCHEMA
    assert 1 <= history.height <= world.listed_before.days + 2
    assert history["ts"].min() >= world.clock.now() - world.listed_before  # type: ignore[operator]


def test_an_unknown_coin_is_not_found_and_requested_once(world: World, provider: MarketCapProvider) -> None:
    with pytest.raises(NotFoundError) as refusal:
        provider.history(world.unknown, world.longest_days)

    assert refusal.value.provider == provider.name
    assert len(world.ledger.calls) <= 1


def test_missing_caps_stay_missing(world: World, provider: MarketCapProvider) -> None:
    """A cap of 0 beside a price would be taken for a fall to nothing, an invented one for a market cap."""
    rows = provider.by_ids(world.capless)

    assert set(rows["coin_id"]) == set(world.capless)
    assert (rows["price_usd"] > 0).all()
    assert not (rows["market_cap_usd"] > 0).any()
    for coin in world.capless:
        history = provider.history(coin, world.longest_days)
        assert history.height > 0
        assert (history["price_usd"] > 0).all()
        assert not (history["market_cap_usd"] > 0).any()


def test_a_snapshot_is_by_falling_market_cap_each_coin_once(world: World, provider: MarketCapProvider) -> None:
    pages = list(provider.snapshot_pages(0))

    assert all(page.schema == MARKET_SCHEMA and not page.is_empty() for page in pages)
    rows = pl.concat(pages)
    assert rows["coin_id"].is_unique().all()
    assert rows["coin_id"][0] == world.known
    assert falls(rows["market_cap_usd"])
    assert (rows["last_updated"].drop_nulls() <= world.clock.now()).all()
    assert rows["source"].str.starts_with(f"{provider.name}:").all()
    assert not rows["with_rehypothecated"].any()
    assert world.wrapped not in rows["coin_id"]


def test_no_coin_above_the_limit_is_missing_from_a_snapshot(world: World, provider: MarketCapProvider) -> None:
    everything = pl.concat(list(provider.snapshot_pages(0)))
    limit = everything["market_cap_usd"].drop_nulls().quantile(0.7)
    assert limit is not None

    rows = pl.concat(list(provider.snapshot_pages(limit)))

    above = everything.filter(pl.col("market_cap_usd") > limit)["coin_id"]
    assert set(above) <= set(rows["coin_id"])
    assert not set(world.capless) & set(above)


def test_a_narrative_is_its_members_by_falling_market_cap(world: World, provider: MarketCapProvider) -> None:
    rows = provider.narrative(world.category)

    assert rows.schema == MARKET_SCHEMA
    assert set(rows["coin_id"]) == world.members
    assert rows["coin_id"].is_unique().all()
    assert falls(rows["market_cap_usd"])


def test_the_members_of_a_category_hold_wrapped_ones_too(world: World, provider: MarketCapProvider) -> None:
    rows = provider.category_members(world.category)

    assert rows.schema == MARKET_SCHEMA
    assert falls(rows["market_cap_usd"])
    assert set(rows["coin_id"]) >= world.members
    assert world.wrapped is None or world.wrapped in rows["coin_id"]


@pytest.mark.parametrize("method", ["narrative", "category_members"])
def test_an_unknown_category_is_not_found(world: World, provider: MarketCapProvider, method: str) -> None:
    with pytest.raises(NotFoundError) as refusal:
        getattr(provider, method)(world.unknown_category)
    assert refusal.value.provider == provider.name


def test_categories_are_listed_and_summed(world: World, provider: MarketCapProvider) -> None:
    listed, figures = provider.category_list(), provider.categories()

    assert listed.schema == CATEGORY_NAMES_SCHEMA
    assert figures.schema == CATEGORY_SCHEMA
    assert listed["slug"].is_unique().all()
    assert figures["category_id"].is_unique().all()
    assert world.category in listed["slug"]
    assert world.unknown_category not in listed["slug"]
    row = figures.row(by_predicate=pl.col("category_id") == world.category, named=True)
    assert row["market_cap_usd"] is None or row["market_cap_usd"] > 0
    largest = provider.category_members(world.category)["coin_id"][0]
    assert row["top_3_coins_id"] is None or row["top_3_coins_id"].split(",")[0] == largest


def test_a_slip_finds_its_coin_and_category_in_the_lists(world: World, provider: MarketCapProvider) -> None:
    coins = provider.coin_list()

    assert set(coins.columns) - {"is_active"} == set(COIN_SCHEMA)
    coins = coins.select(COIN_SCHEMA.names())
    assert coins.schema == COIN_SCHEMA
    assert coins["coin_id"].is_unique().all()
    assert {world.known, world.young, *world.capless} <= set(coins["coin_id"])
    assert world.unknown not in coins["coin_id"]
    assert world.known in near_matches(f"{world.known}s", {coin: names for coin, *names in coins.iter_rows()})
    categories = {slug: (name,) for slug, name in provider.category_list().iter_rows()}
    assert world.category in near_matches(world.category[:-1], categories)


def test_requested_ids_come_once_and_unknown_ones_are_missing(world: World, provider: MarketCapProvider) -> None:
    rows = provider.by_ids([world.known, world.unknown, world.young, world.known])

    assert rows.schema == MARKET_SCHEMA
    assert sorted(rows["coin_id"]) == sorted([world.known, world.young])
    assert (rows["market_cap_usd"] > 0).all()


def test_no_ids_are_no_request(world: World, provider: MarketCapProvider) -> None:
    rows = provider.by_ids(iter(()))

    assert rows.schema == MARKET_SCHEMA
    assert rows.is_empty()
    assert not world.ledger.calls


def test_a_wrapped_coin_is_found_by_its_id(world: World, provider: MarketCapProvider) -> None:
    if world.wrapped is not None:
        rows = provider.by_ids([world.wrapped])
        assert rows.select("coin_id", "with_rehypothecated").rows() == [(world.wrapped, True)]


def test_text_from_outside_is_presentable(world: World, provider: MarketCapProvider) -> None:
    """A name with an escape sequence would clear the terminal that shows it."""
    pages = [next(provider.snapshot_pages(0)), provider.by_ids([world.hostile]), provider.coin_list()]

    for rows in pages:
        assert world.hostile in rows["coin_id"]
        assert all(map(is_identity, rows["coin_id"]))
        assert all(text == presentable(text) for text in [*rows["name"], *rows["symbol"]])
    names = [name for _, name in provider.category_list().iter_rows()]
    assert all(name == presentable(name) for name in names)


@pytest.mark.slow
def test_a_second_client_answers_the_same(world: World, provider: MarketCapProvider) -> None:
    """A run that was killed in the middle of a snapshot begins anew."""
    first = next(provider.snapshot_pages(0))
    again = world.open()

    assert next(again.snapshot_pages(0)).equals(first)
    assert again.history(world.known, world.longest_days).equals(provider.history(world.known, world.longest_days))
    assert again.narrative(world.category).equals(provider.narrative(world.category))
