"""Every market-cap provider has the same keys, its own plans, ids and defaults, and its own name in messages."""

from __future__ import annotations

import logging
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from marketflows_pipeline.options import PROVIDERS
from marketflows_pipeline.settings import SOURCES, CoinGecko, CoinPaprika, MarketCapSource, Providers
from marketflows_pipeline.settings.models import ConfigFile

EVERY = pytest.mark.parametrize("source", SOURCES.values(), ids=list(SOURCES))


def test_limits_and_address_are_those_of_the_plan_where_the_file_does_not_set_them() -> None:
    def limits(**keys: Any) -> tuple[str, int, int]:
        source = CoinPaprika.model_validate(keys)
        return source.base_url, source.calls_per_minute, source.monthly_credits

    assert limits() == ("https://api.coinpaprika.com/v1", 120, 20_000)
    assert limits(plan="starter", monthly_credits=5) == ("https://api-pro.coinpaprika.com/v1", 120, 5)


def test_a_window_longer_than_the_plan_serves_is_lowered_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    """The free year is exact to the moment: a window of 365 days would be refused for every coin."""
    with caplog.at_level(logging.WARNING):
        assert CoinPaprika.model_validate({"days": 400}).days == 364
        assert CoinPaprika.model_validate({"days": 365, "plan": "starter"}).days == 365
        assert CoinGecko.model_validate({"days": 366}).days == 365
    assert caplog.messages == [
        "providers.coinpaprika.days = 400 is outside 1 to 364; using 364",
        "providers.coingecko.days = 366 is outside 1 to 365; using 365",
    ]


def test_messages_name_the_service() -> None:
    with pytest.raises(ValidationError, match="at least one CoinPaprika category slug"):
        CoinPaprika.model_validate({"narratives": []})


def test_the_free_plan_needs_no_key_and_the_others_do() -> None:
    assert CoinPaprika().is_keyless
    assert not CoinPaprika.model_validate({"plan": "business"}).is_keyless
    assert not CoinGecko().is_keyless
    assert CoinGecko.model_validate({"plan": "keyless"}).is_keyless


def test_each_provider_is_registered_with_a_table_of_its_own() -> None:
    assert list(SOURCES) == list(PROVIDERS) == list(get_args(ConfigFile.model_fields["provider"].annotation))
    assert [source.table for source in SOURCES.values()] == [f"providers.{name}" for name in PROVIDERS]
    assert all(isinstance(getattr(Providers(), name), source) for name, source in SOURCES.items())


@EVERY
def test_the_tables_have_the_same_keys_in_the_same_order(source: type[MarketCapSource]) -> None:
    assert list(source.model_fields) == list(CoinGecko.model_fields)
    assert next(iter(source.model_fields)) == "days"


@EVERY
def test_defaults_name_the_providers_own_coins(source: type[MarketCapSource]) -> None:
    usual = source.model_validate({})
    assert usual.coin_bases == (source.bitcoin_id,)
    assert {source.bitcoin_id, source.ether_id} <= set(usual.asset_groups["MyPortfolio"])
    assert source.stablecoin_category in usual.exclude_categories
    assert not set(usual.narratives) & set(usual.exclude_categories)


def test_the_packaged_coins_of_the_cross_asset_part_go_by_the_providers_ids() -> None:
    """Bitcoin's supply was looked for under CoinGecko's id, whatever the provider."""
    config = ConfigFile.model_validate({"provider": "coinpaprika", "cross_asset": {}})
    assert config.cross_asset is not None
    coins = {asset.symbol: asset.share_id for asset in config.cross_asset.universe if asset.share_source == "supply"}
    assert coins == {"BTC": "btc-bitcoin", "ETH": "eth-ethereum"}


def test_another_providers_id_of_a_coin_is_named_with_the_right_one() -> None:
    coin = {"name": "B", "class": "crypto", "provider_symbol": "BTC-USD", "share_source": "supply"}
    assets = [coin | {"symbol": "BTC", "share_id": "bitcoin"}, coin | {"symbol": "B2", "share_id": "btc-bitcoin"}]
    with pytest.raises(ValidationError, match="share_id 'btc-bitcoin', as CoinPaprika calls the coin, not 'bitcoin'"):
        ConfigFile.model_validate({"provider": "coinpaprika", "cross_asset": {"universe": assets}})
