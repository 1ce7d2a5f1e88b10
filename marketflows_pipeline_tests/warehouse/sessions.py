"""Somebody else's DuckDB session, in a process of its own and of a version of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from marketflows_pipeline_tests.warehouse.engines import engine_environment

_SESSION = """
import json, sys
import duckdb
connection = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == "read")
print(json.dumps(duckdb.__version__), flush=True)
for line in sys.stdin:
    try:
        print(json.dumps(connection.execute(json.loads(line)).fetchall(), default=str), flush=True)
    except duckdb.Error as fault:
        print(json.dumps(str(fault)), flush=True)
connection.close()
"""


class Session:
    """A session that opens a file and answers SQL until it is closed or killed.

    Args:
        path: what it opens.
        version: its DuckDB.
        mode: ``read`` or ``write``.
    """

    def __init__(self, path: Path, version: str, mode: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SESSION, str(path), mode],
            env=engine_environment(version),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._heard() == version

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end("killed")

    def ask(self, sql: str) -> Any:
        """Rows of a statement; a string is what DuckDB refused it with."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(sql) + "\n")
        self._process.stdin.flush()
        return self._heard()

    def end(self, how: str) -> None:
        """End the session, ``closed`` or ``killed``."""
        if how == "killed":
            self._process.kill()
        if self._process.poll() is None or how == "killed":
            self._process.communicate()

    def _heard(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())
