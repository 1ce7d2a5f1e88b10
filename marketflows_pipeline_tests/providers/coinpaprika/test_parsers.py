"""CoinPaprika's answers as frames, on bodies small enough to check by eye."""

from __future__ import annotations

import json
import logging
import math
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.providers.coinpaprika.parsers import (
    CAP_CHANGE,
    TICKER_SCHEMA,
    Tag,
    read_coins,
    read_contracts,
    read_history,
    read_tag,
    read_tags,
    read_ticker,
    read_tickers,
)
from marketflows_pipeline.providers.http.responses import ParseError
from marketflows_pipeline.providers.protocols.market_caps import HISTORY_SCHEMA
from marketflows_pipeline.transforms.time_span import COINS_SINCE, TimeSpan

NOW = datetime(2026, 10, 10, 12, 0, tzinfo=UTC)
SPAN = TimeSpan.ever(COINS_SINCE, now=NOW)


def ticker(**changed: Any) -> dict[str, Any]:
    return {
        "id": "moss-green-moss",
        "name": "Green Moss",
        "symbol": "MOSS",
        "rank": 7,
        "total_supply": 42,
        "max_supply": 0,
        "beta_value": 0.5,
        "first_data_at": "2020-02-29T00:00:00Z",
        "last_updated": "2026-10-10T11:58:03Z",
    } | changed


def quoted(**figures: Any) -> dict[str, Any]:
    quote = {
        "price": 2.5,
        "volume_24h": 31.25,
        "market_cap": 105,
        "market_cap_change_24h": 4.5,
        "percent_change_24h": 4.25,
        "percent_change_7d": -8.5,
        "percent_change_30d": 12,
    }
    return {"USD": quote | figures}


def one(row: dict[str, Any]) -> dict[str, Any]:
    return read_ticker(row, NOW).row(0, named=True)


def test_a_ticker_is_a_row_of_its_figures() -> None:
    assert read_ticker(ticker(quotes=quoted()), NOW).schema == TICKER_SCHEMA
    assert one(ticker(quotes=quoted())) == {
        "coin_id": "moss-green-moss",
        "symbol": "moss",
        "name": "Green Moss",
        "market_cap_usd": 105.0,
        "price_usd": 2.5,
        "volume_usd": 31.25,
        "price_change_24h_pct": 4.25,
        "price_change_7d_pct": -8.5,
        "price_change_30d_pct": 12.0,
        "circulating_supply": None,
        "market_cap_rank": 7,
        "last_updated": datetime(2026, 10, 10, 11, 58, 3, tzinfo=UTC),
        "with_rehypothecated": False,
        "source": "coinpaprika:tickers",
        CAP_CHANGE: 4.5,
    }


@pytest.mark.parametrize("unknown", ["", None])
def test_an_empty_text_for_a_number_is_null(unknown: object) -> None:
    keys = ("price", "volume_24h", "market_cap", "percent_change_24h", "percent_change_7d", "market_cap_change_24h")
    row = one(ticker(rank=unknown, circulating_supply=unknown, quotes=quoted(**dict.fromkeys(keys, unknown))))

    null = {key for key, value in row.items() if value is None}
    assert null == {
        *("market_cap_usd", "price_usd", "volume_usd", "price_change_24h_pct", "price_change_7d_pct"),
        *("circulating_supply", "market_cap_rank", CAP_CHANGE),
    }


def test_caps_ranks_and_supplies_of_0_are_unknown_and_a_volume_of_0_is_one() -> None:
    row = one(ticker(rank=0, circulating_supply=0, quotes=quoted(market_cap=0, volume_24h=0)))

    assert (row["market_cap_usd"], row["market_cap_rank"], row["circulating_supply"]) == (None, None, None)
    assert (row["volume_usd"], row["price_usd"]) == (0.0, 2.5)


def test_a_supply_stands_where_the_plan_has_it() -> None:
    assert one(ticker(circulating_supply=18_446_975, quotes=quoted()))["circulating_supply"] == 18_446_975.0


