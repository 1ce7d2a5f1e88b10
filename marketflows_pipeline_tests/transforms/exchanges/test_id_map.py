from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from marketflows_pipeline.transforms.exchanges.id_map import exchange_map, unknown_tracked, with_exchange_key
from marketflows_pipeline_tests.transforms.exchanges.frames import (
    assert_in_shape,
    ids_of,
    kinds_of,
    listed_of,
    snapshot_of,
)
from marketflows_pipeline_tests.transforms.frames import pick

MAPPING = ["exchange_key", "exchange_id", "defillama_slug", "mapped_by"]


def mapped(
    listed: pl.DataFrame, *cexs: dict[str, Any], packaged: dict[str, str] | None = None, tracked: tuple[str, ...] = ()
) -> pl.DataFrame:
    exchanges = exchange_map(listed, snapshot_of(*cexs), ids_of(), packaged or {}, tracked)
    assert_in_shape(exchanges, "core.exchanges")
    return exchanges


def test_the_id_that_defillama_names_itself_maps() -> None:
    okx = {"name": "OKX", "slug": "okx", "coingecko_id": "okex", "own_tokens": "OKB"}

    exchanges = mapped(listed_of("okex"), okx)

    assert exchanges.select(*MAPPING, "name", "own_tokens").rows() == [("okex", "okex", "okx", "cexs", "Okex", "OKB")]


def test_without_an_id_the_packaged_table_maps_by_the_slug() -> None:
    exchanges = mapped(listed_of("huobi"), {"name": "HTX", "slug": "htx"}, packaged={"huobi": "htx"})

    assert exchanges.select(MAPPING).rows() == [("huobi", "huobi", "htx", "packaged")]


def test_an_id_that_nobody_else_knows_is_not_taken() -> None:
    gone = {"name": "Gone", "slug": "gone-cex", "coingecko_id": "gone"}

    assert mapped(listed_of(), gone).select(MAPPING).rows() == [("gone-cex", None, "gone-cex", "none")]


@pytest.mark.parametrize("known_by", ["listed", "centralised", "packaged"])
def test_an_id_is_known_by_any_of_three_lists(known_by: str) -> None:
    ids = {name: ["x"] if name == known_by else [] for name in ("listed", "centralised", "packaged")}

    exchanges = exchange_map(
        listed_of(*ids["listed"]),
        snapshot_of({"name": "X", "slug": "x-cex", "coingecko_id": "x"}),
        ids_of(*ids["centralised"]),
        dict.fromkeys(ids["packaged"], "other"),
        [],
    )

    assert exchanges.select(MAPPING).rows() == [("x", "x", "x-cex", "cexs")]


def test_a_derivatives_id_gives_way_to_the_packaged_spot_id_that_is_listed() -> None:
    # given that DefiLlama matches deribit by its display name, and CoinGecko lists its spot market as deribit_spot
    deribit = {"name": "Deribit", "slug": "deribit", "coingecko_id": "deribit"}

    exchanges = exchange_map(
        listed_of("deribit_spot"), snapshot_of(deribit), ids_of("deribit"), {"deribit_spot": "deribit"}, ["deribit"]
    )

    assert exchanges.select(MAPPING).rows() == [("deribit_spot", "deribit_spot", "deribit", "packaged")]
    assert exchanges["is_tracked"].to_list() == [True], "a slug follows the exchange whatever its id"


def test_an_exchange_of_one_world_only_keeps_its_row_and_maps_to_nothing() -> None:
    exchanges = mapped(listed_of("uniswap_v3"), {"name": "Swissborg", "slug": "swissborg"}, {"name": "Some Bank"})

    assert exchanges.select(MAPPING).rows() == [
        ("some-bank", None, None, "none"),
        ("swissborg", None, "swissborg", "none"),
        ("uniswap_v3", "uniswap_v3", None, "none"),
    ]


def test_the_packaged_table_gives_a_slug_before_defillama_ever_answered() -> None:
    exchanges = mapped(listed_of("binance"), packaged={"binance": "binance-cex", "not_listed": "z"})

    assert exchanges.select(MAPPING).rows() == [("binance", "binance", "binance-cex", "packaged")]


def test_an_exchange_that_defillama_names_without_a_slug_has_none_even_if_packaged() -> None:
    coinbase = {"name": "Coinbase", "coingecko_id": "gdax"}

    exchanges = mapped(listed_of("gdax"), coinbase, packaged={"gdax": "coinbase"})

    assert exchanges.select(MAPPING).rows() == [("gdax", "gdax", None, "cexs")]


def test_of_two_claims_of_one_id_defillama_s_own_wins_and_the_other_maps_to_nothing() -> None:
    own, ours = {"name": "Z", "slug": "z-new", "coingecko_id": "z"}, {"name": "A", "slug": "z-old"}

    exchanges = mapped(listed_of("z"), ours, own, packaged={"z": "z-old"})

    assert exchanges.select(MAPPING).rows() == [("z", "z", "z-new", "cexs"), ("z-old", None, "z-old", "none")]


def test_of_two_rows_that_name_one_id_that_of_the_packaged_slug_wins_then_one_with_a_slug_by_name() -> None:
    named = [
        {"name": name, "slug": slug, "coingecko_id": "b"} for name, slug in (("A", None), ("B", "b-us"), ("C", "b-cex"))
    ]

    by_package = mapped(listed_of("b"), *named, packaged={"b": "b-cex"})
    by_name = mapped(listed_of("b"), *reversed(named))

    assert pick(by_package, "defillama_slug", exchange_id="b") == ["b-cex"]
    assert pick(by_name, "defillama_slug", exchange_id="b") == ["b-us"]
    assert by_package["exchange_key"].to_list() == ["a", "b", "b-us"]


