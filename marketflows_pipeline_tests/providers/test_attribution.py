"""Whom figures are from, as pages and pictures say it."""

from __future__ import annotations

from marketflows_pipeline.options import PROVIDERS
from marketflows_pipeline.providers.attribution import NO_SERVICES, SERVICES, attribution, service_name


def test_each_market_cap_provider_has_a_name_to_be_shown() -> None:
    assert set(PROVIDERS) == {*SERVICES, *NO_SERVICES}
    assert service_name("folder") == "own files"


def test_services_are_named_once_each_with_their_addresses_where_there_is_room() -> None:
    assert attribution("coingecko", "coingecko") == "Data provided by CoinGecko"
    assert attribution("folder", "coinpaprika", with_address=True) == (
        "Data provided by own files and CoinPaprika (https://coinpaprika.com)"
    )
