"""The services of the cross-asset part, put together as the settings say.

What belongs here: which service answers which question. What does not: asking (ingest/), and the services (providers/).
Imported only by what asks: workbooks, XML and six clients cost time that an hourly run need not pay.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from marketflows_pipeline.clock import Clock
from marketflows_pipeline.providers.blackrock import BlackRock
from marketflows_pipeline.providers.cboe import Cboe
from marketflows_pipeline.providers.cross_asset_protocol import PriceProvider, SharesProvider, VolatilityProvider
from marketflows_pipeline.providers.folder import Folder
from marketflows_pipeline.providers.fred import Fred
from marketflows_pipeline.providers.ledger import CallLedger
from marketflows_pipeline.providers.spdr_gold import SpdrGold
from marketflows_pipeline.providers.ssga import StateStreet
from marketflows_pipeline.providers.yahoo import Yahoo
from marketflows_pipeline.settings import CrossAsset, Providers
from marketflows_pipeline.tutorial import TutorialMarket


@dataclass(frozen=True)
class MarketServices:
    """Who is asked for what.

    Attributes:
        prices: services of daily bars, the best first.
        shares: who knows shares outstanding, by the settings' ``share_source``.
        volatility: services of volatility indices, the best first.
    """

    prices: Sequence[PriceProvider]
    shares: Mapping[str, SharesProvider]
    volatility: Sequence[VolatilityProvider]


def tutorial_services() -> MarketServices:
    """The packaged market, whatever is asked."""
    market = TutorialMarket()
    return MarketServices([market], dict.fromkeys(("ssga", "blackrock", "spdr_gold"), market), [market])


def live_services(
    stack: contextlib.ExitStack, providers: Providers, cross_asset: CrossAsset, clock: Clock, ledger: CallLedger
) -> MarketServices:
    """The services that the settings name, open until the stack is closed."""
    own = Folder(cross_asset.folder, clock=clock) if cross_asset.folder else None
    prices: list[PriceProvider] = []
    for name in cross_asset.providers:
        if name == "folder" and own:
            prices.append(own)
        elif name == "yahoo":
            prices.append(stack.enter_context(Yahoo(clock=clock, ledger=ledger, base_url=providers.yahoo.base_url)))
    shares: dict[str, SharesProvider] = {
        "ssga": stack.enter_context(StateStreet(clock=clock, ledger=ledger, base_url=providers.ssga.base_url)),
        "blackrock": stack.enter_context(BlackRock(clock=clock, ledger=ledger, base_url=providers.blackrock.base_url)),
        "spdr_gold": stack.enter_context(SpdrGold(clock=clock, ledger=ledger, base_url=providers.spdr_gold.base_url)),
    }
    indices: list[VolatilityProvider] = [
        stack.enter_context(Cboe(clock=clock, ledger=ledger, base_url=providers.cboe.base_url)),
        stack.enter_context(Fred(clock=clock, ledger=ledger, base_url=providers.fred.base_url)),
    ]
    if own:
        shares["folder"] = own
        # The user's own figures come first where they are the first choice for prices.
        indices.insert(0 if cross_asset.providers[0] == "folder" else len(indices), own)
    return MarketServices(prices, shares, indices)
