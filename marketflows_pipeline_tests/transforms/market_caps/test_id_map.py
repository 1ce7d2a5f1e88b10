"""Ids of two providers: a coin that is mapped wrongly would be followed as another one, without anybody noticing."""

from __future__ import annotations

from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from marketflows_pipeline.transforms.market_caps.id_map import (
    BY_CONTRACT,
    BY_NAME,
    COINS,
    CONTRACTS,
    ID_MAP,
    candidates,
    map_ids,
    native_matches,
)
from marketflows_pipeline_tests.examples import at_most

OWN_USDC, OWN_AAVE, OWN_JUP = "0xA0b8AA", "0x7Fc6Bb", "JUPyiwrY"


def coins(*rows: tuple[str, str, str, float | None, float | None]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=COINS, orient="row")


def contracts(*rows: tuple[str, str, str]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=CONTRACTS, orient="row")


OWN = coins(
    ("bitcoin", "btc", "Bitcoin", 70_000.0, 1.4e12),
    ("usd-coin", "usdc", "USDC", 1.0, 6.0e10),
    ("aave", "aave", "Aave", 200.0, 3.0e9),
    ("jupiter", "jup", "Jupiter", 0.5, 1.5e9),
    ("terra-luna", "lunc", "Terra Luna Classic", 0.0001, 5.5e8),
    ("terra-luna-2", "luna", "Terra", 0.2, 1.4e8),
)
OTHER = coins(
    ("btc-bitcoin", "BTC", "bitcoin", 70_500.0, 1.41e12),
    ("usdc-usd-coin", "USDC", "USD Coin", 1.0, 6.1e10),
    ("usdc-usdc", "USDC", "USDC", None, None),
    ("aave-new", "AAVE", "Aave", 201.0, 3.0e9),
    ("jup-jupiter", "JUP", "Jupiter", 0.5, 1.5e9),
    ("luna-terra", "LUNC", "Terra Luna Classic", 0.0001, 5.5e8),
    ("luna-terra-v2", "LUNA", "Terra", 0.2, 1.4e8),
)
OWN_CONTRACTS = contracts(
    ("ethereum", OWN_USDC, "usd-coin"), ("ethereum", OWN_AAVE, "aave"), ("solana", OWN_JUP, "jupiter")
)
OTHER_CONTRACTS = contracts(
    ("ethereum", OWN_USDC.lower(), "usdc-usd-coin"),
    ("ethereum", OWN_USDC.lower(), "usdc-usdc"),
    ("ethereum", OWN_AAVE.lower(), "aave-new"),
    ("solana", OWN_JUP, "jup-jupiter"),
)


def mapped(*wanted: str, **frames: Any) -> dict[str, tuple[str | None, str | None, str | None]]:
    given = {"own": OWN, "other": OTHER, "own_contracts": OWN_CONTRACTS, "other_contracts": OTHER_CONTRACTS} | frames
    rows = map_ids(wanted, **given).select("coin_id", "other_id", "rule", "reason").iter_rows()
    return {coin: (other, rule, reason) for coin, other, rule, reason in rows}


def test_each_coin_is_mapped_by_its_rule_whatever_its_id_looks_like() -> None:
    """AAVE is aave-new, LUNC is luna-terra and LUNA is luna-terra-v2: ids that look alike are other coins."""
    assert mapped("bitcoin", "aave", "jupiter", "terra-luna", "terra-luna-2") == {
        "bitcoin": ("btc-bitcoin", BY_NAME, None),
        "aave": ("aave-new", BY_CONTRACT, None),
        "jupiter": ("jup-jupiter", BY_CONTRACT, None),
        "terra-luna": ("luna-terra", BY_NAME, None),
        "terra-luna-2": ("luna-terra-v2", BY_NAME, None),
    }


def test_of_two_ids_with_one_contract_the_one_that_has_a_market_is_meant() -> None:
    """usdc-usd-coin and usdc-usdc both stand for USD Coin; only one of them is among the tickers."""
    assert mapped("usd-coin") == {"usd-coin": ("usdc-usd-coin", BY_CONTRACT, None)}


def test_of_two_ids_with_markets_the_one_whose_figures_fit_is_meant() -> None:
    both = OTHER.with_columns(
        price_usd=pl.when(pl.col("coin_id") == "usdc-usdc").then(1.0).otherwise("price_usd"),
        market_cap_usd=pl.when(pl.col("coin_id") == "usdc-usdc").then(5e8).otherwise("market_cap_usd"),
    )
    assert mapped("usd-coin", other=both)["usd-coin"][0] == "usdc-usd-coin"

    as_large = both.with_columns(
        market_cap_usd=pl.when(pl.col("coin_id") == "usdc-usdc").then(6e10).otherwise("market_cap_usd")
    )
    assert mapped("usd-coin", other=as_large) == {
        "usd-coin": (None, None, "2 coins there have contracts of it: usdc-usd-coin, usdc-usdc")
    }


def test_a_contract_that_the_other_does_not_know_is_not_replaced_by_a_name() -> None:
    """A copy of a token has its symbol, its name and nearly its price."""
    no_contracts = OTHER_CONTRACTS.clear()
    assert mapped("aave", other_contracts=no_contracts) == {
        "aave": (None, None, "no coin there has its contracts (ethereum)")
    }


