from __future__ import annotations

import json
import logging
from typing import Any

import polars as pl
import pytest

from marketflows_pipeline.errors import (
    BadResponseError,
    NotFoundError,
    PermanentProviderError,
    PlanLimitError,
    ProviderError,
    TransientProviderError,
    UnexpectedResponseError,
)
from marketflows_pipeline.providers.defillama.errors import classify
from marketflows_pipeline.providers.defillama.parsers import (
    read_cexs,
    read_exchange_protocols,
    slugify,
)
from marketflows_pipeline.providers.http.responses import FailedResponseError, ParseError, Response
from marketflows_pipeline.providers.protocols.exchanges import (
    CEX_SCHEMA,
    PROTOCOL_SCHEMA,
)
from marketflows_pipeline_tests.fakes.defillama.service import NOT_FOUND, UPGRADE

HTML = "<!DOCTYPE html><html><title>Attention Required!</title></html>"


def answer(status: int, body: str, kind: str = "text/plain") -> Response:
    return Response(status, {"content-type": kind}, body.encode())


def cexs(*rows: dict[str, Any], ids: list[str] | None = None) -> str:
    return json.dumps({"cexs": list(rows), "cg_volume_cexs": ids or []})


@pytest.mark.parametrize(
    ("status", "body", "kind", "said"),
    [
        (400, NOT_FOUND, NotFoundError, "Protocol not found"),
        (404, NOT_FOUND, NotFoundError, "Protocol not found"),
        (404, "Data not found", NotFoundError, "Data not found"),
        (400, "No data", NotFoundError, "No data"),
        (402, UPGRADE, PlanLimitError, "only a paid plan"),
        (402, "", PlanLimitError, "only a paid plan"),
        (400, "Internal server error", TransientProviderError, "Internal server error"),
        (500, "Internal Error", TransientProviderError, "Internal Error"),
        (502, "Bad Gateway", TransientProviderError, "Bad Gateway"),
        (522, HTML, TransientProviderError, "Attention Required!"),
        (429, HTML, TransientProviderError, "Attention Required!"),
        (429, "Too Many Requests", TransientProviderError, "Too Many"),
        (403, HTML, UnexpectedResponseError, "use another network"),
        (400, "There is no chain with that name: X", PermanentProviderError, "no chain"),
        (200, NOT_FOUND, NotFoundError, "Protocol not found"),
        (200, UPGRADE, PlanLimitError, "only a paid plan"),
        (200, "Internal server error", TransientProviderError, "Internal"),
        (200, "Something else", BadResponseError, "not JSON"),
        (200, '{"cexs":[{"name":"Bin', BadResponseError, "truncated"),
        (200, "", BadResponseError, "an empty response"),
        (200, HTML, BadResponseError, "an HTML page"),
    ],
)
def test_every_error_text_is_told_by_what_it_says(status: int, body: str, kind: type[ProviderError], said: str) -> None:
    fault = classify(answer(status, body))

    assert fault is not None
    assert fault.kind is kind
    assert said in fault.message
    assert "\n" not in fault.message


def test_an_error_text_that_is_labelled_as_a_page_is_still_told() -> None:
    fault = classify(answer(400, NOT_FOUND, "text/html; charset=utf-8"))

    assert fault is not None
    assert fault.kind is NotFoundError


@pytest.mark.parametrize("body", ['{"cexs":[]}', "[]", ' {"tvl":[]}\n'])
def test_json_is_an_answer(body: str) -> None:
    assert classify(answer(200, body, "application/json")) is None


@pytest.mark.parametrize(
    ("name", "slug"),
    [("Binance-CEX", "binance-cex"), ("WOO X", "woo-x"), ("Trader Joe's Book", "trader-joes-book"), ("", "")],
)
def test_a_slug_is_spelled_as_the_service_spells_addresses(name: str, slug: str) -> None:
    assert slugify(name) == slug


def test_an_exchange_is_read_with_the_figures_it_has() -> None:
    row = {
        "name": "Bybit", "slug": "Bybit", "coin": "BIT", "coinSymbol": "BIT", "ownTokens": ["MNT", "BIT"],
        "cgId": "bybit_spot", "cgSpotId": "bybit-spot", "cgDeriv": "bybit", "tvl": 0,
        "currentTvl": 13e9, "cleanAssetsTvl": 12e9, "inflows_24h": -27.5, "inflows_1w": 0, "inflows_1m": -1,
        "spotVolume": 6e8, "derivVolume": 9e9, "oi": 6e9, "leverage": 0.5,
    }  # fmt: skip

    exchanges = read_cexs(cexs(row)).exchanges

    assert exchanges.schema == CEX_SCHEMA
    assert exchanges.row(0) == (
        "Bybit", "bybit", "bybit_spot", "BIT", "BIT,MNT", 13e9, 12e9, -27.5, 0.0, -1.0, 6e8, 9e9, 6e9, 0.5,
    )  # fmt: skip


