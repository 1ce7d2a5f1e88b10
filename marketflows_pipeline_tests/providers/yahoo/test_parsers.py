"""Reading chart answers, each of a few bars made to be checked by eye."""

from __future__ import annotations

import logging
from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.errors import NotFoundError
from marketflows_pipeline.providers.http.responses import FailedResponseError, ParseError
from marketflows_pipeline.providers.protocols.cross_asset import ACTION_SCHEMA, BAR_SCHEMA
from marketflows_pipeline.providers.yahoo.parsers import SOURCE
from marketflows_pipeline_tests.providers.yahoo.bodies import UTC_ZONE, body, opening, read, stamp


def test_bars_and_actions_have_the_schemas_of_the_contract() -> None:
    history = read(
        body(
            [opening(16)],
            [101.5],
            open=[100.0],
            high=[102.0],
            low=[99.5],
            volume=[5_000_000],
            adjclose=[100.25],
            events={"dividends": {"1": {"amount": 1.25, "date": opening(16)}}},
        )
    )

    assert history.bars.schema == BAR_SCHEMA
    assert history.bars.row(0) == (
        "FUND", date(2026, 7, 16), 100.0, 102.0, 99.5, 101.5, 100.25, None, 5e6, "shares", SOURCE,
    )  # fmt: skip
    assert history.actions.schema == ACTION_SCHEMA
    assert history.actions.row(0) == ("FUND", date(2026, 7, 16), "dividend", 1.25, SOURCE)


def test_a_session_is_dated_in_new_york_in_winter_and_in_summer() -> None:
    # 09:30 in New York is 14:30 UTC on Friday 6 March, and 13:30 UTC on Monday 9 March 2026.
    stamps = [stamp(2026, 3, 6, 14, 30), stamp(2026, 3, 9, 13, 30)]

    assert read(body(stamps, [1.0, 2.0])).bars["session"].to_list() == [date(2026, 3, 6), date(2026, 3, 9)]


def test_a_stamp_late_in_the_evening_there_is_still_that_day() -> None:
    # Funds' prices are stamped with midnight there by some, which is 04:00 UTC; and 03:59 is the day before.
    stamps = [stamp(2026, 7, 15, 3, 59), stamp(2026, 7, 15, 4, 0)]

    assert read(body(stamps, [1.0, 2.0])).bars["session"].to_list() == [date(2026, 7, 14), date(2026, 7, 15)]


def test_a_coin_is_dated_in_utc_and_its_volume_is_dollars() -> None:
    # Midnight UTC is the evening before in New York.
    stamps = [stamp(2026, 7, 11), stamp(2026, 7, 12)]

    bars = read(body(stamps, [60_000.0, 61_000.0], kind="CRYPTOCURRENCY", zone=UTC_ZONE, volume=[3e10, 4e10])).bars

    assert bars["session"].to_list() == [date(2026, 7, 11), date(2026, 7, 12)]
    assert bars["volume"].to_list() == [3e10, 4e10]
    assert bars["volume_unit"].to_list() == ["usd", "usd"]


@pytest.mark.parametrize("kind", ["FUTURE", "CURRENCY", "INDEX"])
def test_volume_that_is_neither_shares_nor_dollars_is_unknown(kind: str) -> None:
    assert read(body([opening(15)], [2400.0], kind=kind)).bars["volume"].to_list() == [None]


@pytest.mark.parametrize(
    ("now", "expected"),
    [(datetime(2026, 7, 15, 20, 14, tzinfo=UTC), [14]), (datetime(2026, 7, 15, 20, 15, tzinfo=UTC), [14, 15])],
)
def test_a_fund_s_open_session_is_left_out_until_a_quarter_past_four(now: datetime, expected: list[int]) -> None:
    bars = read(body([opening(14), stamp(2026, 7, 15, 19, 59)], [1.0, 2.0]), now=now).bars

    assert bars["session"].dt.day().to_list() == expected


