from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.providers.http.rate_limiter import RateLimiter

START = datetime(2026, 9, 18, 4, tzinfo=UTC)


def test_calls_within_the_limit_do_not_wait() -> None:
    clock = FixedClock(START)
    limiter = RateLimiter(3, clock)

    for _ in range(3):
        limiter.acquire()

    assert clock.now() == START


def test_the_call_beyond_the_limit_waits_until_the_first_is_a_minute_old() -> None:
    clock = FixedClock(START)
    limiter = RateLimiter(2, clock)

    limiter.acquire()
    clock.sleep(20)
    limiter.acquire()
    limiter.acquire()

    assert timedelta(seconds=60) <= clock.now() - START < timedelta(seconds=60.1)


@given(
    limit=st.integers(min_value=1, max_value=8),
    pauses=st.lists(st.floats(min_value=0, max_value=40), min_size=1, max_size=40),
)
def test_no_minute_ever_holds_more_calls_than_the_limit(limit: int, pauses: list[float]) -> None:
    clock = FixedClock(START)
    limiter = RateLimiter(limit, clock)
    sent: list[datetime] = []

    for pause in pauses:
        clock.sleep(pause)
        limiter.acquire()
        sent.append(clock.now())

    assert all(later - earlier >= timedelta(minutes=1) for earlier, later in zip(sent, sent[limit:], strict=False))


@given(
    per_second=st.integers(min_value=1, max_value=4),
    pauses=st.lists(st.floats(min_value=0, max_value=2), min_size=1, max_size=40),
)
def test_a_second_never_holds_more_calls_than_its_own_limit(per_second: int, pauses: list[float]) -> None:
    clock = FixedClock(START)
    limiter = RateLimiter(20, clock, calls_per_second=per_second)
    sent: list[datetime] = []

    for pause in pauses:
        clock.sleep(pause)
        limiter.acquire()
        sent.append(clock.now())

    assert all(later - earlier >= timedelta(seconds=1) for earlier, later in zip(sent, sent[per_second:], strict=False))
    assert all(later - earlier >= timedelta(minutes=1) for earlier, later in zip(sent, sent[20:], strict=False))


def test_a_limit_of_seconds_above_that_of_minutes_is_no_further_one() -> None:
    clock = FixedClock(START)
    limiter = RateLimiter(3, clock, calls_per_second=5)

    for _ in range(3):
        limiter.acquire()

    assert clock.now() == START