@pytest.mark.parametrize(
    ("age", "changes"), [(5, (0.0, None, None)), (8, (0.0, 0.0, None)), (31, (0.0, 0.0, 0.0)), (0, (None, None, None))]
)
def test_a_change_of_0_over_more_than_a_coins_life_is_none(age: int, changes: tuple[float | None, ...]) -> None:
    periods = ("24h", "7d", "30d")
    began = f"{datetime(2026, 10, 10, 0, tzinfo=UTC) - timedelta(days=age):%Y-%m-%dT%H:%M:%SZ}"
    row = one(ticker(first_data_at=began, quotes=quoted(**{f"percent_change_{each}": 0 for each in periods})))

    assert tuple(row[f"price_change_{each}_pct"] for each in periods) == changes


@pytest.mark.parametrize("began", ["2026-10-10", "never", "", None, 7])
def test_when_a_coin_began_need_not_be_known(began: object) -> None:
    row = one(ticker(first_data_at=began, quotes=quoted(percent_change_7d=0, percent_change_30d=1)))

    assert row["price_change_30d_pct"] == 1.0
    assert row["price_change_7d_pct"] == (None if began == "2026-10-10" else 0.0)


@pytest.mark.parametrize("updated", [None, ""])
def test_a_ticker_without_a_time_has_none(updated: object) -> None:
    assert one(ticker(last_updated=updated, quotes=quoted()))["last_updated"] is None


def test_what_only_describes_is_null_where_it_is_odd_and_named(caplog: pytest.LogCaptureFixture) -> None:
    odd = ticker(rank="first", circulating_supply=[], quotes=quoted(percent_change_24h="up", market_cap_change_24h={}))
    with caplog.at_level(logging.WARNING):
        (row,) = read_tickers([odd], NOW).rows.to_dicts()

    assert row["market_cap_usd"] == 105.0
    assert (row["market_cap_rank"], row["circulating_supply"], row["price_change_24h_pct"]) == (None, None, None)
    assert "4 values read as null" in caplog.text


def test_the_list_is_by_falling_cap_each_coin_once_those_without_a_cap_last() -> None:
    caps = {"a-a": 5, "b-b": 0, "c-c": 9, "d-d": 5}
    rows = [ticker(id=coin_id, quotes=quoted(market_cap=cap)) for coin_id, cap in caps.items()]

    found = read_tickers([*rows, ticker(id="a-a", quotes=quoted(market_cap=1))], NOW).rows

    assert found.select("coin_id", "market_cap_usd").rows() == [("c-c", 9.0), ("a-a", 5.0), ("d-d", 5.0), ("b-b", None)]


@pytest.mark.parametrize(
    "body", [{"error": "id not found"}, {}, None, "[]", [], [ticker()], [ticker(quotes={"USD": 1})] * 2]
)
def test_a_list_that_is_none_or_empty_or_spoilt_is_no_answer(body: object) -> None:
    if body == [ticker()]:
        assert read_tickers([ticker(quotes=quoted())], NOW).rows.height == 1
        body = body * 2
    with pytest.raises(ParseError):
        read_tickers(body, NOW)


def tick(day: int, cap: Any = 9, **changed: Any) -> dict[str, Any]:
    return {"timestamp": f"2026-10-{day:02}T00:00:00Z", "price": 1.25, "volume_24h": 3, "market_cap": cap} | changed


def test_ticks_are_observations_by_time_and_of_two_the_later_one() -> None:
    history = read_history([tick(3, 30), tick(1, 0), tick(2, ""), tick(3, 33, price=None)], "a-a", SPAN)

    assert history.schema == HISTORY_SCHEMA
    assert history.select("ts", "market_cap_usd", "price_usd").rows() == [
        (datetime(2026, 10, 1, tzinfo=UTC), None, 1.25),
        (datetime(2026, 10, 2, tzinfo=UTC), None, 1.25),
        (datetime(2026, 10, 3, tzinfo=UTC), 33.0, None),
    ]
    assert set(history["source"]) == {"coinpaprika:historical"}


def test_no_ticks_are_a_history_and_an_object_is_none() -> None:
    assert read_history([], "a-a", SPAN).schema == HISTORY_SCHEMA
    with pytest.raises(ParseError, match="expected a list of ticks, found an object with keys"):
        read_history({"message": "no"}, "a-a", SPAN)


