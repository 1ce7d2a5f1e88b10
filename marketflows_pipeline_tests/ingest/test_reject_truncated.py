"""A long history is never replaced by a short one."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.errors import UnexpectedResponseError
from marketflows_pipeline.ingest.reject_truncated import reject_truncated

DAY_ONE = date(2020, 1, 1)


def days(numbers: Iterable[int]) -> pl.DataFrame:
    return pl.DataFrame(
        {"session": [DAY_ONE + timedelta(days=number) for number in numbers]}, schema={"session": pl.Date}
    )


def refuse(stored: Iterable[int], fetched: Iterable[int], **span: date) -> None:
    reject_truncated(days(stored), days(fetched), what="SPY", provider="yahoo", **span)


def is_refused(stored: Iterable[int], fetched: Iterable[int], **span: date) -> bool:
    try:
        refuse(stored, fetched, **span)
    except UnexpectedResponseError:
        return True
    return False


def test_twelve_rows_do_not_replace_thousands_and_the_message_says_what_is_kept() -> None:
    with pytest.raises(UnexpectedResponseError) as refused:
        refuse(range(5800), range(5788, 5800))

    assert str(refused.value).startswith(
        "yahoo SPY: the response holds 12 of the 5,800 sessions stored from 2020-01-01 to 2035-11-17; what is "
        "stored stays"
    )
    assert refused.value.provider == "yahoo"


def test_nine_in_ten_are_enough_and_one_less_is_not() -> None:
    assert not is_refused(range(100), range(90))
    assert is_refused(range(100), range(89))


def test_as_many_other_sessions_do_not_make_up_for_those_that_are_gone() -> None:
    assert is_refused(range(100), range(50, 150))
    # All of it shifted by a day of the week: four in five are other dates.
    assert is_refused([7 * week for week in range(100)], [7 * week + 1 for week in range(100)])


def test_only_the_span_that_was_asked_for_is_compared() -> None:
    span = {"start": DAY_ONE + timedelta(days=95), "end": DAY_ONE + timedelta(days=99)}

    assert not is_refused(range(200), range(95, 100), **span)
    assert is_refused(range(200), range(95, 97), **span)
    assert is_refused(range(200), range(95, 100))
    # Both ends count.
    assert is_refused(range(1), [], start=DAY_ONE, end=DAY_ONE)


def test_a_session_or_two_may_be_missing_from_a_short_span_but_not_all() -> None:
    assert not is_refused(range(5), range(3))
    assert is_refused(range(5), range(2))
    assert is_refused(range(2), [])
    assert is_refused(range(1), [7])


def test_where_nothing_is_stored_any_answer_is_welcome() -> None:
    assert not is_refused([], [])
    assert not is_refused([], range(3))


def test_rows_that_repeat_a_session_count_once() -> None:
    assert is_refused(range(100), [*range(50), *range(50)])
    assert not is_refused([*[0] * 100, *range(10)], range(1, 10))


sessions = st.sets(st.integers(0, 400), max_size=60)


@given(sessions, sessions)
def test_an_answer_that_holds_all_that_is_stored_is_never_refused(stored: set[int], more: set[int]) -> None:
    assert not is_refused(stored, stored | more)


@given(sessions, sessions, sessions)
def test_more_sessions_never_make_an_answer_worse(stored: set[int], fetched: set[int], more: set[int]) -> None:
    if not is_refused(stored, fetched):
        assert not is_refused(stored, fetched | more)


@given(sessions.filter(bool), sessions)
def test_an_answer_without_any_stored_session_is_always_refused(stored: set[int], other: set[int]) -> None:
    assert is_refused(stored, other - stored)
