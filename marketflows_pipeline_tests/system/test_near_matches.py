from __future__ import annotations

from marketflows_pipeline.system.near_matches import did_you_mean, near_matches

COINS = {
    "bitcoin": ("btc", "Bitcoin"),
    "bitcoin-cash": ("bch", "Bitcoin Cash"),
    "wrapped-bitcoin": ("wbtc", "Wrapped Bitcoin"),
    "ethereum": ("eth", "Ethereum"),
    "super-alliance": ("fet", "Superintelligence Alliance (ASI)"),
}


def test_a_symbol_finds_its_coin() -> None:
    assert near_matches("BTC", COINS)[0] == "bitcoin"


def test_a_misspelling_finds_the_id_spelled_alike() -> None:
    assert near_matches("bitcion", COINS)[0] == "bitcoin"
    assert near_matches("etherium", COINS) == ["ethereum"]


def test_a_word_of_the_name_finds_the_coin_and_a_part_of_a_word_does_not() -> None:
    assert near_matches("asi", COINS) == ["super-alliance"]
    assert near_matches("superintel", COINS) == []
    assert near_matches("superintel", COINS, is_whole_word=False) == ["super-alliance"]


def test_signs_that_mean_something_in_patterns_mean_themselves() -> None:
    assert near_matches("(btc", COINS) == []
    assert near_matches("bitcoin cash", COINS)[0] == "bitcoin-cash"


def test_no_more_than_the_limit_are_named() -> None:
    assert len(near_matches("bitcoin", COINS, limit=2)) == 2


def test_a_misspelt_name_finds_its_id() -> None:
    assert near_matches("Coinbse", {"gdax": ("Coinbase",), "kraken": ("Kraken",)}) == ["gdax"]


def test_the_question_names_every_near_match_and_without_one_there_is_none() -> None:
    assert did_you_mean(near_matches("dayz", ["days", "hours"], limit=1)) == "; did you mean days?"
    assert did_you_mean(["a", "b"]) == "; did you mean a or b?"
    assert did_you_mean([]) == ""
