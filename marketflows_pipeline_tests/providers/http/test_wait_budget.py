"""How long a failing service is waited for: one limit a provider, over waits and lost attempts alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.errors import TransientProviderError
from marketflows_pipeline.options import WAIT_OF_A_COMMAND, WAIT_OF_A_RUN, RunOptions
from marketflows_pipeline.providers.http.client import HttpClient
from marketflows_pipeline.providers.http.retry import moment_in_words
from marketflows_pipeline.providers.http.wait_budget import SHORTEST_ATTEMPT_S, WaitBudget, WaitBudgets
from marketflows_pipeline_tests.fakes import faults
from marketflows_pipeline_tests.fakes.generate import START
from marketflows_pipeline_tests.fakes.server import FakeServer
from marketflows_pipeline_tests.providers.conftest import THING
from marketflows_pipeline_tests.providers.memory_ledger import MemoryLedger

LIMITS = [WAIT_OF_A_COMMAND, WAIT_OF_A_RUN]

Connect: TypeAlias = Callable[..., HttpClient]


@pytest.fixture
def service(thinghub: FakeServer) -> FakeServer:
    return thinghub


@pytest.fixture
def connect(service: FakeServer, clock: FixedClock, ledger: MemoryLedger) -> Iterator[Connect]:
    opened: list[HttpClient] = []

    def _connect(**options: Any) -> HttpClient:
        opened.append(HttpClient("thinghub", service.url, clock=clock, ledger=ledger, **{"timeout": 5.0} | options))
        return opened[-1]

    yield _connect
    for client in opened:
        client.close()


def ask(client: HttpClient, thing: str = "one") -> object:
    return client.get_json(THING, lambda body: body, path={"id": thing})


def give_up(client: HttpClient) -> TransientProviderError:
    with pytest.raises(TransientProviderError) as fault:
        ask(client)
    return fault.value


def failing_after(seconds: float, clock: FixedClock, sent: list[httpx.Request]) -> httpx.MockTransport:
    """A service that keeps its clients waiting before it fails."""

    def handle(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        silence = min(seconds, request.extensions["timeout"]["read"])
        clock.sleep(silence)
        if silence < seconds:
            raise httpx.ReadTimeout("nothing came")
        return httpx.Response(503)

    return httpx.MockTransport(handle)


def test_a_run_waits_for_five_minutes_and_a_command_for_one() -> None:
    assert RunOptions().wait_limit == WAIT_OF_A_RUN == timedelta(seconds=300)
    assert timedelta(seconds=60) == WAIT_OF_A_COMMAND


@pytest.mark.parametrize("limit", LIMITS)
def test_waits_for_a_failing_service_add_up_to_the_limit_over_all_requests(
    connect: Connect, service: FakeServer, clock: FixedClock, limit: timedelta
) -> None:
    """Each of three requests had 300 s of its own, and the step its second try: a command was away for 7 minutes."""
    service.script(THING, *[faults.html(503)] * 200)
    client = connect(waits=WaitBudget(clock, limit))
    for _ in range(10):
        give_up(client)
    # To the microseconds that a clock is rounded to.
    assert limit / 3 < clock.now() - START <= limit + timedelta(milliseconds=1)


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("silence_s", [1.0, 7.0, 30.0, 100.0, 1000.0])
def test_the_time_of_attempts_that_fail_counts_as_waiting(
    connect: Connect, clock: FixedClock, limit: timedelta, silence_s: float
) -> None:
    """Eight timeouts of 30 s are four minutes of waiting for a failing service."""
    client = connect(waits=WaitBudget(clock, limit), transport=failing_after(silence_s, clock, []), timeout=30.0)
    for _ in range(10):
        give_up(client)
    # To the microseconds that a clock is rounded to.
    assert limit / 3 < clock.now() - START <= limit + timedelta(milliseconds=1)


def test_a_service_waited_for_long_enough_is_not_asked_again(connect: Connect, clock: FixedClock) -> None:
    sent: list[httpx.Request] = []
    client = connect(waits=WaitBudget(clock, WAIT_OF_A_COMMAND), transport=failing_after(100, clock, sent))
    while clock.now() - START < WAIT_OF_A_COMMAND - timedelta(seconds=SHORTEST_ATTEMPT_S):
        give_up(client)
    before = len(sent)
    assert "not requested: the service has failed for 60 s" in str(give_up(client))
    assert len(sent) == before


def test_the_limit_counts_anew_after_each_success(connect: Connect, service: FakeServer, clock: FixedClock) -> None:
    client = connect(waits=WaitBudget(clock, WAIT_OF_A_COMMAND))
    for _ in range(5):
        service.script(THING, *[faults.html(520)] * 4)
        assert ask(client) == {"id": "one"}
    assert clock.now() - START >= timedelta(seconds=5 * 30)


@pytest.mark.slow
def test_the_pace_of_a_healthy_service_is_no_waiting(
    connect: Connect, service: FakeServer, clock: FixedClock, ledger: MemoryLedger
) -> None:
    """300 histories at 25 a minute take twelve minutes, and a limit of the run's length would have cut them off."""
    client = connect(waits=WaitBudget(clock, WAIT_OF_A_COMMAND), calls_per_minute=25)
    for number in range(300):
        if number % 50 == 0:
            service.script(THING, faults.html(503))
        ask(client, f"coin-{number}")
    assert clock.now() - START > timedelta(minutes=11)
    assert sum(call.outcome == "ok" for call in ledger.calls) == 300


