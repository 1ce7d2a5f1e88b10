"""The client against a small service on a real socket."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import httpx
import pytest

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.errors import (
    CreditsExhaustedError,
    NotFoundError,
    PermanentProviderError,
    PlanLimitError,
    ProviderError,
    Stopped,
    TransientProviderError,
    UnexpectedResponseError,
)
from marketflows_pipeline.providers.http.client import HttpClient
from marketflows_pipeline.providers.http.responses import (
    EXCERPT_LENGTH,
    ParseError,
    Response,
    classify_by_status,
)
from marketflows_pipeline.providers.http.retry import MAX_ATTEMPTS
from marketflows_pipeline.providers.http.wait_budget import WaitBudget
from marketflows_pipeline.system.stopping import forget_stop, stop_calls
from marketflows_pipeline_tests.fakes import faults
from marketflows_pipeline_tests.fakes.faults import Fault
from marketflows_pipeline_tests.fakes.server import FakeServer
from marketflows_pipeline_tests.providers.http.conftest import KEY, THING, Connect
from marketflows_pipeline_tests.providers.impatience import ImpatientOnce
from marketflows_pipeline_tests.providers.memory_ledger import MemoryLedger

START = datetime(2026, 9, 18, 4, tzinfo=UTC)


def ask(client: HttpClient, thing: str = "one") -> Any:
    return client.get_json(THING, lambda body: body, path={"id": thing}, params={"of": "all"})


def test_an_answer_is_read_and_its_entry_in_the_ledger_completed(client: HttpClient, ledger: MemoryLedger) -> None:
    assert ask(client)["id"] == "one"

    (call,) = ledger.calls
    assert (call.provider, call.endpoint, call.target) == ("thinghub", THING, "/things/one?of=all")
    assert (call.attempt, call.status, call.outcome, call.error, call.at) == (1, 200, "ok", None, START)


@pytest.mark.parametrize("thing", ["academy token", "a/b", "50%", "?x=1", "ünï", "a,b"])
def test_ids_with_odd_characters_arrive_as_they_are(client: HttpClient, thing: str) -> None:
    assert ask(client, thing)["id"] == thing


@pytest.mark.parametrize(
    "fault",
    [
        faults.html(429),
        faults.html(503),
        faults.html(200),
        faults.plain_text(408, "Request Timeout"),
        faults.plain_text(500, "Internal Server Error"),
        faults.plain_text(502, "Bad Gateway"),
        faults.json_error(504, {"error": "timeout"}),
        faults.truncated(),
        faults.cut_off(),
        faults.reset(),
        faults.empty(),
    ],
)
def test_a_passing_fault_is_healed_by_asking_again(
    client: HttpClient, service: FakeServer, ledger: MemoryLedger, fault: Fault
) -> None:
    service.script(THING, fault, fault)

    assert ask(client)["id"] == "one"
    assert [call.outcome for call in ledger.calls] == ["retry", "retry", "ok"]
    assert [call.attempt for call in ledger.calls] == [1, 2, 3]


def test_an_answer_that_stalls_is_given_up_after_the_timeout_and_asked_again(
    connect: Connect, service: FakeServer, ledger: MemoryLedger
) -> None:
    service.script(THING, faults.stalled())

    assert ask(connect(transport=ImpatientOnce()))["id"] == "one"
    assert "ReadTimeout" in str(ledger.calls[0].error)
    assert [call.outcome for call in ledger.calls] == ["retry", "ok"]


def test_an_answer_that_drips_is_given_up_after_the_total_time(clock: FixedClock, ledger: MemoryLedger) -> None:
    class Dripping(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            while True:
                clock.sleep(10)
                yield b" "

    transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=Dripping()))

    with (
        closing(HttpClient("thinghub", "http://thinghub", clock=clock, ledger=ledger, transport=transport)) as client,
        pytest.raises(TransientProviderError, match=r"only .* bytes after 310 s"),
    ):
        ask(client)
    assert clock.now() - START == timedelta(seconds=310)


def test_a_service_that_is_down_is_a_transient_fault(clock: FixedClock, ledger: MemoryLedger) -> None:
    # Port 1 of the own machine answers nobody.
    with (
        closing(HttpClient("thinghub", "http://127.0.0.1:1", clock=clock, ledger=ledger)) as client,
        pytest.raises(TransientProviderError, match="ConnectError"),
    ):
        ask(client)
    assert {call.status for call in ledger.calls} == {None}


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (faults.json_error(400, {"error": "no"}), PermanentProviderError),
        (faults.json_error(401, {"error": "no"}), PlanLimitError),
        (faults.plain_text(402, "Upgrade to the paid API plan at https://defillama.com/subscription"), PlanLimitError),
        (faults.html(403), PermanentProviderError),
        (faults.json_error(404, {"error": "no"}), NotFoundError),
    ],
)
def test_a_refusal_is_not_asked_again(
    client: HttpClient, service: FakeServer, ledger: MemoryLedger, fault: Fault, kind: type[ProviderError]
) -> None:
    service.script(THING, fault)

    with pytest.raises(kind, match="thinghub /things/one: HTTP 40") as refusal:
        ask(client)

    assert service.calls() == 1
    assert [call.outcome for call in ledger.calls] == ["failed"]
    assert refusal.value.provider == "thinghub"
    assert refusal.value.status == ledger.calls[0].status
    assert refusal.value.url == f"{service.url}/things/one?of=all"


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
def test_a_redirect_is_told_as_one(status: int) -> None:
    """It read "HTTP 302, an empty answer"."""
    fault = classify_by_status(Response(status, {"location": "https://elsewhere.example/?key=secret"}, b""))
    assert fault is not None
    assert fault.message.startswith(f"HTTP {status}, a redirect, which is not followed")
    assert "elsewhere" not in fault.message


def test_a_redirect_is_refused_so_that_the_key_goes_nowhere_else(client: HttpClient, service: FakeServer) -> None:
    service.script(THING, faults.redirect(f"{service.url}/things/elsewhere"))

    with pytest.raises(PermanentProviderError, match="HTTP 302"):
        ask(client)
    assert service.calls() == 1


@pytest.mark.parametrize(
    "headers",
    [{"retry-after": "119"}, {"x-ratelimit-reset": "2026-09-18 04:01:59 +0000"}],
)
def test_a_wait_that_the_service_asks_for_is_honoured_above_a_minute_too(
    client: HttpClient, service: FakeServer, clock: FixedClock, headers: dict[str, str]
) -> None:
    service.script(THING, faults.json_error(429, {}, headers))

    ask(client)

    assert timedelta(seconds=119) <= clock.now() - START <= timedelta(seconds=120)


def test_without_a_wait_asked_for_each_is_about_twice_the_last(
    client: HttpClient, service: FakeServer, ledger: MemoryLedger
) -> None:
    service.script(THING, *[faults.html(503)] * 5)

    ask(client)

    sent = [call.at for call in ledger.calls]
    waits = [(later - earlier).total_seconds() for earlier, later in pairwise(sent)]
    assert all(low <= wait <= low + 1 for low, wait in zip([2, 4, 8, 16, 32], waits, strict=True))


def test_attempts_are_bounded(connect: Connect, service: FakeServer, ledger: MemoryLedger, clock: FixedClock) -> None:
    service.script(THING, *[faults.html(503)] * 20)

    with pytest.raises(TransientProviderError, match=f"given up after {MAX_ATTEMPTS} attempts") as failure:
        ask(connect(waits=WaitBudget(clock, timedelta(hours=3))))

    assert service.calls() == MAX_ATTEMPTS == len(ledger.calls)
    assert failure.value.status == 503


def test_time_is_bounded_and_a_wait_that_would_end_too_late_is_not_begun(
    client: HttpClient, service: FakeServer, clock: FixedClock
) -> None:
    service.script(THING, faults.json_error(429, {}, {"retry-after": "200"}), faults.html(429, {"retry-after": "200"}))

    with pytest.raises(TransientProviderError, match="given up after 2 attempts"):
        ask(client)

    assert clock.now() - START < timedelta(seconds=202)


def test_each_wait_is_one_line_in_the_log(
    client: HttpClient, service: FakeServer, caplog: pytest.LogCaptureFixture
) -> None:
    service.script(THING, faults.html(503), faults.json_error(429, {}, {"retry-after": "60"}))

    with caplog.at_level(logging.INFO, logger="marketflows_pipeline"):
        ask(client)

    first, second = [record.getMessage() for record in caplog.records if record.name.startswith("marketflows")]
    assert first.startswith(
        "thinghub /things/one: HTTP 503, an HTML page '503 Service Temporarily Unavailable'; retrying in "
    )
    assert second.startswith("thinghub /things/one: HTTP 429, {}; retrying in 6")
    assert second.endswith("(attempt 3)")


def test_a_shape_that_is_not_documented_is_a_bad_answer_that_names_endpoint_and_key_and_is_not_asked_again(
    client: HttpClient, service: FakeServer, ledger: MemoryLedger
) -> None:
    def read(_: object) -> None:
        raise ParseError("`prices` is missing")

    with pytest.raises(UnexpectedResponseError, match="/things/one: a response of an unexpected shape: `prices` is"):
        client.get_json(THING, read, path={"id": "one"})

    assert service.calls() == 1
    assert ledger.calls[0].outcome == "failed"


def test_the_ledger_knows_of_an_attempt_before_it_is_sent_and_keeps_it_when_the_run_is_interrupted(
    clock: FixedClock, ledger: MemoryLedger
) -> None:
    def interrupt(_: httpx.Request) -> httpx.Response:
        assert [call.outcome for call in ledger.calls] == ["sent"]
        raise KeyboardInterrupt

    transport = httpx.MockTransport(interrupt)

    with (
        closing(HttpClient("thinghub", "http://thinghub", clock=clock, ledger=ledger, transport=transport)) as client,
        pytest.raises(KeyboardInterrupt),
    ):
        ask(client)

    assert ledger.spent("thinghub", datetime(2026, 9, 1, tzinfo=UTC)) == 1
    assert ledger.calls[0].error == "interrupted"


def test_nothing_is_sent_once_a_signal_has_come(client: HttpClient, service: FakeServer, ledger: MemoryLedger) -> None:
    stop_calls()
    try:
        with pytest.raises(Stopped):
            ask(client)
    finally:
        forget_stop()
    assert (service.calls(), ledger.calls) == (0, [])


def test_nothing_is_sent_beyond_the_months_credits_and_every_attempt_counts(
    connect: Connect, service: FakeServer, clock: FixedClock
) -> None:
    client = connect(monthly_credits=3, plan="demo")
    service.script(THING, faults.html(503))

    ask(client)
    ask(client)
    with pytest.raises(CreditsExhaustedError, match="'demo' for September 2026 are used up"):
        ask(client)
    assert service.calls() == 3

    clock.set(datetime(2026, 10, 1, tzinfo=UTC))
    ask(client)
    assert service.calls() == 4


def test_credits_that_end_between_retries_end_the_retries(connect: Connect, service: FakeServer) -> None:
    service.script(THING, *[faults.html(503)] * 5)

    with pytest.raises(CreditsExhaustedError):
        ask(connect(monthly_credits=2))
    assert service.calls() == 2


def test_calls_are_paced(connect: Connect, service: FakeServer, clock: FixedClock) -> None:
    client = connect(calls_per_minute=5)

    for _ in range(11):
        ask(client)

    assert timedelta(minutes=2) <= clock.now() - START < timedelta(minutes=2, seconds=1)


def test_the_key_is_sent_as_a_header_and_seen_nowhere_else(
    client: HttpClient, service: FakeServer, ledger: MemoryLedger, caplog: pytest.LogCaptureFixture
) -> None:
    service.script(
        THING,
        faults.reset(),
        faults.json_error(429, {"error": f"key {KEY} is too fast"}),
        faults.plain_text(503, "x" * (EXCERPT_LENGTH - 5) + KEY),
        faults.json_error(401, {"error": f"key {KEY} is not known"}),
    )

    with caplog.at_level(logging.DEBUG), pytest.raises(PlanLimitError) as refusal:
        ask(client)

    requests = [exchange.request for exchange in service.exchanges]
    assert [request.headers["x-key"] for request in requests] == [KEY] * 4
    shown = [
        *(request.target for request in requests),
        *(record.getMessage() for record in caplog.records),
        str(refusal.value),
        repr(vars(refusal.value)),
        repr(client),
        repr(ledger.calls),
    ]
    assert {record.name.partition(".")[0] for record in caplog.records} >= {"httpx", "httpcore", "marketflows_pipeline"}
    assert not any(KEY[:5] in text for text in shown)
    assert "key *** is too fast" in str(ledger.calls[1].error)
    assert "is not known" not in str(refusal.value), "of a refused key nothing is quoted"
