"""A real Redis server: that of Debian, on a free port of this machine, ended with the test.

Import `redis_broker` into the test module to have it as a fixture.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from importlib import util
from pathlib import Path
from threading import Event

import pytest

# Tests look for it in whatever a run writes; no message may have it.
PASSWORD = "redis-canary-2c9e4b10"
_OPTIONS = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--protected-mode", "yes"]


def why_not() -> str:
    """Why no server can be started and used here; empty where it can."""
    if util.find_spec("dagster_celery") is None:
        return "the extra [celery] is not installed"
    return "" if shutil.which("redis-server") else "needs Debian's redis-server"


@pytest.fixture
def redis_broker(tmp_path: Path) -> Iterator[str]:
    """The address of a server that asks for a password."""
    if reason := why_not():
        assert not os.environ.get("MARKETFLOWS_CLUSTER"), reason
        pytest.skip(f"Redis: {reason}")
    folder = tmp_path / "redis"
    folder.mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    settings = folder / "redis.conf"
    settings.write_text(f"requirepass {PASSWORD}\n")
    command = ["redis-server", str(settings), "--port", str(port), "--dir", str(folder), *_OPTIONS]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        while not _answers(port):
            assert server.poll() is None, (folder / "log").read_text()
            Event().wait(0.05)
        yield f"redis://:{PASSWORD}@127.0.0.1:{port}/0"
    finally:
        # It holds nothing that has to be kept.
        server.kill()
        server.wait()


def _answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=2):
        return True
    return False
