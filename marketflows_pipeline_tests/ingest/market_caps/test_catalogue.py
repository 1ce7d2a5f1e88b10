"""Choosing from a provider's lists: each is asked for once, and only when it is needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from marketflows_pipeline.ingest.market_caps.catalogue import Catalogue
from marketflows_pipeline.providers.protocols.market_caps import CATEGORY_NAMES_SCHEMA, COIN_SCHEMA, MARKET_SCHEMA


class Lists:
    """A provider with three coins called PEPE, two of which nobody shows among the largest, and two called AI."""

    name = "coingecko"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def category_list(self) -> pl.DataFrame:
        self.asked.append("categories")
        names = {"layer-1": "Layer 1 (L1)", "defi": "DeFi", "artificial-intelligence": "Artificial Intelligence (AI)"}
        return pl.DataFrame([*names.items()], schema=CATEGORY_NAMES_SCHEMA, orient="row")

    def coin_list(self) -> pl.DataFrame:
        self.asked.append("coins")
        coins = [("pepe", "pepe", "Pepe"), ("pepe-2", "PEPE", "Pepe 2"), ("based-pepe", "pepe", "Based Pepe"),
                 ("ai-one", "ai", "AI One"), ("ai-two", "ai", "AI Two"), ("bitcoin", "btc", "Bitcoin")]  # fmt: skip
        return pl.DataFrame(coins, schema=COIN_SCHEMA, orient="row")

    def largest(self) -> pl.DataFrame:
        self.asked.append("largest")
        return self._markets({"bitcoin": 1e12, "pepe": 3e9})

    def by_ids(self, ids: Any) -> pl.DataFrame:
        self.asked.append(f"ids {','.join(sorted(ids))}")
        return self._markets({"ai-two": 5e6})

    @staticmethod
    def _markets(caps: dict[str, float]) -> pl.DataFrame:
        rows = [{"coin_id": coin, "market_cap_usd": cap} for coin, cap in caps.items()]
        return pl.DataFrame(rows, schema=MARKET_SCHEMA)


@pytest.fixture
def lists() -> Lists:
    return Lists()


@pytest.fixture
def catalogue(lists: Lists) -> Catalogue:
    def ask(request: Callable[[Any], pl.DataFrame]) -> pl.DataFrame:
        return request(lists)

    return Catalogue(ask)


def test_of_coins_with_one_symbol_the_largest_is_meant_and_that_is_said(catalogue: Catalogue, lists: Lists) -> None:
    found = catalogue.coin("PEPE")
    assert found is not None
    assert found.in_words == "pepe (Pepe), the largest of 3 coins with that symbol"
    assert lists.asked == ["coins", "largest"]


def test_an_id_is_its_own_coin_whatever_is_larger(catalogue: Catalogue) -> None:
    found = catalogue.coin("pepe-2")
    assert found is not None
    assert found.in_words == "pepe-2 (Pepe 2)"


def test_small_coins_of_one_symbol_are_looked_up(catalogue: Catalogue, lists: Lists) -> None:
    found = catalogue.coin("ai")
    assert found is not None
    assert (found.coin_id, found.n_alike) == ("ai-two", 2)
    assert lists.asked[-1] == "ids ai-one,ai-two"


def test_which_of_several_unknown_ones_is_meant_is_not_guessed(
    catalogue: Catalogue, lists: Lists, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "by_ids", lambda _: MARKET_SCHEMA.to_frame())
    assert catalogue.coin("ai") is None
    assert catalogue.near_coins("ai") == ["ai-one", "ai-two"]


def test_a_misspelt_coin_has_near_matches(catalogue: Catalogue) -> None:
    assert catalogue.coin("bitcon") is None
    assert catalogue.near_coins("bitcon")[0] == "bitcoin"


def test_categories_are_found_by_words_and_by_their_short_names(catalogue: Catalogue, lists: Lists) -> None:
    assert catalogue.category("ai") == "artificial-intelligence"
    assert catalogue.category("Layer 1 (L1)") == "layer-1"
    assert catalogue.category("layer") is None
    assert catalogue.near_categories("layer", 5) == ["layer-1"]
    assert lists.asked == ["categories"]


def test_names_are_those_of_lists_that_were_asked_for(catalogue: Catalogue, lists: Lists) -> None:
    assert catalogue.names_of(["defi"]) == {}
    catalogue.category("defi")
    assert catalogue.names_of(["defi", "pepe"]) == {"defi": "DeFi"}
    assert lists.asked == ["categories"]
