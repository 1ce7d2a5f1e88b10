from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.exchanges.coverage import exchange_coverage
from marketflows_pipeline.transforms.exchanges.id_map import exchange_map
from marketflows_pipeline.transforms.exchanges.tvl import exchange_tvl
from marketflows_pipeline_tests.transforms.exchanges.frames import (
    assert_in_shape,
    ids_of,
    listed_of,
    rows_of,
    snapshot_of,
)
from marketflows_pipeline_tests.transforms.frames import pick

NO_FLOWS, NO_TVL = table("mart.exchange_flows").empty(), table("mart.exchange_tvl").empty()


def flows_of(volumes: dict[str, float | None]) -> pl.DataFrame:
    return rows_of(
        "mart.exchange_flows", *({"exchange_id": each, "volume_24h_btc": volume} for each, volume in volumes.items())
    )


def gaps_of(
    flows: pl.DataFrame,
    exchanges: pl.DataFrame,
    tvl: pl.DataFrame = NO_TVL,
    slugs: Sequence[str] = (),
    unknown: Sequence[str] = (),
) -> pl.DataFrame:
    gaps = exchange_coverage(flows, exchanges, tvl, slugs, unknown=unknown)
    assert_in_shape(gaps, "mart.exchange_coverage")
    return gaps


def test_centralised_exchanges_without_reserves_are_listed_with_the_largest_volume_first() -> None:
    snapshot = snapshot_of(
        {"name": "OKX", "slug": "okx", "coingecko_id": "okex", "current_tvl_usd": 5.0},
        {"name": "Coinbase", "coingecko_id": "gdax"},
    )
    exchanges = exchange_map(
        listed_of("okex", "gdax", "upbit", "silent", "uniswap"), snapshot, ids_of("upbit", "silent"), {}, []
    )
    tvl = exchange_tvl(snapshot, table("raw.protocols").empty(), exchanges)

    gaps = gaps_of(flows_of({"upbit": 9.0, "gdax": 11.0, "okex": 50.0, "uniswap": 70.0}), exchanges, tvl)

    assert gaps.filter(aspect="reserves").select("exchange_key", "volume_24h_btc", "reason").rows() == [
        ("gdax", 11.0, "DefiLlama lists it, but knows none of its wallets"),
        ("upbit", 9.0, "DefiLlama does not list its reserves"),
        ("silent", None, "DefiLlama does not list its reserves"),
    ]


def test_centralised_exchanges_that_only_one_service_knows_are_a_gap_of_the_map() -> None:
    snapshot = snapshot_of({"name": "Coinbase", "coingecko_id": "gdax"}, {"name": "Swissborg", "slug": "swissborg"})
    exchanges = exchange_map(
        listed_of("gdax", "upbit", "kraken", "dex"), snapshot, ids_of("upbit", "kraken"), {"kraken": "kraken"}, []
    )

    gaps = gaps_of(NO_FLOWS, exchanges)

    assert gaps.filter(aspect="mapping").select("exchange_key", "reason").rows() == [
        ("swissborg", "DefiLlama lists it, but no CoinGecko exchange is known to be the same"),
        ("upbit", "CoinGecko lists it, but no DefiLlama exchange is known to be the same"),
    ]


def test_tracked_exchanges_without_a_volume_are_listed_with_the_reason() -> None:
    snapshot = snapshot_of(
        {"name": "Deribit", "slug": "deribit"}, {"name": "Bitmex", "slug": "bitmex-cex", "coingecko_id": "bitmex"}
    )
    tracked = ["deribit", "bitmex", "kraken", "okex"]
    exchanges = exchange_map(listed_of("kraken", "okex", "untracked"), snapshot, ids_of("bitmex"), {}, tracked)

    gaps = gaps_of(flows_of({"kraken": None, "okex": 0.0}), exchanges)

    assert dict(gaps.filter(aspect="volume").select("exchange_key", "reason").rows()) == {
        "bitmex": "it is not in CoinGecko's newest list of spot exchanges",
        "deribit": "no CoinGecko exchange is known to be the same, and volumes come from there",
        "kraken": "CoinGecko's newest list gives no volume for it",
    }


def test_tracked_exchanges_without_token_balances_are_listed_with_the_reason() -> None:
    packaged = {"binance": "binance-cex", "okex": "okx", "untracked": "u"}
    exchanges = exchange_map(
        listed_of("binance", "okex", "gdax", "untracked"),
        snapshot_of(),
        ids_of(),
        packaged,
        ["binance", "okex", "gdax"],
    )

    gaps = gaps_of(NO_FLOWS, exchanges, slugs=["binance-cex"])

    assert dict(gaps.filter(aspect="netflow").select("exchange_key", "reason").rows()) == {
        "gdax": "DefiLlama has no page of its reserves, so no wallet of it is known",
        "okex": "no token balances of it are stored: none were fetched, or DefiLlama gives none",
    }


def test_a_tracked_name_that_nobody_knows_is_a_gap_of_the_map() -> None:
    gaps = gaps_of(NO_FLOWS, exchange_map(listed_of(), snapshot_of(), ids_of(), {}, ["nobody"]), unknown=["nobody"])

    assert gaps.drop("reason").rows() == [("mapping", "nobody", "nobody", True, None)]


def test_an_exchange_that_is_wholly_known_has_no_gap() -> None:
    snapshot = snapshot_of({"name": "OKX", "slug": "okx", "coingecko_id": "okex", "current_tvl_usd": 5.0})
    exchanges = exchange_map(listed_of("okex"), snapshot, ids_of("okex"), {}, ["okx"])
    tvl = exchange_tvl(snapshot, table("raw.protocols").empty(), exchanges)

    assert gaps_of(flows_of({"okex": 1.0}), exchanges, tvl, ["okx"]).is_empty()


def test_before_any_answer_there_are_no_gaps_but_the_names_nobody_knows() -> None:
    nothing = table("core.exchanges").empty()

    assert gaps_of(NO_FLOWS, nothing).is_empty()
    assert pick(gaps_of(NO_FLOWS, nothing, unknown=["binance"]), "exchange_key") == ["binance"]


def test_where_it_is_not_known_what_is_centralised_only_tracked_exchanges_have_gaps() -> None:
    exchanges = exchange_map(listed_of("a", "b"), snapshot_of(), ids_of(), {}, ["a"])

    gaps = gaps_of(flows_of({"a": 1.0, "b": 1.0}), exchanges)

    assert gaps.select("aspect", "exchange_key").rows() == [("netflow", "a")]
