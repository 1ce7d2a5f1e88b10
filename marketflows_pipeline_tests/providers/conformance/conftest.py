"""Every provider's world in turn."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.providers.protocols.market_caps import MarketCapProvider
from marketflows_pipeline_tests.providers.conformance.world import Service, World
from marketflows_pipeline_tests.providers.conformance.worlds import NETWORKED, WORLDS
from marketflows_pipeline_tests.providers.memory_ledger import MemoryLedger


@pytest.fixture(params=WORLDS)
def world(request: pytest.FixtureRequest, clock: FixedClock, ledger: MemoryLedger, tmp_path: Path) -> Iterator[World]:
    """The world of one provider."""
    with WORLDS[request.param](clock, ledger, tmp_path) as opened:
        yield opened


@pytest.fixture
def provider(world: World) -> MarketCapProvider:
    """A client in that world."""
    return world.open()


@pytest.fixture(params=NETWORKED)
def networked(
    request: pytest.FixtureRequest, clock: FixedClock, ledger: MemoryLedger, tmp_path: Path
) -> Iterator[World]:
    """The world of a provider that has a network."""
    with WORLDS[request.param](clock, ledger, tmp_path) as opened:
        yield opened


@pytest.fixture
def service(networked: World) -> Service:
    """The fake in that world."""
    assert networked.service is not None
    return networked.service