def test_what_is_absent_or_null_or_cannot_be_is_null_and_never_the_zero_beside_it() -> None:
    nothing = {"name": "Upbit", "tvl": 0}
    nulls = {"name": "Coinbase", "tvl": 0, "slug": "", "coin": None, "currentTvl": None, "inflows_24h": None}
    wrong = {"name": "Odd", "tvl": 0, "currentTvl": -1.0, "spotVolume": -5}

    exchanges = read_cexs(cexs(nothing, nulls, wrong)).exchanges

    assert exchanges["name"].to_list() == ["Upbit", "Coinbase", "Odd"]
    assert exchanges.drop("name").select(pl.all().is_null().all()).row(0) == (True,) * 13


def test_a_zero_that_was_measured_stays_a_zero() -> None:
    exchanges = read_cexs(cexs({"name": "A", "currentTvl": 0, "inflows_24h": 0.0, "spotVolume": 0})).exchanges

    assert exchanges.select("current_tvl_usd", "inflows_24h_usd", "spot_volume_usd").row(0) == (0.0, 0.0, 0.0)


def test_of_two_rows_of_a_name_the_first_is_kept_in_its_place() -> None:
    rows: list[dict[str, Any]] = [
        {"name": name, "currentTvl": usd} for name, usd in (("A", 1.0), ("B", 2.0), ("A", 3.0))
    ]

    exchanges = read_cexs(cexs(*rows)).exchanges

    assert exchanges.select("name", "current_tvl_usd").rows() == [("A", 1.0), ("B", 2.0)]


def test_the_id_of_a_market_stands_in_where_the_exchange_has_none() -> None:
    rows: list[dict[str, Any]] = [{"name": "Deribit", "cgSpotId": "deribit"}, {"name": "Robinhood", "cgId": None}]

    assert read_cexs(cexs(*rows)).exchanges["coingecko_id"].to_list() == ["deribit", None]


def test_a_listed_exchange_is_centralised_also_where_the_list_of_ids_misspells_it() -> None:
    overview = read_cexs(cexs({"name": "Bybit", "cgId": "bybit_spot"}, {"name": "NEXO"}, ids=["bybit-spot", "gdax"]))

    assert overview.centralised_ids == ("bybit-spot", "gdax", "bybit_spot")


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ("[]", "Expected `object`, got `array`"),
        ('{"cg_volume_cexs":[]}', "`cexs`"),
        (cexs(), "an empty list of exchanges"),
    ],
)
def test_an_overview_of_another_shape_is_told_by_place(body: str, place: str) -> None:
    with pytest.raises(ParseError) as fault:
        read_cexs(body)

    assert place in str(fault.value)


def test_json_that_is_cut_off_after_a_brace_is_worth_asking_again() -> None:
    with pytest.raises(FailedResponseError) as refused:
        read_cexs('{"cexs":[{"name":"A"},{"name":"B"}')

    assert refused.value.classification.kind is BadResponseError


def test_only_exchanges_and_their_decentralised_kin_are_kept() -> None:
    rows = [
        {"name": name, "slug": name.lower(), "category": category, "tvl": 1.0}
        for name, category in (("A", "CEX"), ("B", "Dexs"), ("C", "DEXs"), ("D", "cex"), ("E", None), ("F", "Bridge"))
    ]

    assert read_exchange_protocols(json.dumps(rows))["slug"].to_list() == ["a", "b"]


def test_a_protocol_is_read_with_what_it_has() -> None:
    whole: dict[str, Any] = {
        "name": "Uniswap V3", "slug": "uniswap-v3", "category": "Dexs", "symbol": "UNI",
        "parentProtocol": "parent#uniswap", "chains": ["Ethereum", "Arbitrum"], "tvl": 4e9, "change_1h": 0.1,
        "change_1d": -1.5, "change_7d": None, "mcap": 6e9, "url": "https://uniswap.org", "chainTvls": {"Ethereum": 1},
    }  # fmt: skip
    bare: dict[str, Any] = {
        "name": "New",
        "slug": "new",
        "category": "Dexs",
        "symbol": "-",
        "tvl": None,
        "chains": [],
        "mcap": None,
    }

    protocols = read_exchange_protocols(json.dumps([whole, bare]))

    assert protocols.schema == PROTOCOL_SCHEMA
    assert protocols.rows() == [
        ("uniswap-v3", "Uniswap V3", "Dexs", "UNI", "parent#uniswap", "Ethereum,Arbitrum", 4e9, -1.5, None, 6e9,
         "https://uniswap.org"),
        ("new", "New", "Dexs", *[None] * 8),
    ]  # fmt: skip


def test_of_two_protocols_of_a_slug_the_first_is_kept() -> None:
    rows = [{"name": "A", "slug": "a", "category": "CEX", "tvl": usd} for usd in (1.0, 2.0)]

    assert read_exchange_protocols(json.dumps(rows))["tvl_usd"].to_list() == [1.0]


def test_an_odd_row_matters_only_where_it_is_of_an_exchange(caplog: pytest.LogCaptureFixture) -> None:
    odd = {"name": "Odd", "slug": 5, "category": "Bridge"}
    good = {"name": "A", "slug": "a", "category": "CEX"}

    with caplog.at_level(logging.WARNING):
        assert read_exchange_protocols(json.dumps([odd, good])).height == 1
        assert not caplog.records
        assert read_exchange_protocols(json.dumps([good, odd | {"category": "CEX"}])).height == 1
    assert "1 of 2 rows left out: row 1 (Odd): `slug`: expected `str`, found int '5'" in caplog.text
