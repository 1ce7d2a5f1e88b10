"""Dividends and splits of chart answers, and prices that a split is still to be applied to."""

from __future__ import annotations

import logging
from datetime import UTC, date, datetime

import pytest

from marketflows_pipeline.providers.http.responses import ParseError
from marketflows_pipeline_tests.providers.yahoo.bodies import body, opening, read


def test_splits_are_new_shares_for_each_old_one() -> None:
    events = {
        "splits": {
            "a": {"date": opening(10), "numerator": 10, "denominator": 1, "splitRatio": "10:1"},
            "b": {"date": opening(13), "numerator": 1.0, "denominator": 4.0, "splitRatio": "1:4"},
        }
    }

    actions = read(body([opening(14)], [1.0], events=events)).actions

    assert actions.select("action", "value").rows() == [("split", 10.0), ("split", 0.25)]


def test_actions_after_the_span_are_given_since_prices_are_adjusted_for_them() -> None:
    split = {"date": opening(16), "numerator": 2, "denominator": 1}
    events = {
        "splits": {"a": split},
        "dividends": {"b": {"amount": 1.0, "date": opening(9)}, "c": {"amount": 0.5, "date": opening(16)}},
    }

    actions = read(body([opening(14)], [1.0], events=events), start=date(2026, 7, 10), end=date(2026, 7, 14)).actions

    assert actions.select("session", "action", "value").rows() == [
        (date(2026, 7, 16), "dividend", 0.5),
        (date(2026, 7, 16), "split", 2.0),
    ]


def test_a_split_of_the_open_session_is_given_since_prices_are_adjusted_for_it() -> None:
    events = {"splits": {"a": {"date": opening(15), "numerator": 10, "denominator": 1}}}

    history = read(
        body([opening(14), opening(15)], [10.0, 10.1], events=events), now=datetime(2026, 7, 15, 15, 0, tzinfo=UTC)
    )

    assert history.bars["session"].to_list() == [date(2026, 7, 14)]
    assert history.actions["session"].to_list() == [date(2026, 7, 15)]


def test_an_announced_split_or_dividend_is_left_out_until_its_session_opens() -> None:
    events = {
        "splits": {"a": {"date": opening(15), "numerator": 10, "denominator": 1}},
        "dividends": {"b": {"amount": 1.0, "date": opening(15)}},
    }
    answer = body([opening(14)], [100.0], events=events)

    assert read(answer, now=datetime(2026, 7, 15, 13, 29, tzinfo=UTC)).actions.is_empty()
    assert read(answer, now=datetime(2026, 7, 15, 13, 30, tzinfo=UTC)).actions.height == 2


@pytest.mark.parametrize(("numerator", "denominator", "after"), [(10, 1, 10.2), (1, 4, 396.0), (3, 2, 66.0)])
def test_prices_that_a_fresh_split_is_still_to_be_applied_to_are_refused(
    numerator: int, denominator: int, after: float
) -> None:
    events = {"splits": {"a": {"date": opening(15), "numerator": numerator, "denominator": denominator}}}

    with pytest.raises(ParseError, match=r"SPY was split .* for 1 on 2026-07-15, and its prices are not adjusted"):
        read(body([opening(14), opening(15)], [100.0, after], events=events))
    # Adjusted ones go on, be it with a large move.
    assert read(body([opening(14), opening(15)], [100.0, 97.0], events=events)).bars.height == 2
    assert read(body([opening(14), opening(15)], [100.0, 110.0], events=events)).bars.height == 2


def test_the_open_session_already_tells_that_prices_are_not_adjusted() -> None:
    events = {"splits": {"a": {"date": opening(15), "numerator": 10, "denominator": 1}}}

    with pytest.raises(ParseError, match="not adjusted for that yet"):
        read(
            body([opening(14), opening(15)], [100.0, 10.0], events=events), now=datetime(2026, 7, 15, 15, 0, tzinfo=UTC)
        )


def test_an_old_split_that_prices_are_not_adjusted_for_is_told(caplog: pytest.LogCaptureFixture) -> None:
    events = {"splits": {"a": {"date": opening(15), "numerator": 10, "denominator": 1}}}

    with caplog.at_level(logging.WARNING):
        history = read(
            body([opening(14), opening(15)], [100.0, 10.0], events=events), now=datetime(2026, 9, 15, tzinfo=UTC)
        )

    assert (history.bars.height, history.actions.height) == (2, 1)
    assert "SPY was split 10 for 1 on 2026-07-15" in caplog.text


def test_a_split_too_small_to_be_told_from_a_day_s_move_is_believed() -> None:
    events = {"splits": {"a": {"date": opening(15), "numerator": 21, "denominator": 20}}}

    assert read(body([opening(14), opening(15)], [100.0, 95.0], events=events)).actions.height == 1


def test_two_dividends_of_one_session_add_up_and_two_splits_multiply() -> None:
    events = {
        "dividends": {
            "a": {"amount": 0.5, "date": opening(14)},
            "b": {"amount": 0.25, "date": opening(14) + 60},
            "c": {"amount": 0.0, "date": opening(15)},
        },
        "splits": {
            "a": {"date": opening(14), "numerator": 2, "denominator": 1},
            "b": {"date": opening(14) + 60, "numerator": 3, "denominator": 1},
        },
    }

    actions = read(body([opening(14)], [1.0], events=events)).actions

    assert actions.select("action", "value").rows() == [("dividend", 0.75), ("split", 6.0)]
