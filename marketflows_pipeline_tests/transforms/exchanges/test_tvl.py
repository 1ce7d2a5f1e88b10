from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.exchanges.id_map import exchange_map
from marketflows_pipeline.transforms.exchanges.tvl import exchange_tvl
from marketflows_pipeline_tests.transforms.exchanges.frames import (
    assert_in_shape,
    exchanges_of,
    ids_of,
    listed_of,
    moment,
    rows_of,
    snapshot_of,
)

NO_PROTOCOLS = table("raw.protocols").empty()


def tvl_of(
    snapshot: pl.DataFrame, protocols: pl.DataFrame = NO_PROTOCOLS, exchanges: pl.DataFrame | None = None
) -> pl.DataFrame:
    tvl = exchange_tvl(snapshot, protocols, exchanges_of() if exchanges is None else exchanges)
    assert_in_shape(tvl, "mart.exchange_tvl")
    return tvl


def protocols_of(*rows: dict[str, Any]) -> pl.DataFrame:
    return rows_of(
        "raw.protocols", *({"observed_at": moment(1, 3), "name": row["slug"].title(), **row} for row in rows)
    )


def cex(slug: str, tvl: float | None, clean: float | None = None) -> dict[str, Any]:
    return {"name": slug.title(), "slug": slug, "current_tvl_usd": tvl, "clean_assets_tvl_usd": clean}


def dex(slug: str, tvl: float | None) -> dict[str, Any]:
    return {"slug": slug, "category": "Dexs", "tvl_usd": tvl}


def test_each_kind_is_ranked_and_shared_on_its_own_over_all_that_are_measured() -> None:
    snapshot = snapshot_of(cex("a", 60.0, 30.0), cex("b", 20.0, 10.0), cex("c", 20.0))
    protocols = protocols_of(dex("x", 1.0), dex("y", 3.0))

    tvl = tvl_of(snapshot, protocols)

    assert tvl.select("kind", "slug", "rank", "tvl_dominance_pct", "clean_dominance_pct", "category").rows() == [
        ("cex", "a", 1, 60.0, 75.0, "CEX"),
        ("cex", "b", 2, 20.0, 25.0, "CEX"),
        ("cex", "c", 3, 20.0, None, "CEX"),
        ("dex", "x", 2, 25.0, None, "Dexs"),
        ("dex", "y", 1, 75.0, None, "Dexs"),
    ]


def test_a_centralised_exchange_without_a_tvl_stays_without_a_place_and_a_decentralised_one_has_no_row() -> None:
    """A DEX that DefiLlama has no figure of stood in the ranking as an empty row."""
    tvl = tvl_of(snapshot_of(cex("a", None), cex("b", 5.0)), protocols_of(dex("x", None), dex("y", 0.0)))

    assert tvl.select("slug", "rank", "tvl_usd", "tvl_dominance_pct").rows() == [
        ("a", None, None, None),
        ("b", 1, 5.0, 100.0),
        ("y", 1, 0.0, None),
    ]


def test_what_the_protocols_say_about_the_same_slug_stands_beside_a_centralised_exchange() -> None:
    details = {
        "symbol": "BNB",
        "chains": "Ethereum,Bitcoin",
        "change_1d_pct": 1.0,
        "change_7d_pct": -2.0,
        "mcap_usd": 9.0,
        "url": "https://b",
    }
    snapshot = snapshot_of({**cex("binance-cex", 5.0), "coin_symbol": "OLD"}, {**cex("okx", 4.0), "coin_symbol": "OKB"})
    protocols = protocols_of(
        {"slug": "binance-cex", "category": "CEX", "tvl_usd": 7.0, **details}, {**dex("okx", 1.0), "url": "https://o"}
    )

    binance, okx, okx_dex = tvl_of(snapshot, protocols).rows(named=True)

    assert {column: binance[column] for column in details} == details
    assert (binance["tvl_usd"], binance["observed_at"], binance["source"]) == (5.0, moment(0), "defillama:cexs")
    assert {column: okx[column] for column in details} == dict.fromkeys(details) | {"symbol": "OKB"}
    assert (okx_dex["kind"], okx_dex["observed_at"], okx_dex["source"]) == ("dex", moment(1, 3), "defillama:protocols")


def test_an_exchange_without_a_slug_stands_under_its_name_and_each_under_its_key() -> None:
    snapshot = snapshot_of(cex("okx", 4.0), {"name": "Coinbase", "coingecko_id": "gdax"}, {"name": "Some Bank"})
    exchanges = exchange_map(listed_of("okex", "gdax"), snapshot, ids_of(), {"okex": "okx"}, [])

    tvl = tvl_of(snapshot, protocols_of(dex("x", 1.0)), exchanges)

    assert tvl.select("slug", "exchange_key").rows() == [
        ("coinbase", "gdax"),
        ("okx", "okex"),
        ("some-bank", "some-bank"),
        ("x", None),
    ]


def test_two_rows_of_one_slug_are_one_with_the_larger_tvl() -> None:
    assert tvl_of(snapshot_of(cex("a", 1.0), cex("a", 4.0), cex("a", None)))["tvl_usd"].to_list() == [4.0]


@pytest.mark.parametrize("n_cex", [0, 1])
def test_either_answer_may_be_missing(n_cex: int) -> None:
    snapshot, protocols = snapshot_of(*[cex("a", 1.0)] * n_cex), protocols_of(*[dex("x", 1.0)] * (1 - n_cex))

    assert tvl_of(snapshot, protocols)["tvl_dominance_pct"].to_list() == [100.0]
    assert tvl_of(snapshot_of()).is_empty()