@pytest.mark.parametrize(
    ("now", "expected"),
    [(datetime(2026, 7, 15, 23, 59, tzinfo=UTC), [14]), (datetime(2026, 7, 16, 0, 0, tzinfo=UTC), [14, 15])],
)
def test_a_coin_s_open_day_is_left_out_until_midnight_utc(now: datetime, expected: list[int]) -> None:
    stamps = [stamp(2026, 7, 14), stamp(2026, 7, 15, 23, 58, 12)]

    bars = read(body(stamps, [1.0, 2.0], kind="CRYPTOCURRENCY", zone=UTC_ZONE), now=now).bars

    assert bars["session"].dt.day().to_list() == expected


def test_a_future_is_not_over_at_the_close_of_the_funds() -> None:
    answer = body([stamp(2026, 7, 15, 4, 0)], [2400.0], kind="FUTURE")

    assert read(answer, now=datetime(2026, 7, 15, 20, 30, tzinfo=UTC)).bars.is_empty()
    assert read(answer, now=datetime(2026, 7, 16, 4, 0, tzinfo=UTC)).bars.height == 1


def test_of_two_rows_of_one_session_the_last_with_a_close_counts() -> None:
    stamps = [opening(16), stamp(2026, 7, 16, 20, 0), opening(17), stamp(2026, 7, 17, 20, 0)]

    bars = read(body(stamps, [1.0, 1.5, 2.0, None], volume=[10, 11, 20, 21])).bars

    assert bars.select("close_usd", "volume").rows() == [(1.5, 11.0), (2.0, 20.0)]


def test_rows_in_any_order_come_out_by_session() -> None:
    assert read(body([opening(16), opening(14)], [2.0, 1.0])).bars["close_usd"].to_list() == [1.0, 2.0]


def test_sessions_without_a_close_are_left_out_and_a_missing_volume_stays_missing() -> None:
    bars = read(
        body([opening(14), opening(15), opening(16)], [1.0, None, 3.0], volume=[None, None, 0], open=[None, None, 3.0])
    ).bars

    assert bars["session"].dt.day().to_list() == [14, 16]
    assert bars["volume"].to_list() == [None, 0.0]
    assert bars["open_usd"].to_list() == [None, 3.0]


def test_prices_that_cannot_be_are_null_and_such_a_close_loses_the_row(caplog: pytest.LogCaptureFixture) -> None:
    stamps = [opening(13), opening(14), opening(15), opening(16)]

    with caplog.at_level(logging.WARNING):
        bars = read(
            body(
                stamps,
                [0.0, -1.0, -0.5, 4.0],
                open=[1.0, 1.0, 1.0, 0.0],
                high=[1.0, 1.0, 1.0, -1.0],
                low=[1.0, 1.0, 1.0, None],
                adjclose=[1.0, 1.0, 1.0, -2.0],
                volume=[1.0, 1.0, 1.0, -5.0],
            )
        ).bars

    prices = ["open_usd", "high_usd", "low_usd", "close_usd", "adjusted_close_usd", "volume"]
    assert bars.select(prices).rows() == [(None, None, None, 4.0, None, None)]
    assert [record.getMessage() for record in caplog.records] == [
        "yahoo FUND: 3 sessions left out whose close is not above 0"
    ]


def test_only_sessions_of_the_span_are_given() -> None:
    stamps = [opening(day) for day in (13, 14, 15, 16)]

    bars = read(body(stamps, [1.0, 2.0, 3.0, 4.0]), start=date(2026, 7, 14), end=date(2026, 7, 15)).bars

    assert bars["close_usd"].to_list() == [2.0, 3.0]


def test_an_answer_without_a_session_is_no_bars() -> None:
    answer = body(None, [])
    answer["chart"]["result"][0]["indicators"] = {"quote": [{}], "adjclose": [{}]}

    history = read(answer)

    assert (history.bars.height, history.actions.height) == (0, 0)
    assert history.bars.schema == BAR_SCHEMA
    assert history.actions.schema == ACTION_SCHEMA


