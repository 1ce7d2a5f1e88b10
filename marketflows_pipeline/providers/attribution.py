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
# A provider that is no service, so that no one wants to be named.
NO_SERVICES: Mapping[str, str] = {"folder": "own files"}


def service_name(provider: str) -> str:
    """How a market-cap provider writes its name; what is no service goes by what it is."""
    return SERVICES[provider].name if provider in SERVICES else NO_SERVICES.get(provider, provider)


def attribution(*providers: str, with_address: bool = False) -> str:
    """``Data provided by CoinGecko``, with the address behind it where there is room for one.

    Args:
        providers: of the figures, as ``config.toml`` names them; each is named once.
        with_address: whether the services' addresses follow.
    """
    names = [
        f"{service_name(name)} ({SERVICES[name].address})" if with_address and name in SERVICES else service_name(name)
        for name in dict.fromkeys(providers)
    ]
    return f"Data provided by {' and '.join(names)}"
