from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.providers.defillama.reserves_parser import now_dates, read_reserves
from marketflows_pipeline.providers.http.responses import FailedResponseError, ParseError
from marketflows_pipeline.providers.protocols.exchanges import CEX_TVL_SCHEMA, TOKEN_BALANCE_SCHEMA, ReservesHistory
from marketflows_pipeline.transforms.time_span import TimeSpan

SPAN = TimeSpan.ever(datetime(2009, 1, 1, tzinfo=UTC), now=datetime(2026, 11, 1, tzinfo=UTC))
DAY = 86_400
MONDAY = 1_789_344_000  # 2026-09-14 00:00 UTC


def at(day: int, hours: float = 0.0) -> int:
    """Seconds since 1970 of an hour of a day, counted from that Monday."""
    return MONDAY + day * DAY + round(hours * 3600)


def moment(day: int, hours: float = 0.0) -> datetime:
    return datetime.fromtimestamp(at(day, hours), UTC)


def reserves(**body: Any) -> ReservesHistory:
    return read_reserves(json.dumps(body).encode(), "okx", SPAN)


def total(date: float, usd: float | None) -> dict[str, Any]:
    return {"date": date, "totalLiquidityUSD": usd}


def held(date: float, **tokens: float | None) -> dict[str, Any]:
    return {"date": date, "tokens": tokens}


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
        ({"tvl": {}}, "at `$.tvl`"),
    ],
)
def test_reserves_of_another_shape_are_told_by_place(body: dict[str, Any], place: str) -> None:
    with pytest.raises(ParseError) as fault:
        reserves(**body)

    assert place in str(fault.value)
    assert "\n" not in str(fault.value)


@pytest.mark.parametrize("content", [b"", b'{"tvl":[{"date":1,"totalLiquidityUSD":2}', b"Internal server error"])
def test_what_is_cut_off_or_no_json_is_no_reserves_and_may_pass(content: bytes) -> None:
    """Half an answer that happened to end in a bracket once counted as one of another shape, never asked for again."""
    with pytest.raises(FailedResponseError) as refused:
        read_reserves(content, "okx", SPAN)
    assert refused.value.classification.is_transient


_TOKENS = st.dictionaries(st.sampled_from("ABCDE"), st.none() | st.floats(0, 1e12), max_size=4)
_ARRAY = st.dictionaries(st.integers(at(0), at(30)), _TOKENS, max_size=6)


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