def test_a_slow_line_that_keeps_bringing_data_is_no_failing_service(connect: Connect, clock: FixedClock) -> None:
    class SlowLine(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            yield b"["
            for _ in range(50):
                clock.sleep(10)
                yield b" " * 600_000
            yield b"1]"

    transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=SlowLine()))
    client = connect(waits=WaitBudget(clock, WAIT_OF_A_COMMAND), transport=transport)
    assert ask(client) == [1]
    assert clock.now() - START == timedelta(seconds=500)


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ({"retry-after": "720"}, "at 04:12 UTC (in 12 minutes)"),
        ({"retry-after": "Fri, 18 Sep 2026 06:35:00 GMT"}, "at 06:35 UTC (in 3 hours)"),
        ({"x-ratelimit-reset": "2026-10-01 00:00:00 +0000"}, "at 2026-10-01 00:00 UTC (in 308 hours)"),
    ],
)
def test_a_pause_longer_than_what_is_left_ends_it_at_once_and_names_when_to_come_back(
    connect: Connect, service: FakeServer, clock: FixedClock, header: dict[str, str], said: str
) -> None:
    clock.set(datetime(2026, 9, 18, 4, tzinfo=UTC))
    before = clock.now()
    service.script(THING, faults.json_error(429, {}, header))
    fault = give_up(connect(waits=WaitBudget(clock, WAIT_OF_A_COMMAND)))
    assert f"(given up after 1 attempt; the service asks to retry {said})" in str(fault)
    assert fault.come_back_at is not None
    assert clock.now() == before
    assert service.calls() == 1


def test_a_pause_that_just_fits_is_kept(connect: Connect, service: FakeServer, clock: FixedClock) -> None:
    service.script(THING, faults.json_error(429, {}, {"retry-after": "60"}))
    assert ask(connect(waits=WaitBudget(clock, WAIT_OF_A_COMMAND))) == {"id": "one"}
    assert clock.now() - START == timedelta(seconds=60)


def test_a_pause_without_end_is_no_overflow(connect: Connect, service: FakeServer) -> None:
    service.script(THING, faults.json_error(429, {}, {"retry-after": "9" * 400}))
    assert "the service asks to retry at 20" in str(give_up(connect()))


def test_without_a_word_of_the_service_a_later_run_is_named(connect: Connect, service: FakeServer) -> None:
    service.script(THING, *[faults.html(503)] * 20)
    fault = give_up(connect())
    assert str(fault).endswith("(given up after 8 attempts; try again in a few minutes; a later run retries by itself)")
    assert fault.come_back_at is None


def test_one_providers_waiting_is_not_anothers_and_a_new_client_goes_on_with_what_is_left(clock: FixedClock) -> None:
    budgets = WaitBudgets(clock, WAIT_OF_A_COMMAND)
    budgets.of("coingecko").sleep(50)
    assert budgets.of("coingecko").left_s == 10
    assert budgets.of("defillama").left_s == 60
    budgets.of("coingecko").reset()
    assert budgets.of("coingecko").left_s == 60


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (20, "at 14:01 UTC (in 20 seconds)"),
        (60, "at 14:01 UTC (in 60 seconds)"),
        (121, "at 14:03 UTC (in 3 minutes)"),
        (2100, "at 14:35 UTC (in 35 minutes)"),
        (36_000, "at 2026-09-19 00:00 UTC (in 10 hours)"),
    ],
)
def test_a_moment_is_told_by_the_clock_and_by_the_wait_never_too_early(seconds: int, words: str) -> None:
    now = datetime(2026, 9, 18, 14, tzinfo=UTC)
    assert moment_in_words(now + timedelta(seconds=seconds), now) == words


STEPS = st.one_of(
    st.tuples(st.just("sleep"), st.floats(0, 100)),
    st.tuples(st.just("lose"), st.floats(0, 100)),
    st.tuples(st.just("renew"), st.just(0.0)),
)


@given(st.lists(STEPS, max_size=30))
def test_what_is_left_is_the_limit_less_all_that_was_spent_since_the_last_success(
    steps: list[tuple[str, float]],
) -> None:
    budget, spent = WaitBudget(FixedClock(START), timedelta(seconds=300)), 0.0
    for name, seconds in steps:
        match name:
            case "sleep":
                budget.sleep(seconds)
            case "lose":
                budget.charge(seconds, 0)
            case _:
                budget.reset()
        spent = 0.0 if name == "renew" else spent + seconds
        assert budget.left_s == pytest.approx(max(0.0, 300 - spent))


def test_a_request_that_nothing_needs_leaves_the_others_most_of_the_wait(clock: FixedClock) -> None:
    """An endpoint that failed alone once used up what a run may wait, and no history was asked for in that hour."""
    budget = WaitBudget(clock, timedelta(seconds=300))
    budget.sleep(20)

    with budget.at_most(30):
        assert budget.left_s == 30
        budget.charge(45, received_bytes=0)
        assert budget.is_used_up

    assert budget.left_s == 300 - 20 - 45
