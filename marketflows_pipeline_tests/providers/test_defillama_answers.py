from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketflows_pipeline.errors import (
    BadAnswerError,
    NotFoundError,
    PermanentProviderError,
    PlanLimitError,
    ProviderError,
    TransientProviderError,
)
from marketflows_pipeline.providers.defillama_answers import (
    classify,
    now_dates,
    read_cexs,
    read_exchange_protocols,
    read_reserves,
    slugify,
)
from marketflows_pipeline.providers.exchange_protocol import (
    CEX_SCHEMA,
    CEX_TVL_SCHEMA,
    PROTOCOL_SCHEMA,
    TOKEN_BALANCE_SCHEMA,
    ReservesHistory,
)
from marketflows_pipeline.providers.faults import Answer, RefusedError, ShapeError
from marketflows_pipeline_tests.fakes.defillama import NOT_FOUND, UPGRADE

DAY = 86_400
MONDAY = 1_789_344_000  # 2026-09-14 00:00 UTC
HTML = "<!DOCTYPE html><html><title>Attention Required!</title></html>"


def at(day: int, hours: float = 0.0) -> int:
    """Seconds since 1970 of an hour of a day, counted from that Monday."""
    return MONDAY + day * DAY + round(hours * 3600)


def moment(day: int, hours: float = 0.0) -> datetime:
    return datetime.fromtimestamp(at(day, hours), UTC)


def answer(status: int, body: str, kind: str = "text/plain") -> Answer:
    return Answer(status, {"content-type": kind}, body.encode())


def reserves(**body: Any) -> ReservesHistory:
    return read_reserves(json.dumps(body).encode(), "okx")


def total(date: float, usd: float | None) -> dict[str, Any]:
    return {"date": date, "totalLiquidityUSD": usd}


def held(date: float, **tokens: float | None) -> dict[str, Any]:
    return {"date": date, "tokens": tokens}


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
        (403, HTML, PermanentProviderError, "use another network"),
        (400, "There is no chain with that name: X", PermanentProviderError, "no chain"),
        (200, NOT_FOUND, NotFoundError, "Protocol not found"),
        (200, UPGRADE, PlanLimitError, "only a paid plan"),
        (200, "Internal server error", TransientProviderError, "Internal"),
        (200, "Something else", BadAnswerError, "not JSON"),
        (200, '{"cexs":[{"name":"Bin', BadAnswerError, "cut off"),
        (200, "", BadAnswerError, "an empty answer"),
        (200, HTML, BadAnswerError, "an HTML page"),
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
        (cexs({"slug": "okx"}), "`name` - at `$.cexs[0]`"),
        (cexs({"name": "A"}, {"name": "B", "currentTvl": "12"}), "at `$.cexs[1].currentTvl`"),
    ],
)
def test_an_overview_of_another_shape_is_told_by_place(body: str, place: str) -> None:
    with pytest.raises(ShapeError) as fault:
        read_cexs(body)

    assert place in str(fault.value)


def test_json_that_is_cut_off_after_a_brace_is_worth_asking_again() -> None:
    with pytest.raises(RefusedError) as refused:
        read_cexs('{"cexs":[{"name":"A"},{"name":"B"}')

    assert refused.value.fault.kind is BadAnswerError


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


def test_an_odd_row_matters_only_where_it_is_of_an_exchange() -> None:
    odd = {"name": "Odd", "slug": 5, "category": "Bridge"}
    good = {"name": "A", "slug": "a", "category": "CEX"}

    assert read_exchange_protocols(json.dumps([odd, good])).height == 1
    with pytest.raises(ShapeError, match=r"row 1: Expected `str`, got `int` - at `\$.slug`"):
        read_exchange_protocols(json.dumps([good, odd | {"category": "CEX"}]))