def test_a_span_that_the_service_says_holds_nothing_is_no_bars() -> None:
    said = {"code": "Bad Request", "description": "Data doesn't exist for startDate = 1, endDate = 2"}

    history = read({"chart": {"result": None, "error": said}})

    assert history.bars.schema == BAR_SCHEMA
    assert history.bars.is_empty()


def test_adjusted_closes_may_be_absent_altogether() -> None:
    answer = body([opening(14)], [1.0])
    del answer["chart"]["result"][0]["indicators"]["adjclose"]

    assert read(answer).bars["adjusted_close_usd"].to_list() == [None]


def test_an_empty_shell_is_an_unknown_symbol() -> None:
    answer = body(None, [], meta={"currency": None, "firstTradeDate": None, "instrumentType": "MUTUALFUND"})
    answer["chart"]["result"][0]["indicators"] = {"quote": [{}], "adjclose": [{}]}

    with pytest.raises(FailedResponseError, match="the service does not know SPY") as refused:
        read(answer)
    assert refused.value.classification.kind is NotFoundError


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"currency": "GBp"}, "quoted in GBp; only prices in USD"),
        ({"currency": None}, "quoted in None; only prices in USD"),
        ({"dataGranularity": "1mo"}, "bars of 1mo came"),
        ({"symbol": "IVV"}, "SPY was requested, IVV returned"),
        ({"exchangeTimezoneName": "Nowhere/Else"}, "'Nowhere/Else', which is no time zone"),
        ({"exchangeTimezoneName": None}, "None, which is no time zone"),
        ({"instrumentType": None}, "`instrumentType` is missing"),
    ],
)
def test_an_answer_about_something_else_is_told_as_such(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ParseError, match=message):
        read(body([opening(14)], [1.0], meta=changed))


@pytest.mark.parametrize(
    "answer",
    [
        [],
        {},
        {"chart": None},
        {"chart": {"result": [], "error": None}},
        {"chart": {"result": None, "error": None}},
        {"chart": {"result": [{"meta": {}, "indicators": {}}]}},
        body([opening(14)], [1.0, 2.0]),
        body([opening(14)], [1.0], volume=[1.0, 2.0]),
    ],
)
def test_another_shape_is_refused(answer: object) -> None:
    with pytest.raises(ParseError):
        read(answer)


def test_closes_missing_altogether_are_another_shape() -> None:
    answer = body([opening(14)], [1.0])
    del answer["chart"]["result"][0]["indicators"]["quote"][0]["close"]

    with pytest.raises(ParseError, match=r"quote\[0\].close` is missing"):
        read(answer)


figures = st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.integers(-10, 10**12)


@given(
    rows=st.lists(
        st.tuples(st.integers(stamp(2026, 6, 8), stamp(2026, 7, 18, 3)), figures, figures, figures), max_size=40
    ),
    kind=st.sampled_from(["ETF", "CRYPTOCURRENCY", "FUTURE"]),
)
def test_whatever_the_figures_bars_are_sound_unique_and_of_complete_sessions(
    rows: list[tuple[int, float | None, float | None, float | None]], kind: str
) -> None:
    stamps, closes, opens, volumes = ([row[at] for row in rows] for at in range(4))
    answer = body(stamps, closes, kind=kind, open=opens, volume=volumes)  # type: ignore[arg-type]

    bars = read(answer, start=date(2026, 6, 10), end=date(2026, 7, 31)).bars

    assert bars["session"].is_sorted()
    assert bars["session"].is_unique().all()
    assert bars["session"].is_between(date(2026, 6, 10), date(2026, 7, 17)).all()
    assert bars["close_usd"].null_count() == 0
    prices = bars.select(pl.col(pl.Float64).exclude("as_traded_close_usd", "volume")).unpivot()["value"].drop_nulls()
    assert (prices > 0).all()
    assert prices.is_finite().all()
    assert (bars["volume"].drop_nulls() >= 0).all()
