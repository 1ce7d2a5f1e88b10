"""The packaged figures, asked as a service is asked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from marketflows_pipeline.errors import NotFoundError
from marketflows_pipeline.providers.granularity import Granularity
from marketflows_pipeline.providers.protocols.market_caps import (
    CATEGORY_SCHEMA,
    COIN_SCHEMA,
    HISTORY_SCHEMA,
    MARKET_SCHEMA,
    MarketCapProvider,
)
from marketflows_pipeline.tutorial.files import data_as_of, forget, stored_caps
from marketflows_pipeline.tutorial.provider import TutorialProvider

NOW = datetime(2026, 3, 4, 11, 14, 16, tzinfo=UTC)


@pytest.fixture(scope="module")
def provider() -> MarketCapProvider:
    return TutorialProvider()


def test_the_clock_stands_at_the_last_observation() -> None:
    assert data_as_of() == NOW


def test_a_history_is_every_midnight_of_the_window_and_the_last_moment(provider: MarketCapProvider) -> None:
    history = provider.history("bitcoin", 365)
    assert history.schema == HISTORY_SCHEMA
    assert history.height == 366
    assert history["ts"][0] == datetime(2025, 3, 5, tzinfo=UTC)
    assert history["ts"][-1] == datetime(2026, 3, 4, 11, 14, 14, tzinfo=UTC)
    assert history["ts"].is_sorted()
    assert history.null_count().sum_horizontal().item() == 0


def test_a_shorter_window_has_fewer_points(provider: MarketCapProvider) -> None:
    history = provider.history("bitcoin", 7)
    assert history["ts"].min() == NOW.replace(hour=0, minute=0, second=0) - timedelta(days=6)


def test_only_daily_points_are_packaged(provider: MarketCapProvider) -> None:
    assert [provider.history_limit_days(granularity) for granularity in Granularity] == [0, 0, 400]


def test_one_page_shows_every_coin_at_its_last_observation(provider: MarketCapProvider) -> None:
    (page,) = provider.snapshot_pages(5e9)
    assert page.schema == MARKET_SCHEMA
    assert page["coin_id"].to_list()[:3] == ["bitcoin", "ethereum", "tether"]
    assert page["market_cap_rank"].to_list() == list(range(1, 40))
    assert page["market_cap_usd"].is_sorted(descending=True)
    bitcoin = page.row(0, named=True)
    assert bitcoin["symbol"] == "btc"
    assert bitcoin["market_cap_usd"] == pytest.approx(bitcoin["price_usd"] * bitcoin["circulating_supply"], rel=1e-3)
    assert page["last_updated"].max() == NOW


def test_a_change_of_price_is_that_since_the_last_observation_back_then(provider: MarketCapProvider) -> None:
    (page,) = provider.snapshot_pages(0)
    history = provider.history("solana", 30)
    (solana,) = page.filter(coin_id="solana").to_dicts()
    week_ago = history.filter(ts=NOW.replace(hour=0, minute=0, second=0) - timedelta(days=7))["price_usd"].item()
    assert solana["price_change_7d_pct"] == pytest.approx(100 * (solana["price_usd"] / week_ago - 1))


def test_the_change_of_a_day_is_that_since_the_price_that_an_earlier_run_stored(provider: MarketCapProvider) -> None:
    (page,) = provider.snapshot_pages(0)
    stored = stored_caps().join(page.select("coin_id", "last_updated"), on="coin_id")
    day_ago = stored.filter(pl.col("ts") == pl.col("last_updated").dt.offset_by("-24h"))
    both = page.join(day_ago.select("coin_id", before="price_usd"), on="coin_id")
    assert both.height == page.height == 39
    change = 100 * (pl.col("price_usd") / pl.col("before") - 1)
    assert both.select((pl.col("price_change_24h_pct") - change).abs().max()).item() < 1e-9


def test_a_narrative_has_its_members_by_size(provider: MarketCapProvider) -> None:
    members = provider.narrative("artificial-intelligence")
    assert members.schema == MARKET_SCHEMA
    assert members["coin_id"].to_list()[:8] == [
        "bittensor",
        "near",
        "render-token",
        "fetch-ai",
        "synthetic-cortex",
        "the-graph",
        "synthetic-neuron",
        "synthetic-lattice",
    ]
    assert members.height == 12


def test_categories_are_sums_over_their_members(provider: MarketCapProvider) -> None:
    categories = provider.categories()
    assert categories.schema == CATEGORY_SCHEMA
    (layer_1,) = categories.filter(category_id="layer-1").to_dicts()
    assert layer_1["market_cap_usd"] == pytest.approx(provider.narrative("layer-1")["market_cap_usd"].sum())
    assert layer_1["top_3_coins_id"] == "bitcoin,ethereum,ripple"
    assert set(categories["category_id"]) <= set(provider.category_list()["slug"])
    assert provider.category_list()["slug"].is_unique().all()


def test_a_delisted_coin_is_nowhere(provider: MarketCapProvider) -> None:
    (page,) = provider.snapshot_pages(0)
    assert "synthetic-ember" not in {*page["coin_id"], *provider.coin_list()["coin_id"]}
    with pytest.raises(NotFoundError, match="no coin 'synthetic-ember'"):
        provider.history("synthetic-ember", 91)


def test_coins_asked_for_by_id_come_where_they_are_packaged(provider: MarketCapProvider) -> None:
    found = provider.by_ids(iter(["tron", "nonsense"]))
    assert found.schema == MARKET_SCHEMA
    assert found["coin_id"].to_list() == ["tron"]
    assert found["with_rehypothecated"].all()


def test_the_list_names_every_coin(provider: MarketCapProvider) -> None:
    assert provider.coin_list().schema == COIN_SCHEMA
    assert provider.coin_list().row(1) == ("binancecoin", "bnb", "BNB")


def test_what_is_not_packaged_is_not_found(provider: MarketCapProvider) -> None:
    with pytest.raises(NotFoundError, match="no coin 'pepe'"):
        provider.history("pepe", 91)
    with pytest.raises(NotFoundError, match="no category 'gaming'"):
        provider.narrative("gaming")


def test_forgetting_removes_the_database_with_its_write_ahead_log(tmp_path: Path) -> None:
    for name in ("tutorial.duckdb", "tutorial.duckdb.wal", "warehouse.duckdb"):
        (tmp_path / name).touch()
    forget(tmp_path / "tutorial.duckdb")
    forget(tmp_path / "tutorial.duckdb")
    assert [file.name for file in tmp_path.iterdir()] == ["warehouse.duckdb"]
