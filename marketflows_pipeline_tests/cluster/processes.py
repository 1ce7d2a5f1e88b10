"""Processes of their own that share a database, as hosts do."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from marketflows_pipeline.settings.postgres import PostgresTarget
from marketflows_pipeline_tests.services.postgres import PASSWORD

# What each of them begins with: `database`, as a host has it, and a clock that may be wrong.
_PROLOGUE = """
import sys
from datetime import timedelta
from marketflows_pipeline.clock import SystemClock
from marketflows_pipeline.coordination.database import Database
from marketflows_pipeline.settings.postgres import PostgresTarget


class WrongClock(SystemClock):
    def __init__(self, ahead_s):
        self._ahead = timedelta(seconds=ahead_s)

    def now(self):
        return super().now() + self._ahead


database = Database(PostgresTarget(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]), sys.argv[5])
arguments = sys.argv[6:]
"""


@contextmanager
def started(target: PostgresTarget, script: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """A process that runs a script with `database`, `arguments` and `WrongClock`; ended with the block."""
    assert target.user is not None
    where = (target.dbname, target.host, str(target.port), target.user, PASSWORD)
    process = subprocess.Popen(
        [sys.executable, "-c", _PROLOGUE + script, *where, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def outputs(processes: Sequence[subprocess.Popen[str]]) -> list[str]:
    """What each of them prints until it ends; none may fail."""
    results = [process.communicate(timeout=300) for process in processes]
    failed = [errors for process, (_, errors) in zip(processes, results, strict=True) if process.returncode]
    assert failed == []
    return [printed for printed, _ in results]


def next_line(process: subprocess.Popen[str]) -> str:
    """The next line that a process prints; empty once it has ended."""
    assert process.stdout is not None
    return process.stdout.readline().strip()
