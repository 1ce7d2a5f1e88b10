"""Coins of the settings that a snapshot does not show."""

from __future__ import annotations

from pathlib import Path

import pytest

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.ingest.market_caps.snapshot import fetch_snapshot
from marketflows_pipeline.ingest.raw_writer import MarketCapWriter
from marketflows_pipeline.providers.coinpaprika.client import CoinPaprika
from marketflows_pipeline.settings import Settings, load_settings
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.fakes.coinpaprika.service import FakeCoinPaprika
from marketflows_pipeline_tests.fakes.generate import START, generate
from marketflows_pipeline_tests.providers.memory_ledger import MemoryLedger
from marketflows_pipeline_tests.warehouse.conftest import empty_file, private, tmp_path, warehouse

__all__ = ["empty_file", "private", "tmp_path", "warehouse"]

PORTFOLIO = """
[providers.coingecko]
plan = "keyless"
flow_types = ["individual_assets"]
base_assets = ["us-dollar"]
asset_groups = {{ Pair = ["btc-bitcoin", "{coin}"] }}
"""


def settings_with(coin: str, folder: Path) -> Settings:
    file = folder / "config.toml"
    file.write_text(PORTFOLIO.format(coin=coin))
    return load_settings(file, None, {})


@pytest.mark.slow
def test_a_coin_without_a_price_is_known_and_never_suggested(warehouse: Warehouse, tmp_path: Path) -> None:
    """Of USDC's two ids the shorter one is gone, and would have come first."""
    clock = FixedClock(START)
    writer = MarketCapWriter(warehouse, clock, START)
    with (
        FakeCoinPaprika(generate(30, has_churn=False), clock=clock) as service,
        CoinPaprika(clock=clock, ledger=MemoryLedger(), base_url=service.url) as provider,
    ):
        with pytest.raises(UserInputError, match=r"'usdc': expected .*; did you mean usdc-usd-coin") as fault:
            fetch_snapshot(provider, writer, settings_with("usdc", tmp_path))
        fetch_snapshot(provider, writer, settings_with("usdc-usdc", tmp_path))

    assert "usdc-usdc" not in str(fault.value)
    assert "usdc-usdc" in writer.known_coins
