"""One limit of time for a whole attempt, from the name's address to the body's last byte."""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from subprocess import run
from typing import Any, TypeAlias

import pytest

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.errors import TransientProviderError, UnexpectedResponseError
from marketflows_pipeline.providers.http.client import HttpClient
from marketflows_pipeline.providers.http.wait_budget import SLOWEST_BYTES_PER_S, WaitBudget
from marketflows_pipeline_tests.fakes.generate import START
from marketflows_pipeline_tests.fakes.hostile import ATTACKS, HostileServer, answer, dripped
from marketflows_pipeline_tests.fakes.server import FakeServer
from marketflows_pipeline_tests.providers.conftest import THING
from marketflows_pipeline_tests.providers.memory_ledger import MemoryLedger

Ask: TypeAlias = Callable[..., object]

ROOT = Path(__file__).parents[3]
BOMBS_IN_LITTLE_MEMORY = """
import gzip, resource, zlib
from contextlib import closing
from pathlib import Path
from marketflows_pipeline.clock import SystemClock
from marketflows_pipeline.errors import ProviderError
from marketflows_pipeline.providers.http.client import HttpClient
from marketflows_pipeline_tests.providers.memory_ledger import MemoryLedger
from marketflows_pipeline_tests.fakes import hostile

packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
head = packer.compress(b"[" + bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
block = packer.compress(b" " * (1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
gzipped = b"content-encoding: gzip\\r\\n"
with hostile.HostileServer() as server:
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
    for name, attack in {
        "gzip": hostile.answer(head + block * 1000, hostile.JSON + gzipped),
        "plain": hostile.endless(hostile.OK + hostile.JSON + b"\\r\\n[", b" " * (1 << 16)),
    }.items():
        server.attack = attack
        with closing(HttpClient("thinghub", server.url, clock=SystemClock(), ledger=MemoryLedger())) as client:
            for ask in (
                lambda: client.get_json("/", len),
                lambda: client.get_text("/", len),
                lambda: client.get_bytes("/", len),
                lambda: client.download("/", Path("thing.json"), Path.stat),
            ):
                try:
                    ask()
                except ProviderError as fault:
                    print(fault)
print(*Path().iterdir())
"""


class Ticking(FixedClock):
    """A clock on which every look takes a second, so that what comes byte by byte takes its time."""

    def now(self) -> datetime:
        self.sleep(1)
        return super().now()


@pytest.fixture
def hostile() -> Iterator[HostileServer]:
    with HostileServer() as running:
        yield running


@pytest.fixture
def ask(ledger: MemoryLedger) -> Ask:
    """Asks an address once, and again as long as there is time."""

    def _ask(url: str, clock: FixedClock, limit_s: float = 300, **options: Any) -> object:
        waits = WaitBudget(clock, timedelta(seconds=limit_s))
        with closing(HttpClient("thinghub", url, clock=clock, ledger=ledger, waits=waits, **options)) as client:
            return client.get_json(THING, lambda body: body, path={"id": "one"})

    return _ask


@pytest.mark.parametrize("attack", ["headers byte by byte", "interim answers without end", "body byte by byte"])
def test_what_comes_byte_by_byte_is_given_up_when_what_is_left_to_wait_is_over(
    ask: Ask, hostile: HostileServer, ledger: MemoryLedger, attack: str
) -> None:
    """httpx limits each read by itself: headers dripped a byte a minute held the run lock for weeks."""
    clock = Ticking(START)
    hostile.attack = ATTACKS[attack]

    with pytest.raises((TransientProviderError, UnexpectedResponseError), match=r"only [\d,]+ bytes|bytes received"):
        ask(hostile.url, clock, limit_s=20)

    assert clock.now() - START < timedelta(minutes=5)
    assert {call.outcome for call in ledger.calls} <= {"retry", "failed"}


def test_empty_blocks_end_the_attempt_though_they_unpack_to_nothing(ask: Ask, hostile: HostileServer) -> None:
    """The clock was looked at with each unpacked piece, and there was none."""
    hostile.attack = ATTACKS["empty blocks without end"]

    with pytest.raises((TransientProviderError, UnexpectedResponseError), match=r"only [\d,]+ bytes|bytes received"):
        ask(hostile.url, Ticking(START), limit_s=20)


def test_a_slow_line_that_is_honest_may_take_as_long_as_it_needs(clock: FixedClock) -> None:
    """The reserves of one exchange are 42 MB, which a slow line brings in a quarter of an hour."""
    budget = WaitBudget(clock, timedelta(seconds=60))
    size = 42_000_000

    assert budget.remaining_s(size / SLOWEST_BYTES_PER_S, size) == pytest.approx(60)
    assert budget.remaining_s(size / SLOWEST_BYTES_PER_S * 1.2, size) < 0


