"""A warehouse holds the market caps of one provider: with two, a coin of either would be a stranger to the other."""

from __future__ import annotations

from pathlib import Path

import pytest

from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.ingest.provider_claim import CLAIM, claim_warehouse
from marketflows_pipeline.settings import Settings, WarehousePaths
from marketflows_pipeline.warehouse.publish import publish
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


def test_what_the_provider_cannot_answer_is_noted_and_logged_once(
    warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    """A refusal for each coin and hour told nothing that one sentence does not."""
    caplog.set_level("INFO")
    hourly = Settings.model_validate({"provider": "coinpaprika", "providers": {"coinpaprika": {"days": 7}}})
    claim_warehouse(warehouse, hourly, NOW)
    said = list(caplog.messages)
    assert sum("the curves begin at the first run" in line for line in said) == 1
    assert warehouse.read(CLAIM)["cannot"][0].startswith("CoinPaprika serves this plan no history")
    claim_warehouse(warehouse, hourly, NOW + HOUR)
    assert caplog.messages == said
    assert not any("no history" in sentence for sentence in PAPRIKA.source.shortcomings)
    claim_warehouse(warehouse, GECKO, NOW)
    assert warehouse.read(CLAIM)["cannot"].to_list() == [None]


@pytest.mark.slow
def test_a_published_file_of_another_provider_is_not_written_over(warehouse: Warehouse, tmp_path: Path) -> None:
    """With a new private file alone, parts of two providers would have stood in one published file."""
    published = tmp_path / "published.duckdb"
    warehouse.merge("raw.market_caps", caps(("bitcoin", NOW, 1.6e12)))
    publish(warehouse, part="market_caps", run_id="r", now=NOW, published_path=published)
    paths = WarehousePaths(path=tmp_path / "new.duckdb", published_path=published)
    with Warehouse(paths.path) as fresh, pytest.raises(UserInputError, match=r"published\.duckdb holds"):
        claim_warehouse(fresh, PAPRIKA.model_copy(update={"warehouse": paths}), NOW)


def test_history_of_the_time_before_there_was_a_choice_is_coingeckos(warehouse: Warehouse) -> None:
    warehouse.merge("raw.market_caps", caps(("bitcoin", NOW, 1.6e12)))
    with pytest.raises(UserInputError, match="expected 'coingecko'"):
        claim_warehouse(warehouse, PAPRIKA, NOW)
    assert owners(warehouse) == []
    claim_warehouse(warehouse, GECKO, NOW)
    assert owners(warehouse) == ["coingecko"]
