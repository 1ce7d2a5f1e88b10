"""A real Postgres server: initdb and pg_ctl of Debian, on a free port of this machine, ended with the tests.

Import `postgres_server` and `postgres` into the test module, or its conftest, to have them as fixtures.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from marketflows_pipeline.settings.postgres import PostgresTarget

# Debian keeps each version's programs in a folder of its own.
BINARIES = max(Path("/usr/lib/postgresql").glob("*/bin"), default=Path("/no-postgres"), key=lambda path: path.parts)
SYSTEM_USER = "postgres"
ADMIN = "postgres"
# Tests look for it in whatever a run writes; no message may have it.
PASSWORD = "pg-canary-5f0c1e77"
# What is committed is with the system, and so survives any end of the server's processes; the disk may take its time.
_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_connections": "100",
    "autovacuum_naptime": "5min",
}


@dataclass(frozen=True)
class PostgresServer:
    """A server of the tests.

    Attributes:
        folder: its data and its log.
        port: where it listens, on 127.0.0.1 alone.
    """

    folder: Path
    port: int

    def target(self, dbname: str, user: str = ADMIN) -> PostgresTarget:
        """A database of it, as settings name it."""
        return PostgresTarget(dbname, "127.0.0.1", self.port, user)

    def address(self, dbname: str, user: str = ADMIN) -> str:
        """The same as it is written in config.toml."""
        return f"postgres:dbname={dbname} host=127.0.0.1 port={self.port} user={user}"

    def execute(self, *statements: str, dbname: str = "postgres", user: str = ADMIN) -> list[tuple[Any, ...]]:
        """Run statements, each by itself; the rows of the last one, if it has any."""
        import psycopg

        rows: list[tuple[Any, ...]] = []
        with psycopg.connect(
            host="127.0.0.1", port=self.port, dbname=dbname, user=user, password=PASSWORD, autocommit=True
        ) as connection:
            for statement in statements:
                cursor = connection.execute(cast("Any", statement))
                rows = cursor.fetchall() if cursor.description else []
        return rows

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = " ".join(f"-c {key}={value}" for key, value in _SETTINGS.items())
        options += f" -p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories="
        self._pg_ctl("start", "--log", str(self.folder / "log"), "--options", options)

    def stop(self, mode: str = "immediate") -> None:
        """Stop it: ``immediate`` as in a power cut, ``fast`` as by an administrator."""
        self._pg_ctl("stop", "--mode", mode)

    def _pg_ctl(self, action: str, *arguments: str) -> None:
        command = [BINARIES / "pg_ctl", action, "--wait", "--silent", "--pgdata", self.folder / "data", *arguments]
        _as_postgres(*map(str, command))


def _as_postgres(*command: str) -> None:
    """Run a command as the user of the servers, since they refuse to run as root."""
    if os.geteuid() == 0:
        command = ("setpriv", f"--reuid={SYSTEM_USER}", f"--regid={SYSTEM_USER}", "--clear-groups", *command)
    # The server inherits what it may write to: a pipe would never end.
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False, cwd="/")
    assert done.returncode == 0, f"{command[-1]} failed: {done.returncode}"


def why_not() -> str:
    """Why no server can be started here; empty where it can."""
    try:
        import psycopg  # noqa: F401
        import psycopg_pool  # noqa: F401
    except ImportError as error:
        return f"needs the package {error.name}"
    if not (BINARIES / "initdb").exists():
        return f"needs the Postgres of Debian in {BINARIES}"
    if os.geteuid() == 0 and not (shutil.which("setpriv") and _has_user()):
        return f"needs setpriv and the user {SYSTEM_USER}, since root may not run Postgres"
    return ""


def _has_user() -> bool:
    try:
        pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A server for the tests of this process; skipped by name where there is none."""
    if reason := why_not():
        assert not os.environ.get("MARKETFLOWS_CLUSTER"), reason
        pytest.skip(f"Postgres: {reason}")
    # Its user may not look into pytest's folders.
    with tempfile.TemporaryDirectory(prefix="marketflows-postgres-", dir="/tmp") as name:
        folder = Path(name)
        if os.geteuid() == 0:
            shutil.chown(folder, SYSTEM_USER, SYSTEM_USER)
        password = folder / "password"
        password.write_text(f"{PASSWORD}\n")
        password.chmod(0o644)
        _as_postgres(
            *(str(BINARIES / "initdb"), "--pgdata", str(folder / "data"), "--username", ADMIN, "--no-sync"),
            *("--auth", "scram-sha-256", "--pwfile", str(password), "--encoding", "UTF8", "--locale", "C.UTF-8"),
        )
        server = PostgresServer(folder, _free_port())
        server.start()
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture
def postgres(postgres_server: PostgresServer) -> Iterator[PostgresTarget]:
    """An empty database of its own for a test."""
    name = f"test_{uuid.uuid4().hex}"
    postgres_server.execute(f"create database {name}")
    yield postgres_server.target(name)
    postgres_server.execute(f"drop database {name} with (force)")
