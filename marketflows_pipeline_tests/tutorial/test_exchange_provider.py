"""The packaged exchange figures, asked as two services are asked."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import polars as pl
import pytest

from marketflows_pipeline.errors import NotFoundError
from marketflows_pipeline.providers.protocols.exchanges import (
    CEX_SCHEMA,
    CEX_TVL_SCHEMA,
    EXCHANGE_SCHEMA,
    PROTOCOL_SCHEMA,
    TOKEN_BALANCE_SCHEMA,
    TRENDING_SCHEMA,
    VOLUME_CHART_SCHEMA,
    ExchangeVolumeProvider,
    ReservesProvider,
)
from marketflows_pipeline.providers.protocols.market_caps import MARKET_SCHEMA
from marketflows_pipeline.tutorial.exchange_provider import (
    EXCHANGES_FOLDER,
    TutorialExchanges,
    TutorialReserves,
    exchange_data_credit,
)
from marketflows_pipeline.tutorial.files import data_as_of

TRACKED = ["binance", "bitfinex", "bitstamp", "bybit_spot", "gate", "gdax", "huobi", "kraken", "kucoin", "okex"]
WITH_TOKENS = ["binance-cex", "bitfinex", "bybit", "gate", "htx", "kraken", "kucoin", "okx"]


@pytest.fixture(scope="module")
def volumes() -> ExchangeVolumeProvider:
    return TutorialExchanges()


@pytest.fixture(scope="module")
def reserves() -> ReservesProvider:
    return TutorialReserves()


def test_the_figures_say_that_they_are_made_up() -> None:
    assert exchange_data_credit() == "Made-up data, seed 1"
    assert "synthetic" in (EXCHANGES_FOLDER / "README.md").read_text(encoding="utf-8")


def test_the_first_page_has_every_exchange_and_the_second_none(volumes: ExchangeVolumeProvider) -> None:
    page = volumes.exchanges_page(1)
    assert page.schema == EXCHANGE_SCHEMA
    assert page.height == page["exchange_id"].n_unique() == 60
    assert volumes.exchanges_page(2).schema == EXCHANGE_SCHEMA
    assert volumes.exchanges_page(2).is_empty()


def test_what_a_service_may_not_know_is_null_at_least_once(volumes: ExchangeVolumeProvider) -> None:
    page = volumes.exchanges_page(1)
    nulls = page.null_count().row(0, named=True)
    assert nulls["volume_24h_btc"] == 1
    assert nulls["trust_score"] == nulls["trust_score_rank"] > 0
    assert nulls["year_established"] > 0
    assert nulls["country"] > 0
    assert nulls["exchange_id"] == nulls["name"] == 0


@pytest.mark.parametrize("exchange_id", TRACKED)
def test_a_chart_has_a_point_a_day_off_midnight_up_to_the_clock(
    volumes: ExchangeVolumeProvider, exchange_id: str
) -> None:
    chart = volumes.volume_chart(exchange_id, 90)
    assert chart.schema == VOLUME_CHART_SCHEMA
    assert chart["exchange_id"].unique().to_list() == [exchange_id]
    assert chart["source"].unique().to_list() == ["tutorial:volume_chart"]
    assert set(chart["ts"].dt.minute()) == {50}
    assert chart["ts"].dt.date().is_unique().all()
    assert chart["ts"].is_sorted()
    assert data_as_of() - timedelta(hours=2) < chart["ts"][-1] <= data_as_of()
    assert 88 <= chart.height <= 90
    assert volumes.volume_chart(exchange_id, 1)["ts"].to_list() == [chart["ts"][-1]]


def test_the_list_carries_a_chart_on(volumes: ExchangeVolumeProvider) -> None:
    listed = dict(volumes.exchanges_page(1).select("exchange_id", "volume_24h_btc").iter_rows())
    for exchange_id in TRACKED:
        newest = volumes.volume_chart(exchange_id, 90)["volume_24h_btc"][-1]
        assert listed[exchange_id] == pytest.approx(newest, rel=0.02)


def test_trending_coins_share_one_price_of_a_bitcoin(volumes: ExchangeVolumeProvider) -> None:
    trending = volumes.trending()
    assert trending.schema == TRENDING_SCHEMA
    assert trending.height == 12
    implied = trending["price_usd"] / trending["price_btc"]
    bitcoins = TutorialReserves().reserves_history("okx", Path()).balances.filter(pl.col("token") == "BTC")
    price = bitcoins["value_usd"][-1] / bitcoins["quantity"][-1]
    assert implied.to_list() == pytest.approx([price] * 12, rel=1e-6)


def test_trending_coins_are_asked_for_again_where_they_have_a_market_cap(volumes: ExchangeVolumeProvider) -> None:
    markets = volumes.markets_by_ids(iter([*volumes.trending()["coin_id"], "nonsense"]))
    assert markets.schema == MARKET_SCHEMA
    assert set(volumes.trending()["coin_id"]) - set(markets["coin_id"]) == {"synthetic-newborn"}
    assert markets["last_updated"].unique().to_list() == [data_as_of()]
    assert markets["source"].unique().to_list() == ["tutorial:markets"]


def test_bitcoin_has_the_price_that_its_reserves_have(volumes: ExchangeVolumeProvider) -> None:
    """Volumes in dollars are at bitcoin's own price, which the tutorial must know too."""
    (own,) = volumes.markets_by_ids(["bitcoin"]).to_dicts()
    bitcoins = TutorialReserves().reserves_history("okx", Path()).balances.filter(pl.col("token") == "BTC")
    assert own["price_usd"] == pytest.approx(bitcoins["value_usd"][-1] / bitcoins["quantity"][-1], rel=1e-6)


