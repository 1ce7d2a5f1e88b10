from __future__ import annotations

import polars as pl

from marketflows_pipeline.providers.near_matches import near_matches

COINS = pl.DataFrame(
    {
        "coin_id": ["bitcoin", "bitcoin-cash", "wrapped-bitcoin", "ethereum", "super-alliance"],
        "symbol": ["btc", "bch", "wbtc", "eth", "fet"],
        "name": [
            "Bitcoin",
            "Bitcoin Cash",
            "Wrapped Bitcoin",
            "Ethereum",
            "Superintelligence Alliance (ASI)",
        ],
    }
)


def test_a_symbol_finds_its_coin() -> None:
    assert near_matches("BTC", COINS)[0] == "bitcoin"


def test_a_misspelling_finds_the_id_spelled_alike() -> None:
    assert near_matches("bitcion", COINS)[0] == "bitcoin"
    assert near_matches("etherium", COINS) == ["ethereum"]


def test_a_word_of_the_name_finds_the_coin_and_a_part_of_a_word_does_not() -> None:
    assert near_matches("asi", COINS) == ["super-alliance"]
    assert near_matches("superintel", COINS) == []


def test_signs_that_mean_something_in_patterns_mean_themselves() -> None:
    assert near_matches("(btc", COINS) == near_matches("(btc", COINS.head(1)) == []
    assert near_matches("bitcoin cash", COINS)[0] == "bitcoin-cash"


def test_no_more_than_the_limit_are_named() -> None:
    assert len(near_matches("bitcoin", COINS, limit=2)) == 2
