"""The services of one run: each client is opened when it is first used, and all are closed together."""

from __future__ import annotations

import contextlib
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

from marketflows_pipeline.clock import Clock
from marketflows_pipeline.options import RunOptions, ServiceName
from marketflows_pipeline.providers.coingecko.client import CoinGecko
from marketflows_pipeline.providers.defillama.client import DefiLlama
from marketflows_pipeline.providers.http.ledger import CallLedger
from marketflows_pipeline.providers.http.service_client import KeylessClient, OfRun, PlannedClient
from marketflows_pipeline.providers.http.wait_budget import WaitBudgets
from marketflows_pipeline.providers.protocols.cross_asset import (
    CrossAssetClients,
    PriceProvider,
    ReferenceProvider,
    SharesProvider,
    VolatilityProvider,
)
from marketflows_pipeline.providers.protocols.exchanges import ExchangeVolumeProvider, ReservesProvider
from marketflows_pipeline.providers.protocols.market_caps import MarketCapProvider
from marketflows_pipeline.settings import MarketCapSource, Settings
from marketflows_pipeline.tutorial.cross_asset_provider import TutorialMarket
from marketflows_pipeline.tutorial.exchange_provider import TutorialExchanges, TutorialReserves
from marketflows_pipeline.tutorial.provider import TutorialProvider

if TYPE_CHECKING:
    from marketflows_pipeline.coordination.budgets import SharedBudgets
    from marketflows_pipeline.providers.coinpaprika.client import CoinPaprika

K = TypeVar("K", bound=KeylessClient)
P = TypeVar("P", bound=PlannedClient)


class Clients:
    """Opens the services that the settings name; in the tutorial, the packaged data in their place.

    Where the settings share budgets with other hosts, each call is counted for all of them.

    Args:
        settings: of the run.
        options: files and mode of the run.
        ledger: where attempts are counted.
        clock: tells the time and waits.

    Raises:
        CoordinationError: if the hosts' database does not answer.

    Attributes:
        ledger: the same, or one over it that takes the credits of all hosts.
        waits: how long each service may still be waited for.
    """

    def __init__(self, settings: Settings, options: RunOptions, ledger: CallLedger, clock: Clock) -> None:
        self.waits = WaitBudgets(clock, options.wait_limit, run_limit=settings.run.limit)
        self._settings = settings
        self._is_tutorial = options.tutorial
        self._open = contextlib.ExitStack()
        self._budgets: SharedBudgets | None = None
        if settings.shared_database is not None and not options.tutorial:
            from marketflows_pipeline.coordination.budgets import SharedBudgets  # noqa: PLC0415 (for several hosts)

            self._budgets = self._open.enter_context(SharedBudgets(settings, clock))
        self.ledger: CallLedger = self._budgets.ledger(ledger) if self._budgets else ledger

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    @cached_property
    def market_caps(self) -> MarketCapProvider:
        """The chosen market-cap provider."""
        if self._is_tutorial:
            return TutorialProvider()
        if self._settings.provider == "folder":
            from marketflows_pipeline.providers.local_files.market_caps import MarketCapFolder  # noqa: PLC0415 (as below)

            own = self._settings.providers.folder
            assert own.path is not None, "the settings were checked for it"
            return MarketCapFolder(own.path, clock=self.waits.clock, max_age_days=own.max_age_days)
        return self.service_of(self._settings.provider)

    def service_of(self, name: ServiceName) -> CoinGecko | CoinPaprika:
        """A market-cap service with the plan and key of the settings, whether it is the chosen one or not."""
        match name:
            case "coingecko":
                return self._coingecko
            case "coinpaprika":
                return self._coinpaprika

    @cached_property
    def exchange_volumes(self) -> ExchangeVolumeProvider:
        """The service of exchange volumes and trending coins: CoinGecko, whatever the market-cap provider."""
        return TutorialExchanges() if self._is_tutorial else self._coingecko

    @cached_property
    def reserves(self) -> ReservesProvider:
        """The service of exchange reserves."""
        return TutorialReserves() if self._is_tutorial else self._opened(DefiLlama)

    @cached_property
    def cross_asset(self) -> CrossAssetClients:
        """The services of the cross-asset part: loaded here, because workbooks and XML cost other runs time."""
        if self._is_tutorial:
            market = TutorialMarket()
            return CrossAssetClients([market], dict.fromkeys(market.issuers, market), [market])
        from marketflows_pipeline.providers.fund_issuers.issuers import ISSUERS  # noqa: PLC0415 (see the docstring)
        from marketflows_pipeline.providers.local_files.folder import Folder  # noqa: PLC0415
        from marketflows_pipeline.providers.volatility.client import Cboe, Fred  # noqa: PLC0415
        from marketflows_pipeline.providers.yahoo.client import Yahoo  # noqa: PLC0415

        part = self._settings.cross_asset
        assert part is not None, "the part runs only where the settings have it"
        universe = {asset.symbol: asset.provider_symbol for asset in part.universe}
        funds = [asset.symbol for asset in part.universe if not asset.is_coin]
        own = Folder(part.folder, clock=self.waits.clock, universe=universe, funds=funds) if part.folder else None
        prices: list[PriceProvider] = []
        for name in part.providers:
            if name == "folder" and own:
                prices.append(own)
            elif name == "yahoo":
                prices.append(self._opened(Yahoo))
        sources = {asset.share_source for asset in part.universe}
        shares: dict[str, SharesProvider] = {
            issuer.name: self._opened(issuer) for issuer in ISSUERS if issuer.name in sources
        }
        fred = self._opened(Fred)
        indices: list[VolatilityProvider] = [self._opened(Cboe), fred]
        reference: list[ReferenceProvider] = [fred]
        if own:
            shares["folder"] = own
            # The user's own figures come first where they are the first choice for prices.
            is_first = part.providers[0] == "folder"
            indices.insert(0 if is_first else len(indices), own)
            reference.insert(0 if is_first else len(reference), own)
        return CrossAssetClients(prices, shares, indices, own, reference)

    @cached_property
    def _coingecko(self) -> CoinGecko:
        return self._planned(CoinGecko, self._settings.providers.coingecko)

    @cached_property
    def _coinpaprika(self) -> CoinPaprika:
        from marketflows_pipeline.providers.coinpaprika.client import CoinPaprika  # noqa: PLC0415 (not all runs ask it)

        return self._planned(CoinPaprika, self._settings.providers.coinpaprika)

    def _planned(self, service: type[P], source: MarketCapSource) -> P:
        """A service with the plan of its settings, and its key."""
        key = self._settings.secrets.of(service.name)
        client = service(
            plan=source.plan,
            api_key=key.get_secret_value() if key else None,
            base_url=source.base_url,
            calls_per_minute=source.calls_per_minute,
            monthly_credits=source.monthly_credits,
            **self._of_run(service.name),
        )
        self._open.enter_context(client)
        return client

    def _opened(self, service: type[K]) -> K:
        """A service without a key, at the address of its table in ``[providers]``."""
        base_url = getattr(self._settings.providers, service.name).base_url
        client = service(base_url=base_url, **self._of_run(service.name))
        self._open.enter_context(client)
        return client

    def _of_run(self, name: str) -> OfRun:
        return {
            "clock": self.waits.clock,
            "ledger": self.ledger,
            "waits": self.waits.of(name),
            "make_limiter": self._budgets.limiter_of(name) if self._budgets else None,
        }