def test_a_slug_that_defillama_gives_to_another_id_is_not_given_twice() -> None:
    exchanges = mapped(
        listed_of("old", "new"), {"name": "N", "slug": "n", "coingecko_id": "new"}, packaged={"old": "n"}
    )

    assert exchanges.select(MAPPING).rows() == [("new", "new", "n", "cexs"), ("old", "old", None, "none")]


def test_a_packaged_slug_of_two_ids_goes_to_the_first() -> None:
    exchanges = mapped(listed_of("a", "b"), packaged={"b": "s", "a": "s"})

    assert exchanges.select("exchange_id", "defillama_slug").rows() == [("a", None), ("b", "s")]


def test_two_rows_of_one_slug_are_one_exchange() -> None:
    exchanges = mapped(
        listed_of("a"), {"name": "A1", "slug": "a-cex"}, {"name": "A2", "slug": "a-cex", "coingecko_id": "a"}
    )

    assert exchanges.select(MAPPING).rows() == [("a", "a", "a-cex", "cexs")]


def test_a_slug_that_is_another_exchange_s_id_gets_a_key_of_its_own() -> None:
    exchanges = mapped(listed_of("gate"), {"name": "Gate Inc", "slug": "gate"}, {"name": "Gate"})

    assert exchanges.select(MAPPING).rows() == [
        ("gate", "gate", None, "none"),
        ("gate@defillama", None, "gate", "none"),
        ("gate@defillama2", None, None, "none"),
    ]


def test_an_exchange_is_tracked_by_either_name() -> None:
    okx, bybit = (
        {"name": slug, "slug": slug, "coingecko_id": cg} for slug, cg in (("okx", "okex"), ("bybit", "bybit_spot"))
    )

    exchanges = mapped(listed_of("okex", "bybit_spot", "kraken"), okx, bybit, tracked=("okx", "bybit_spot", "nobody"))

    assert dict(exchanges.select("exchange_key", "is_tracked").rows()) == {
        "okex": True, "bybit_spot": True, "kraken": False,
    }  # fmt: skip
    assert unknown_tracked(exchanges, ["okx", "nobody", "bybit_spot", "okex", "who"]) == ["nobody", "who"]


def test_who_is_in_no_list_is_not_known_to_be_decentralised() -> None:
    """90 of 100 exchanges that DefiLlama did not list counted as decentralised."""
    listed = listed_of("upbit", "uniswap", "okex")
    okx = snapshot_of(
        {"name": "OKX", "slug": "okx", "coingecko_id": "okex"}, {"name": "Swissborg", "slug": "swissborg"}
    )

    answered = exchange_map(listed, okx, ids_of("upbit"), {}, [])
    never_asked = exchange_map(listed, snapshot_of(), ids_of(), {}, [])

    assert dict(answered.select("exchange_key", "is_centralised").rows()) == {
        "okex": True, "swissborg": True, "uniswap": None, "upbit": True,
    }  # fmt: skip
    assert never_asked["is_centralised"].to_list() == [None, None, None]


def test_what_coingecko_says_of_an_exchange_goes_before_what_defillama_lists() -> None:
    kinds = kinds_of({"uniswap": False, "upbit": False, "okex": None, "kraken": True})
    listed = listed_of("upbit", "uniswap", "okex", "kraken", "other")

    exchanges = exchange_map(listed, snapshot_of(), ids_of("upbit", "okex"), {}, [], kinds=kinds)

    assert dict(exchanges.select("exchange_key", "is_centralised").rows()) == {
        "kraken": True, "okex": True, "other": None, "uniswap": False, "upbit": False,
    }  # fmt: skip


def test_rows_of_the_overview_find_their_exchange_by_slug_name_or_id() -> None:
    rows = snapshot_of(
        {"name": "OKX", "slug": "okx"},
        {"name": "Coinbase", "coingecko_id": "gdax"},
        {"name": "Some Bank"},
        {"name": "Forgotten", "slug": "forgotten"},
        {"name": "Old Bank"},
    )
    exchanges = exchange_map(listed_of("okex", "gdax"), rows.head(3), ids_of(), {"okex": "okx"}, [])

    keyed = with_exchange_key(rows, exchanges)

    assert keyed["exchange_key"].to_list() == ["okex", "gdax", "some-bank", "forgotten", "old-bank"]
    assert keyed.drop("exchange_key").equals(rows)


def test_a_row_without_slug_and_id_is_not_taken_for_a_listed_exchange_of_the_same_name() -> None:
    rows = snapshot_of({"name": "Gate"})

    keyed = with_exchange_key(rows, exchange_map(listed_of("gate"), rows, ids_of(), {}, []))

    assert keyed["exchange_key"].to_list() == ["gate@defillama"]


def test_before_any_answer_there_are_no_exchanges_and_every_tracked_one_is_unknown() -> None:
    exchanges = mapped(listed_of(), packaged={"binance": "binance-cex"}, tracked=("binance",))

    assert exchanges.is_empty()
    assert unknown_tracked(exchanges, ["binance"]) == ["binance"]
    assert with_exchange_key(snapshot_of(), exchanges).is_empty()