def test_totals_and_tokens_are_read_at_their_own_dates() -> None:
    history = reserves(
        tvl=[total(at(0), 100), total(at(1), 110)],
        tokens=[held(at(0), BTC=2.0, ETH=5.0), held(at(1), BTC=1.5)],
        tokensInUsd=[held(at(0), BTC=80.0, ETH=20.0), held(at(1), BTC=110.0)],
        chainTvls={"Bitcoin": {"tvl": "whatever"}},
    )

    assert history.tvl.schema == CEX_TVL_SCHEMA
    assert history.tvl.rows() == [("okx", moment(0), 100.0, False), ("okx", moment(1), 110.0, False)]
    assert history.balances.schema == TOKEN_BALANCE_SCHEMA
    assert history.balances.rows() == [
        ("okx", moment(0), "BTC", 2.0, 80.0, False),
        ("okx", moment(0), "ETH", 5.0, 20.0, False),
        ("okx", moment(1), "BTC", 1.5, 110.0, False),
    ]


def test_arrays_are_joined_by_date_and_not_by_place() -> None:
    history = reserves(
        tvl=[total(at(0), 100), total(at(1), 110), total(at(2), 120)],
        tokens=[held(at(1), BTC=1.0), held(at(2), BTC=2.0)],
        tokensInUsd=[held(at(2), BTC=120.0), held(at(0), BTC=100.0)],
    )

    assert history.tvl["tvl_usd"].to_list() == [100.0, 110.0, 120.0]
    assert history.balances.select("ts", "quantity", "value_usd").rows() == [
        (moment(0), None, 100.0),
        (moment(1), 1.0, None),
        (moment(2), 2.0, 120.0),
    ]


@pytest.mark.parametrize("nothing", [{"tokens": None, "tokensInUsd": None}, {"tokens": [], "tokensInUsd": []}, {}])
def test_where_nothing_is_broken_down_there_are_totals_and_no_balances(nothing: dict[str, Any]) -> None:
    history = reserves(tvl=[total(at(0), 100)], misrepresentedTokens=True, **nothing)

    assert history.tvl.height == 1
    assert history.balances.is_empty()
    assert history.balances.schema == TOKEN_BALANCE_SCHEMA


def test_a_record_without_a_total_is_left_out_and_a_token_without_a_figure_is_null() -> None:
    history = reserves(
        tvl=[total(at(0), None), total(at(1), 110)],
        tokens=[held(at(1), BTC=None), {"date": at(0), "tokens": None}],
        tokensInUsd=[held(at(1), BTC=110.0)],
    )

    assert history.tvl["ts"].to_list() == [moment(1)]
    assert history.balances.select("ts", "quantity", "value_usd").rows() == [(moment(1), None, 110.0)]


def test_of_two_records_of_a_moment_the_later_one_holds() -> None:
    history = reserves(
        tvl=[total(at(0), 1), total(at(0), 2)], tokens=[held(at(0), BTC=1.0, ETH=1.0), held(at(0), BTC=2.0)]
    )

    assert history.tvl["tvl_usd"].to_list() == [2.0]
    assert history.balances.select("token", "quantity").rows() == [("BTC", 2.0)]


def test_the_moment_of_asking_is_told_in_both_frames() -> None:
    history = reserves(
        tvl=[total(at(0), 100), total(at(1, 0.1), 110), total(at(1, 15), 120)],
        tokens=[held(at(1, 0.1), BTC=1.0), held(at(1, 15), BTC=2.0)],
        tokensInUsd=[held(at(1, 15), BTC=120.0)],
    )

    assert history.tvl["is_now"].to_list() == [False, False, True]
    assert history.balances["is_now"].to_list() == [False, True]


@pytest.mark.parametrize(
    ("arrays", "now"),
    [
        pytest.param([[at(0), at(1), at(1, 5)]], {at(1, 5)}, id="second of its day"),
        pytest.param([[at(0), at(1), at(1, 0.5)]], {at(1, 0.5)}, id="second of its day, soon after midnight"),
        pytest.param([[at(0), at(1, 5)]], {at(1, 5)}, id="first of its day, far from midnight"),
        pytest.param([[at(0), at(1, 0.2)]], set(), id="the day's own first record"),
        pytest.param([[at(0), at(1)]], set(), id="days only"),
        pytest.param([[at(0), at(0, 3), at(1)]], set(), id="two records of a day that is over"),
        pytest.param([[at(0, 5)]], {at(0, 5)}, id="nothing before it"),
        pytest.param([[at(0)], []], set(), id="an empty array"),
        pytest.param([[], []], set(), id="nothing at all"),
        pytest.param([[at(0), at(0, 9)], [at(0), at(0, 8)]], {at(0, 9), at(0, 8)}, id="arrays that end apart"),
        pytest.param([[at(0), at(3, 9)], [at(0, 5)]], {at(3, 9)}, id="an array that ended long ago at an odd hour"),
    ],
)
def test_now_is_told_from_the_days(arrays: list[list[float]], now: set[float]) -> None:
    assert now_dates(arrays) == now


