"""Whom figures are from, as the services ask to be named; quick to import.

Terms of CoinPaprika's free plan: personal use, no distribution of raw data, and its name where its figures are shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class _Service(NamedTuple):
    name: str
    address: str


SERVICES: Mapping[str, _Service] = {
    "coingecko": _Service("CoinGecko", "https://www.coingecko.com"),
    "coinpaprika": _Service("CoinPaprika", "https://coinpaprika.com"),
}


def service_name(provider: str) -> str:
    """How a market-cap provider writes its name; a provider that is no service goes by the name in config.toml."""
    return SERVICES[provider].name if provider in SERVICES else provider


def attribution(provider: str, *, with_address: bool = False) -> str:
    """``Data provided by CoinGecko``, with the address behind it where there is room for one.

    Args:
        provider: of market caps, as ``config.toml`` names it.
        with_address: whether the service's address follows.
    """
    words = f"Data provided by {service_name(provider)}"
    return f"{words} ({SERVICES[provider].address})" if with_address and provider in SERVICES else words