def test_an_exchange_is_centralised_as_the_packaged_list_says(volumes: ExchangeVolumeProvider) -> None:
    assert [volumes.is_centralised(name) for name in ("binance", "uniswap_v3")] == [True, False]


def test_a_trending_stablecoin_is_in_its_category(volumes: ExchangeVolumeProvider) -> None:
    members = volumes.category_members("stablecoins")
    assert members.schema == MARKET_SCHEMA
    assert members["coin_id"].to_list() == ["tether", "usd-coin", "paypal-usd", "synthetic-dollar"]
    assert "synthetic-dollar" in volumes.trending()["coin_id"]
    assert volumes.category_members("wrapped-tokens").height == 2


def test_an_exchange_that_nobody_measures_has_nulls_and_no_slug(reserves: ReservesProvider) -> None:
    overview = reserves.cexs()
    assert overview.exchanges.schema == CEX_SCHEMA
    assert overview.exchanges["name"].n_unique() == overview.exchanges.height == 16
    (coinbase,) = overview.exchanges.filter(pl.col("coingecko_id") == "gdax").to_dicts()
    assert {name for name, value in coinbase.items() if value is not None} == {"name", "coingecko_id"}
    assert "binance" in overview.centralised_ids
    assert "uniswap_v3" not in overview.centralised_ids


def test_protocols_are_of_two_categories_and_some_have_no_tvl(reserves: ReservesProvider) -> None:
    protocols = reserves.exchange_protocols()
    assert protocols.schema == PROTOCOL_SCHEMA
    assert dict(protocols.group_by("category").len().iter_rows()) == {"CEX": 14, "Dexs": 30}
    assert protocols["slug"].is_unique().all()
    assert protocols["tvl_usd"].null_count() == 2


@pytest.mark.parametrize("slug", [*WITH_TOKENS, "bitstamp"])
def test_a_history_is_days_and_the_moment_of_asking(reserves: ReservesProvider, slug: str, tmp_path: Path) -> None:
    history = reserves.reserves_history(slug, tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert history.tvl.schema == CEX_TVL_SCHEMA
    assert history.balances.schema == TOKEN_BALANCE_SCHEMA
    assert history.tvl["is_now"].to_list() == [False] * (history.tvl.height - 1) + [True]
    assert datetime(2026, 3, 4, 11, tzinfo=UTC) < history.tvl["ts"][-1] <= data_as_of()
    since_midnight = history.tvl.filter(~pl.col("is_now"))["ts"].dt.offset_by("1m").dt.time()
    assert (since_midnight < time(minute=3)).all()
    assert history.tvl.height == {"kraken": 90}.get(slug, 91)
    assert set(history.balances["ts"]) == (set() if slug == "bitstamp" else set(history.tvl["ts"]))


@pytest.mark.parametrize("slug", WITH_TOKENS)
def test_the_sum_is_that_of_the_tokens_but_for_half_a_percent(reserves: ReservesProvider, slug: str) -> None:
    history = reserves.reserves_history(slug, Path())
    both = history.balances.group_by("ts").agg(pl.col("value_usd").sum()).join(history.tvl, on="ts")
    gap = (both["value_usd"] / both["tvl_usd"] - 1).abs()
    assert gap.max() < 0.005  # type: ignore[operator]
    assert 0 < (gap > 1e-9).sum() < both.height / 2


def test_a_token_has_one_price_everywhere(reserves: ReservesProvider) -> None:
    histories = [reserves.reserves_history(slug, Path()).balances for slug in WITH_TOKENS]
    priced = (
        pl.concat(histories)
        .filter(pl.col("quantity") > 0, ~((pl.col("slug") == "gate") & (pl.col("token") == "DOGE")))
        .with_columns(pl.col("ts").dt.round("1d"), price=pl.col("value_usd") / pl.col("quantity"))
    )
    spread = priced.group_by("token", "ts", "is_now").agg(
        spread=pl.col("price").max() / pl.col("price").min() - 1, cheapest=pl.col("value_usd").min()
    )
    # Values are rounded to cents.
    assert (spread["spread"] <= 0.02 / spread["cheapest"] + 1e-12).all()


def test_what_is_not_packaged_is_not_found(volumes: ExchangeVolumeProvider, reserves: ReservesProvider) -> None:
    with pytest.raises(NotFoundError, match="no volume chart of 'upbit'"):
        volumes.volume_chart("upbit", 90)
    with pytest.raises(NotFoundError, match="no category 'meme-token'"):
        volumes.category_members("meme-token")
    with pytest.raises(NotFoundError, match="no reserves of 'coinbase'"):
        reserves.reserves_history("coinbase", Path())


def test_the_packaged_figures_are_small() -> None:
    assert sum(file.stat().st_size for file in EXCHANGES_FOLDER.iterdir()) < 300_000