@given(st.lists(st.lists(st.integers(at(0), at(20)), unique=True).map(sorted), max_size=3))
def test_only_the_last_record_of_an_array_can_be_now(arrays: list[list[float]]) -> None:
    assert now_dates(arrays) <= {dates[-1] for dates in arrays if dates}


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({}, "missing required field `tvl`"),
        ({"tvl": [{"totalLiquidityUSD": 1}]}, "at `$.tvl[0]`"),
        ({"tvl": [total(at(0), 1), {"date": "x"}]}, "at `$.tvl[1].date`"),
        ({"tvl": [total(at(0) * 1000, 1)]}, "at `$.tvl[0].date`"),
        ({"tvl": [], "tokens": [held(at(0))], "tokensInUsd": [{"date": 1, "tokens": [5]}]}, "at `$.tokensInUsd[0]"),
        ({"tvl": {}}, "at `$.tvl`"),
    ],
)
def test_reserves_of_another_shape_are_told_by_place(body: dict[str, Any], place: str) -> None:
    with pytest.raises(ShapeError) as fault:
        reserves(**body)

    assert place in str(fault.value)
    assert "\n" not in str(fault.value)


@pytest.mark.parametrize("content", [b"", b'{"tvl":[{"date":1,"totalLiquidityUSD":2}', b"Internal server error"])
def test_what_is_no_json_is_no_reserves(content: bytes) -> None:
    with pytest.raises(ShapeError):
        read_reserves(content, "okx")


@pytest.mark.parametrize("figure", ["1e999", "NaN", "-Infinity"])
def test_a_figure_that_is_not_finite_is_no_json(figure: str) -> None:
    with pytest.raises(ShapeError):
        read_reserves(f'{{"tvl":[{{"date":{at(0)},"totalLiquidityUSD":{figure}}}]}}'.encode(), "okx")


_TOKENS = st.dictionaries(st.sampled_from("ABCDE"), st.none() | st.floats(0, 1e12), max_size=4)
_ARRAY = st.dictionaries(st.integers(at(0), at(30)), _TOKENS, max_size=6)


@settings(max_examples=60)
@given(_ARRAY, _ARRAY)
def test_nothing_is_lost_or_made_up_on_the_way_to_rows(
    quantities: dict[int, dict[str, float | None]], values: dict[int, dict[str, float | None]]
) -> None:
    def array(figures: dict[int, dict[str, float | None]]) -> list[dict[str, Any]]:
        return [{"date": date, "tokens": tokens} for date, tokens in figures.items()]

    balances = reserves(tvl=[], tokens=array(quantities), tokensInUsd=array(values)).balances

    expected = {
        (date, token): (quantities.get(date, {}).get(token), values.get(date, {}).get(token))
        for figures in (quantities, values)
        for date, tokens in figures.items()
        for token in tokens
    }
    found = {
        (round(ts.timestamp()), token): (quantity, value) for _, ts, token, quantity, value, _ in balances.iter_rows()
    }
    assert found == expected
    assert balances.height == len(expected)
    assert balances.equals(balances.sort("ts", "token"))


def test_times_are_seconds_in_utc() -> None:
    history = reserves(tvl=[total(at(0, 1.5), 1)])

    assert history.tvl["ts"].to_list() == [datetime(2026, 9, 14, 1, 30, tzinfo=UTC)]
    assert moment(1) - moment(0) == timedelta(days=1)
