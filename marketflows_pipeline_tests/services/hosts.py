"""Two machines on this one: network namespaces on a bridge, each with addresses and a loopback of its own.

Services that listen on this machine's loopback are handed in to theirs, so that a host asks them as if they were local.
Import `network` into the test module, or its conftest, to have it as a fixture.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

CLONE_NEWNET = 0x40000000


@dataclass
class Host:
    """One machine.

    Attributes:
        namespace: its name.
        address: that the other hosts and this machine reach it at.
    """

    namespace: str
    address: str
    _started: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _listening: list[socket.socket] = field(default_factory=list)

    def start(
        self, command: Sequence[str | Path], *, environ: Mapping[str, str], folder: Path, log: Path
    ) -> subprocess.Popen[bytes]:
        """Start a process on it, whose output is appended to `log`."""
        with log.open("ab") as output:
            process = subprocess.Popen(
                ["ip", "netns", "exec", self.namespace, *map(str, command)],
                env=dict(environ),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._started.append(process)
        return process

    def processes(self) -> set[int]:
        """The ids of all processes on it."""
        return {int(pid) for pid in _ip("netns", "pids", self.namespace).split()}

    def kill(self) -> None:
        """End all its processes at once, as a power cut does."""
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        while self._started:
            self._started.pop().wait()

    def take_address(self, address: str) -> None:
        """Answer at the address of another host too."""
        _ip("-n", self.namespace, "address", "add", f"{address}/24", "dev", "eth0")

    def lose_address(self) -> None:
        """Be reached by nobody any more."""
        _ip("-n", self.namespace, "address", "flush", "dev", "eth0")

    def hand_in(self, port: int) -> None:
        """Let its loopback answer at a port as this machine's does."""
        with ThreadPoolExecutor(1) as thread:
            listening = thread.submit(self._listen, port).result()
        self._listening.append(listening)
        threading.Thread(target=_forward, args=(listening, port), daemon=True).start()

    def close(self) -> None:
        """End its processes and what was handed in."""
        self.kill()
        for listening in self._listening:
            with contextlib.suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)
            listening.close()

    def _listen(self, port: int) -> socket.socket:
        """A socket of its network; the thread that makes it ends in that network."""
        with Path(f"/run/netns/{self.namespace}").open() as network:
            if ctypes.CDLL(None, use_errno=True).setns(network.fileno(), CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
        return socket.create_server(("127.0.0.1", port))


@dataclass(frozen=True)
class Network:
    """A bridge and the hosts on it.

    Attributes:
        first: a host.
        second: another one.
    """

    first: Host
    second: Host


def _ip(*arguments: str) -> str:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"ip {' '.join(arguments)}: {done.stderr}"
    return done.stdout


def _forward(listening: socket.socket, port: int) -> None:
    """Connect whoever comes with this machine's loopback, until the socket is closed."""
    with contextlib.suppress(OSError):
        while True:
            caller, _ = listening.accept()
            try:
                answering = socket.create_connection(("127.0.0.1", port))
            except OSError:
                caller.close()
                continue
            for source, sink in ((caller, answering), (answering, caller)):
                threading.Thread(target=_pump, args=(source, sink), daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            sink.sendall(data)
    for each in (source, sink):
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
    source.close()


def why_not() -> str:
    """Why there can be no hosts here; empty where there can."""
    if os.geteuid() != 0 or not shutil.which("ip"):
        return "needs root and the command ip"
    probe = f"mf{os.getpid()}p"
    made = subprocess.run(["ip", "netns", "add", probe], capture_output=True, text=True, check=False)
    if made.returncode:
        return f"may not make network namespaces: {made.stderr.strip()}"
    _ip("netns", "delete", probe)
    return ""


@pytest.fixture
def network() -> Iterator[Network]:
    """Two hosts; skipped by name where there can be none."""
    if reason := why_not():
        pytest.skip(f"hosts: {reason}")
    number = os.getpid()
    bridge, subnet = f"mf{number}", f"10.{200 + number // 250 % 50}.{number % 250}"
    hosts = [Host(f"{bridge}{letter}", f"{subnet}.{place}") for place, letter in ((2, "a"), (3, "b"))]
    with contextlib.ExitStack() as stack:
        _ip("link", "add", bridge, "type", "bridge")
        stack.callback(_ip, "link", "delete", bridge)
        _ip("address", "add", f"{subnet}.1/24", "dev", bridge)
        _ip("link", "set", bridge, "up")
        for host in hosts:
            _ip("netns", "add", host.namespace)
            stack.callback(_ip, "netns", "delete", host.namespace)
            stack.callback(host.close)
            cable = f"{host.namespace}v"
            _ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", host.namespace)
            _ip("link", "set", cable, "master", bridge, "up")
            _ip("-n", host.namespace, "address", "add", f"{host.address}/24", "dev", "eth0")
            for device in ("eth0", "lo"):
                _ip("-n", host.namespace, "link", "set", device, "up")
        yield Network(*hosts)