@given(days=st.lists(st.integers(1, 9), min_size=1))
def test_whatever_the_order_each_moment_comes_once_and_in_order(days: list[int]) -> None:
    history = read_history([tick(day, cap) for cap, day in enumerate(days, 1)], "a-a", SPAN)

    last = {day: cap for cap, day in enumerate(days, 1)}
    assert [moment.day for moment in history["ts"]] == sorted(last)
    assert history["market_cap_usd"].to_list() == [float(last[day]) for day in sorted(last)]


@given(cap=st.integers(-10, 10**18) | st.floats() | st.just(""))
def test_a_cap_is_a_usable_number_or_null_or_spoils_its_row(cap: Any) -> None:
    rows = [ticker(id="a-a", quotes=quoted()), ticker(id="b-b", quotes=quoted(market_cap=cap))]
    caps = dict(read_tickers(rows, NOW).rows.select("coin_id", "market_cap_usd").iter_rows())

    assert caps["a-a"] == 105.0
    if isinstance(cap, str) or cap == 0:
        assert caps["b-b"] is None
    elif not math.isfinite(cap) or cap > 1e15:
        assert "b-b" not in caps
    else:
        assert caps["b-b"] == pytest.approx(cap)


def test_a_coin_is_active_unless_it_is_said_not_to_be() -> None:
    row = {"id": "a-a", "name": "A", "symbol": "AAA"}
    rows = [row | {"is_active": False}, row | {"id": "b-b"}, row | {"id": "c-c", "is_active": "yes"}]

    assert read_coins(rows).rows() == [
        ("a-a", "aaa", "A", False),
        ("b-b", "aaa", "A", True),
        ("c-c", "aaa", "A", True),
    ]


def test_tags_name_their_coins_or_nobody_knows_them(caplog: pytest.LogCaptureFixture) -> None:
    rows = [
        {"id": "defi", "name": "DeFi", "coins": ["a-a", "b-b", "a-a"]},
        {"id": "op-token", "name": "Op", "coins": None},
        {"id": "nft", "name": "NFT"},
        {"id": "odd", "name": "Odd", "coins": ["a-a", 7, None, "b\0", {}]},
    ]

    tags = read_tags(rows)

    assert tags == {
        "defi": Tag("DeFi", frozenset({"a-a", "b-b"})),
        "op-token": Tag("Op", None),
        "nft": Tag("NFT", None),
        "odd": Tag("Odd", frozenset({"a-a"})),
    }
    assert "row 3 (odd): `coins` should be ids, but 4 are none" in caplog.text
    assert read_tag(rows[0]) == tags["defi"]


@pytest.mark.parametrize("body", [{}, [], "tags", [{"id": "a", "name": "A", "coins": "a-a"}] * 2])
def test_what_is_no_list_of_tags_is_no_answer(body: object) -> None:
    with pytest.raises(ParseError):
        read_tags(body)


def test_contracts_are_pairs_of_address_and_id_in_use() -> None:
    rows = [
        {"address": "0xAb", "type": "ERC20", "id": "a-a", "active": True},
        {"address": "0xAb", "type": "ERC20", "id": "a-a", "active": True},
        {"address": "0xCd", "type": "ERC20", "id": "b-b", "active": False},
        {"address": "0xEf", "type": "Other", "id": "c-c"},
    ]

    assert read_contracts(rows).rows() == [("0xAb", "a-a"), ("0xEf", "c-c")]
    assert read_contracts([]).schema == {"address": pl.String(), "coin_id": pl.String()}


def test_numbers_of_any_length_come_from_json_as_they_are() -> None:
    body = json.loads(json.dumps([ticker(quotes=quoted(price=71370.71020525187, market_cap=1426427932261))]))

    (row,) = read_tickers(body, NOW).rows.to_dicts()
    assert (row["price_usd"], row["market_cap_usd"]) == (71370.71020525187, 1426427932261.0)


def test_a_text_for_a_number_is_named_in_one_short_line(caplog: pytest.LogCaptureFixture) -> None:
    """A cap of a megabyte of text stood whole in the log, beside no word of what was expected."""
    read_tickers([ticker(quotes=quoted(market_cap="x" * 5_000)), *[ticker(quotes=quoted())] * 20], NOW)

    assert "`market_cap`: expected a number, found str 'xxx" in caplog.text
    assert len(caplog.text) < 1_000
