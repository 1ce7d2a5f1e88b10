"""What the conformance suite has to know of a provider: how to open it, and what is true of the market behind it.

A world is made by a function of a clock, a ledger and an empty folder, and is named in `WORLDS` of ``worlds.py``. All
tests of this folder then run against it. Nothing but the provider may read the ledger or move the clock.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.providers.granularity import Granularity
from marketflows_pipeline.providers.protocols.market_caps import MarketCapProvider
from marketflows_pipeline_tests.fakes.server import FakeServer
from marketflows_pipeline_tests.providers.memory_ledger import MemoryLedger


@dataclass(frozen=True)
class Service:
    """The fake behind a provider that has a network.

    Attributes:
        fake: the running server; every request counts.
        history_endpoint: endpoint, as the fake's routes name it, that `history` requests.
        secrets: keys that the client was given.
    """

    fake: FakeServer
    history_endpoint: str
    secrets: tuple[str, ...] = ()


@dataclass(frozen=True)
class World:
    """One provider in front of a market.

    Attributes:
        open: a new client, closed at the end of the test. It takes ``monthly_credits`` and ``transport``, which a
            provider without a network ignores.
        clock: the provider's time, the fake's too.
        ledger: where the provider counts its attempts.
        known: a coin with a full history and the largest market cap of all.
        young: a coin that was listed `listed_before` ago.
        listed_before: younger than the shortest daily window.
        capless: coins that are served with a price and no positive market cap: null, 0 or negative.
        hostile: a coin whose name is served with control characters.
        unknown: an id that the service does not know.
        category: a category of the service.
        members: the coins of it, wrapped ones left out.
        unknown_category: a slug that the service does not know.
        wrapped: a wrapped coin, and in `category`; None where the provider cannot tell them.
        granularities: those of which the market has a history.
        serves_rows_as_they_are: whether a window is answered whatever the distance of the rows that there are.
        refuses_longer_windows: whether a window above `history_limit_days` is refused.
        service: the fake; None without a network.
    """

    open: Callable[..., MarketCapProvider]
    clock: FixedClock
    ledger: MemoryLedger
    known: str
    young: str
    capless: tuple[str, ...]
    hostile: str
    unknown: str
    category: str
    members: frozenset[str]
    unknown_category: str
    granularities: frozenset[Granularity]
    listed_before: timedelta = timedelta(days=3)
    wrapped: str | None = None
    serves_rows_as_they_are: bool = False
    refuses_longer_windows: bool = True
    service: Service | None = None

    @property
    def longest_days(self) -> int:
        """A daily window that the provider serves, a year where it can."""
        return min(365, self.open().history_limit_days(Granularity.DAILY))