def test_a_name_that_is_not_resolved_in_time_is_given_up(
    ask: Ask, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system's resolver knows no time limit, and a run waited for it as long as it liked."""
    done = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [] if done.wait(30) else None)

    with pytest.raises(TransientProviderError, match=r"ConnectTimeout no address of nowhere\.example within"):
        ask("http://nowhere.example", clock, limit_s=0.2)
    done.set()


@pytest.mark.parametrize("fault", [OSError(-2, "Name or service not known"), UnicodeError("label too long")])
def test_a_name_without_an_address_is_a_fault_of_the_connection(
    ask: Ask, clock: FixedClock, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    def resolve(*_: object, **__: object) -> None:
        raise fault

    monkeypatch.setattr(socket, "getaddrinfo", resolve)

    with pytest.raises(TransientProviderError, match="ConnectError"):
        ask("http://nowhere.example", clock, limit_s=1)


def test_of_several_addresses_the_next_is_tried(
    ask: Ask, clock: FixedClock, thinghub: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    addresses = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, 0)) for host in ("127.0.0.2", "127.0.0.1")]
    asked = socket.getaddrinfo

    def resolve(host: str, *rest: Any, **options: Any) -> list[Any]:
        return addresses if host == "things.example" else asked(host, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)

    assert ask(thinghub.url.replace("127.0.0.1", "things.example"), clock, timeout=5.0) == {"id": "one"}


@pytest.mark.parametrize("scheme", ["http", "https", "socks5"])
def test_a_proxy_or_service_that_never_says_a_word_is_given_up(
    ask: Ask, clock: FixedClock, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    """A SOCKS proxy that was silent after the connection was waited for without any limit."""
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        if scheme == "socks5":
            monkeypatch.setenv("ALL_PROXY", f"socks5://{address}")
            monkeypatch.delenv("NO_PROXY", raising=False)
            monkeypatch.delenv("no_proxy", raising=False)
        home = "http://things.example" if scheme == "socks5" else f"{scheme}://{address}"

        with pytest.raises(TransientProviderError, match="Timeout"):
            ask(home, clock, limit_s=0.2)


def test_a_run_whose_time_is_over_asks_nothing_and_says_so(ledger: MemoryLedger, thinghub: FakeServer) -> None:
    clock = FixedClock(START)
    waits = WaitBudget(clock, run_ends_at=START + timedelta(minutes=10))
    with closing(HttpClient("thinghub", thinghub.url, clock=clock, ledger=ledger, waits=waits)) as client:
        client.get_json(THING, lambda body: body, path={"id": "one"})
        clock.sleep(599)
        with pytest.raises(TransientProviderError, match=r"not requested: the run's time, limit_minutes in"):
            client.get_json(THING, lambda body: body, path={"id": "one"})
    assert thinghub.calls() == 1


def test_an_answer_that_is_still_coming_when_the_runs_time_is_over_is_given_up(hostile: HostileServer) -> None:
    clock, ledger = Ticking(START), MemoryLedger()
    waits = WaitBudget(clock, run_ends_at=START + timedelta(seconds=60))
    hostile.attack = dripped(b"HTTP/1.1 200 OK\r\nx: ")

    with (
        closing(HttpClient("thinghub", hostile.url, clock=clock, ledger=ledger, waits=waits)) as client,
        pytest.raises((TransientProviderError, UnexpectedResponseError)),
    ):
        client.get_json(THING, lambda body: body, path={"id": "one"})
    assert clock.now() - START < timedelta(minutes=3)


def test_cookies_are_not_kept(hostile: HostileServer, ledger: MemoryLedger, clock: FixedClock) -> None:
    """A service's cookies would come back with every request, and pile up as long as the client lives."""
    hostile.attack = answer(b"[7]", b"set-cookie: a=1; path=/\r\n")
    with closing(HttpClient("thinghub", hostile.url, clock=clock, ledger=ledger)) as client:
        assert client.get_json("/", lambda body: body) == [7]
        assert not client._http.cookies


@pytest.mark.slow
def test_bombs_are_refused_within_a_gigabyte_of_memory_and_leave_no_file(tmp_path: Path) -> None:
    """1 MB of gzip that unpacks to 1 GB, or as much as comes in plain, was taken whole: 2.2 GB of memory."""
    command = [sys.executable, "-c", BOMBS_IN_LITTLE_MEMORY]
    found = {**os.environ, "PYTHONPATH": str(ROOT)}
    outcome = run(command, cwd=tmp_path, env=found, capture_output=True, text=True, check=False)

    assert outcome.returncode == 0, outcome.stderr[-2000:]
    *said, left = outcome.stdout.split("\n")[:-1]
    assert [" more than 67,108,864 bytes" in line for line in said] == [True, True, True, False] * 2
    assert [" more than 268,435,456 bytes" in line for line in said] == [False, False, False, True] * 2
    assert left == ""
