"""A warehouse holds the market caps of one provider: with two, a coin of either would be a stranger to the other."""

from __future__ import annotations

import pytest

from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.ingest.provider_claim import CLAIM, claim_warehouse
from marketflows_pipeline.settings import Settings
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.warehouse.conftest import empty_file, private, tmp_path, warehouse
from marketflows_pipeline_tests.warehouse.frames import HOUR, NOW, caps

__all__ = ["empty_file", "private", "tmp_path", "warehouse"]

GECKO, PAPRIKA = Settings(), Settings(provider="coinpaprika")


def owners(warehouse: Warehouse) -> list[str]:
    return warehouse.read(CLAIM)["provider"].to_list()


def test_a_warehouse_without_history_is_taken_over(warehouse: Warehouse) -> None:
    """A first run that never came to an answer must not decide for ever."""
    claim_warehouse(warehouse, GECKO, NOW)
    assert owners(warehouse) == ["coingecko"]
    claim_warehouse(warehouse, PAPRIKA, NOW + HOUR)
    assert owners(warehouse) == ["coinpaprika"]


def test_another_provider_on_stored_history_is_refused_with_the_way_on(warehouse: Warehouse) -> None:
    claim_warehouse(warehouse, PAPRIKA, NOW)
    warehouse.merge("raw.market_caps", caps(("btc-bitcoin", NOW, 1.6e12)))
    with pytest.raises(UserInputError) as raised:
        claim_warehouse(warehouse, GECKO, NOW + HOUR)
    (line,) = str(raised.value).splitlines()
    assert line.startswith("config.toml: provider = 'coingecko': expected 'coinpaprika'")
    assert line.endswith("warehouse.path and warehouse.published_path")
    assert raised.value.exit_code == 2
    assert owners(warehouse) == ["coinpaprika"]
    claim_warehouse(warehouse, PAPRIKA, NOW + HOUR)
    assert warehouse.read(CLAIM)["since"].to_list() == [NOW]


def test_history_of_the_time_before_there_was_a_choice_is_coingeckos(warehouse: Warehouse) -> None:
    warehouse.merge("raw.market_caps", caps(("bitcoin", NOW, 1.6e12)))
    with pytest.raises(UserInputError, match="expected 'coingecko'"):
        claim_warehouse(warehouse, PAPRIKA, NOW)
    assert owners(warehouse) == []
    claim_warehouse(warehouse, GECKO, NOW)
    assert owners(warehouse) == ["coingecko"]
