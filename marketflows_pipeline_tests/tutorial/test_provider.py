"""The packaged figures, asked as a service is asked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from marketflows_pipeline.errors import NotFoundError
from marketflows_pipeline.providers.protocols.market_caps import (
    COIN_SCHEMA,
    HISTORY_SCHEMA,
    MARKET_SCHEMA,
    Granularity,
    MarketCapProvider,
)
from marketflows_pipeline.tutorial import TutorialProvider, data_as_of, forget

NOW = datetime(2026, 3, 4, 11, 14, 16, tzinfo=UTC)


@pytest.fixture(scope="module")
def provider() -> MarketCapProvider:
    return TutorialProvider()


def test_the_clock_stands_at_the_last_observation() -> None:
    assert data_as_of() == NOW


def test_a_history_is_every_midnight_of_the_window_and_the_last_moment(provider: MarketCapProvider) -> None:
    history = provider.history("bitcoin", 91)
    assert history.schema == HISTORY_SCHEMA
    assert history.height == 92
    assert history["ts"][0] == datetime(2025, 12, 4, tzinfo=UTC)
    assert history["ts"][-1] == datetime(2026, 3, 4, 11, 14, 14, tzinfo=UTC)
    assert history["ts"].is_sorted()
    assert history["price_usd"].null_count() == 92


def test_a_shorter_window_has_fewer_points(provider: MarketCapProvider) -> None:
    history = provider.history("bitcoin", 7)
    assert history["ts"].min() == NOW.replace(hour=0, minute=0, second=0) - timedelta(days=6)


def test_only_daily_points_are_packaged(provider: MarketCapProvider) -> None:
    assert [provider.history_limit_days(granularity) for granularity in Granularity] == [0, 0, 91]


def test_one_page_shows_every_coin_at_its_last_observation(provider: MarketCapProvider) -> None:
    (page,) = provider.snapshot_pages(5e9)
    assert page.schema == MARKET_SCHEMA
    assert page["coin_id"].to_list()[:3] == ["bitcoin", "ethereum", "binancecoin"]
    assert page["market_cap_rank"].to_list() == list(range(1, 18))
    assert page["market_cap_usd"].is_sorted(descending=True)
    assert page.row(0, named=True)["symbol"] == "btc"
    assert page["last_updated"].max() == NOW


def test_a_narrative_has_its_ten_members_by_size(provider: MarketCapProvider) -> None:
    members = provider.narrative("layer-1")
    assert members.schema == MARKET_SCHEMA
    assert members["coin_id"].to_list() == [
        "bitcoin",
        "ethereum",
        "binancecoin",
        "ripple",
        "solana",
        "tron",
        "cardano",
        "bitcoin-cash",
        "hyperliquid",
        "monero",
    ]


def test_coins_asked_for_by_id_come_where_they_are_packaged(provider: MarketCapProvider) -> None:
    found = provider.by_ids(iter(["tron", "nonsense"]))
    assert found.schema == MARKET_SCHEMA
    assert found["coin_id"].to_list() == ["tron"]
    assert found["with_rehypothecated"].all()


def test_the_list_names_every_coin(provider: MarketCapProvider) -> None:
    assert provider.coin_list().schema == COIN_SCHEMA
    assert provider.coin_list().row(0) == ("binancecoin", "bnb", "BNB")


def test_what_is_not_packaged_is_not_found(provider: MarketCapProvider) -> None:
    with pytest.raises(NotFoundError, match="no coin 'dogecoin'"):
        provider.history("dogecoin", 91)
    with pytest.raises(NotFoundError, match="no narrative 'meme-token'"):
        provider.narrative("meme-token")


def test_forgetting_removes_the_database_with_its_write_ahead_log(tmp_path: Path) -> None:
    for name in ("tutorial.duckdb", "tutorial.duckdb.wal", "warehouse.duckdb"):
        (tmp_path / name).touch()
    forget(tmp_path / "tutorial.duckdb")
    forget(tmp_path / "tutorial.duckdb")
    assert [file.name for file in tmp_path.iterdir()] == ["warehouse.duckdb"]