def test_addresses_are_compared_in_lower_case_but_for_solana() -> None:
    upper = OTHER_CONTRACTS.with_columns(pl.col("address").str.to_uppercase())
    found = mapped("aave", "jupiter", other_contracts=upper)
    assert (found["aave"][0], found["jupiter"][0]) == ("aave-new", None)


def test_the_same_address_on_another_platform_is_another_contract() -> None:
    elsewhere = OTHER_CONTRACTS.with_columns(platform=pl.lit("base"))
    assert mapped("aave", other_contracts=elsewhere)["aave"][0] is None


def test_names_that_are_not_unique_or_do_not_fit_say_why() -> None:
    def reason(own: pl.DataFrame = OWN, other: pl.DataFrame = OTHER) -> str | None:
        return mapped("bitcoin", own=own, other=other)["bitcoin"][2]

    assert reason(other=OTHER.filter(pl.col("coin_id") != "btc-bitcoin")) == (
        "no coin there has its symbol and name, and no contract of it is known"
    )
    twin = coins(("bitcoin-2", "BTC", "BITCOIN", 70_000.0, 1.4e12))
    assert reason(own=pl.concat([OWN, twin])) == "another coin of its own provider has the same symbol and name"
    assert reason(other=pl.concat([OTHER, twin])) == "2 coins there have its symbol and name"
    assert reason(other=OTHER.with_columns(price_usd=pl.col("price_usd") * 1.03)) == (
        "btc-bitcoin has its symbol and name, but its price is 3.7 % off"
    )
    assert reason(other=OTHER.with_columns(market_cap_usd=pl.col("market_cap_usd") * 0.7)) == (
        "btc-bitcoin has its symbol and name, but its market cap is -29.5 % off"
    )
    # A cap of 0 is one that nobody has verified.
    assert reason(other=OTHER.with_columns(market_cap_usd=0.0)) == (
        "btc-bitcoin has its symbol and name, but there is no market cap to compare"
    )
    assert reason(other=OTHER.with_columns(price_usd=pl.lit(None, pl.Float64))) == (
        "btc-bitcoin has its symbol and name, but there is no price to compare"
    )


def test_limits_themselves_are_within() -> None:
    at_limits = coins(("btc-bitcoin", "btc", "Bitcoin", 71_400.0, 1.12e12))
    assert mapped("bitcoin", other=at_limits)["bitcoin"][0] == "btc-bitcoin"


def test_an_id_that_its_own_provider_does_not_list_is_said() -> None:
    assert mapped("bitcon", "bitcoin") == {
        "bitcon": (None, None, "its own provider lists no coin of that id"),
        "bitcoin": ("btc-bitcoin", BY_NAME, None),
    }


def test_two_coins_that_lead_to_one_id_are_both_left_out() -> None:
    bridged = contracts(("ethereum", OWN_AAVE, "aave"), ("ethereum", OWN_AAVE, "bridged-aave"))
    own = pl.concat([OWN, coins(("bridged-aave", "aave", "Bridged Aave", 200.0, 1e6))])
    shared = "aave-new would stand for another of these coins too"
    assert mapped("aave", "bridged-aave", own=own, own_contracts=bridged) == {
        "aave": (None, None, shared),
        "bridged-aave": (None, None, shared),
    }


def test_the_columns_are_there_without_any_coin() -> None:
    assert map_ids([], OWN, OTHER).schema == ID_MAP
    assert native_matches(OWN, OTHER, []).schema == ID_MAP


def test_candidates_are_those_whose_figures_have_to_be_compared() -> None:
    wanted = ["usd-coin", "bitcoin", "jupiter"]
    found = candidates(wanted, OWN, OTHER, OWN_CONTRACTS, OTHER_CONTRACTS)
    assert found.rows() == [
        ("bitcoin", "btc-bitcoin"),
        ("jupiter", "jup-jupiter"),
        ("usd-coin", "usdc-usd-coin"),
        ("usd-coin", "usdc-usdc"),
    ]


SYMBOLS = st.sampled_from(["btc", "BTC", "eth"])
FIGURES = st.one_of(st.none(), st.sampled_from([0.0, 1.0, 1.02, 1.2, 5.0]))
LISTS = st.lists(st.tuples(SYMBOLS, st.sampled_from(["One", "one", "Two"]), FIGURES, FIGURES), max_size=6)


@settings(at_most(40))
@given(LISTS, LISTS)
def test_whatever_is_listed_no_id_is_given_twice_and_each_coin_has_an_id_or_a_reason(
    own: list[tuple[str, str, float | None, float | None]], other: list[tuple[str, str, float | None, float | None]]
) -> None:
    mine = coins(*((f"a{at}", *row) for at, row in enumerate(own)))
    theirs = coins(*((f"b{at}", *row) for at, row in enumerate(other)))

    found = map_ids(mine["coin_id"].to_list(), mine, theirs)

    assert found["coin_id"].to_list() == mine["coin_id"].to_list()
    assert (found["other_id"].is_null() == found["reason"].is_not_null()).all()
    given_ids = found["other_id"].drop_nulls()
    assert given_ids.n_unique() == given_ids.len()
