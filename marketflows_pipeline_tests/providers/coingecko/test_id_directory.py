"""What CoinGecko tells of its coins beside their ids: contracts, the largest, and whether it knows a key."""

from __future__ import annotations

import pytest

from marketflows_pipeline.errors import PlanLimitError
from marketflows_pipeline_tests.fakes import faults
from marketflows_pipeline_tests.fakes.coingecko.service import FakeCoinGecko
from marketflows_pipeline_tests.providers.conftest import Connect
from marketflows_pipeline_tests.providers.memory_ledger import MemoryLedger

LIST = "/coins/list"


def test_contracts_of_all_platforms_are_one_call(
    connect: Connect, service: FakeCoinGecko, ledger: MemoryLedger
) -> None:
    wrapped = {coin.id: f"0x{coin.seed:040x}" for coin in service.market.coins if coin.is_rehypothecated}

    found = connect(service).contracts(["ethereum", "solana"])

    assert dict(found.select("coin_id", "address").iter_rows()) == wrapped
    assert set(found["platform"]) == {"ethereum"}
    assert len(ledger.calls) == 1


def test_a_platform_or_address_that_is_empty_is_no_contract(connect: Connect, service: FakeCoinGecko) -> None:
    """The own coin of a chain was listed with the platform "" and the address ""; an address was seen null."""
    rows = [
        {"id": "bitcoin", "symbol": "btc", "name": "Bitcoin", "platforms": {"": ""}},
        {"id": "lost", "symbol": "l", "name": "Lost", "platforms": {"ethereum": None, "base": "0xB"}},
        {"id": "odd", "symbol": "o", "name": "Odd", "platforms": None},
    ]
    service.script(LIST, faults.json_error(200, rows))

    found = connect(service).contracts(["ethereum", "base"])

    assert found.rows() == [("base", "0xB", "lost")]


def test_the_largest_coins_are_one_call(connect: Connect, service: FakeCoinGecko, ledger: MemoryLedger) -> None:
    found = connect(service).largest()

    assert found.height == 250
    assert found["market_cap_usd"].drop_nulls().is_sorted(descending=True)
    assert len(ledger.calls) == 1


def test_a_key_is_checked_by_one_call(connect: Connect, service: FakeCoinGecko, ledger: MemoryLedger) -> None:
    connect(service).check_key()
    assert [call.endpoint for call in ledger.calls] == ["/ping"]

    with pytest.raises(PlanLimitError, match="the API key is missing or not known"):
        connect(service, api_key="CG-mistyped").check_key()
