"""The services of the cross-asset part, put together as the settings say.

Imported only by what asks: workbooks, XML and six clients cost time that an hourly run need not pay.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from marketflows_pipeline.providers.fund_issuers.blackrock import BlackRock
from marketflows_pipeline.providers.fund_issuers.spdr_gold import SpdrGold
from marketflows_pipeline.providers.fund_issuers.ssga import StateStreet
from marketflows_pipeline.providers.http.ledger import CallLedger
from marketflows_pipeline.providers.http.service_client import KeylessClient
from marketflows_pipeline.providers.http.wait_budget import WaitBudgets
from marketflows_pipeline.providers.local_files.folder import Folder
from marketflows_pipeline.providers.protocols.cross_asset import (
    PriceProvider,
    SharesProvider,
    SplitsProvider,
    VolatilityProvider,
)
from marketflows_pipeline.providers.volatility.cboe import Cboe
from marketflows_pipeline.providers.volatility.fred import Fred
from marketflows_pipeline.providers.yahoo.client import Yahoo
from marketflows_pipeline.settings import CrossAsset, Providers
from marketflows_pipeline.tutorial import TutorialMarket

K = TypeVar("K", bound=KeylessClient)


@dataclass(frozen=True)
class CrossAssetClients:
    """Who is asked for what.

    Attributes:
        prices: services of daily bars, the best first.
        shares: who knows shares outstanding, by the settings' ``share_source``.
        volatility: services of volatility indices, the best first.
        own_splits: the user's own list of splits, which is asked whoever gives the prices; None without a folder.
    """

    prices: Sequence[PriceProvider]
    shares: Mapping[str, SharesProvider]
    volatility: Sequence[VolatilityProvider]
    own_splits: SplitsProvider | None = None


def tutorial_services() -> CrossAssetClients:
    """The packaged market, whatever is asked."""
    market = TutorialMarket()
    return CrossAssetClients([market], dict.fromkeys(("ssga", "blackrock", "spdr_gold"), market), [market])


def live_services(
    stack: contextlib.ExitStack,
    providers: Providers,
    cross_asset: CrossAsset,
    ledger: CallLedger,
    waits: WaitBudgets,
) -> CrossAssetClients:
    """The services that the settings name, open until the stack is closed."""

    def opened(service: type[K], base_url: str | None) -> K:
        client = service(clock=waits.clock, ledger=ledger, base_url=base_url, waits=waits.of(service.name))
        stack.enter_context(client)
        return client

    universe = {asset.symbol: asset.provider_symbol for asset in cross_asset.universe}
    funds = [asset.symbol for asset in cross_asset.universe if not asset.is_coin]
    own = Folder(cross_asset.folder, clock=waits.clock, universe=universe, funds=funds) if cross_asset.folder else None
    prices: list[PriceProvider] = []
    for name in cross_asset.providers:
        if name == "folder" and own:
            prices.append(own)
        elif name == "yahoo":
            prices.append(opened(Yahoo, providers.yahoo.base_url))
    shares: dict[str, SharesProvider] = {
        "ssga": opened(StateStreet, providers.ssga.base_url),
        "blackrock": opened(BlackRock, providers.blackrock.base_url),
        "spdr_gold": opened(SpdrGold, providers.spdr_gold.base_url),
    }
    indices: list[VolatilityProvider] = [
        opened(Cboe, providers.cboe.base_url),
        opened(Fred, providers.fred.base_url),
    ]
    if own:
        shares["folder"] = own
        # The user's own figures come first where they are the first choice for prices.
        indices.insert(0 if cross_asset.providers[0] == "folder" else len(indices), own)
    return CrossAssetClients(prices, shares, indices, own)
