"""Postgres on another machine has to prove who it is, to budgets and locks and to the lake's catalog alike."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.coordination.database import Database
from marketflows_pipeline.errors import CoordinationError
from marketflows_pipeline.settings.postgres import PostgresTarget
from marketflows_pipeline.warehouse import ddl, engine
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline.warehouse.stores.lake import LakeStore
from marketflows_pipeline.warehouse.stores.lake_place import LakePlace
from marketflows_pipeline_tests.services.postgres import PASSWORD, SYSTEM_USER, PostgresServer
from marketflows_pipeline_tests.warehouse.frames import NOW, caps
from marketflows_pipeline_tests.warehouse.lakes import needs_lake

NAME = "db.example.com"


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def _authority(folder: Path, name: str) -> None:
    _openssl(folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
             "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.crt")  # fmt: skip


@pytest.fixture(scope="module")
def authorities(postgres_server: PostgresServer) -> Iterator[Path]:
    """The server with a certificate of `NAME`; the folder of the authority that signed it, and of a stranger."""
    if not shutil.which("openssl"):
        reason = "needs openssl, which Debian's postgresql brings"
        assert not os.environ.get("MARKETFLOWS_CLUSTER"), reason
        pytest.skip(reason)
    folder = postgres_server.folder
    for name in ("authority", "stranger"):
        _authority(folder, name)
    (folder / "names").write_text(f"subjectAltName=DNS:{NAME}\n")
    _openssl(folder, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={NAME}",
             "-keyout", "server.key", "-out", "server.csr")  # fmt: skip
    _openssl(folder, "x509", "-req", "-in", "server.csr", "-CA", "authority.crt", "-CAkey", "authority.key",
             "-CAcreateserial", "-days", "2", "-extfile", "names", "-out", "server.crt")  # fmt: skip
    (folder / "server.key").chmod(0o600)
    if os.geteuid() == 0:
        shutil.chown(folder / "server.key", SYSTEM_USER, SYSTEM_USER)
    postgres_server.execute(
        "alter system set ssl = on",
        f"alter system set ssl_cert_file = '{folder}/server.crt'",
        f"alter system set ssl_key_file = '{folder}/server.key'",
    )
    postgres_server.stop("fast")
    postgres_server.start()
    yield folder
    postgres_server.execute(*(f"alter system reset {name}" for name in ("ssl", "ssl_cert_file", "ssl_key_file")))
    postgres_server.stop("fast")
    postgres_server.start()


@pytest.fixture
def elsewhere(authorities: Path, postgres: PostgresTarget, monkeypatch: pytest.MonkeyPatch) -> PostgresTarget:
    """The database under a name that only libpq looks up, so that it is on another machine."""
    monkeypatch.setenv("PGHOSTADDR", "127.0.0.1")
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    return replace(postgres, host=NAME, sslrootcert=str(authorities / "authority.crt"))


def _attached(target: PostgresTarget, folder: Path) -> duckdb.DuckDBPyConnection:
    """DuckDB with the database attached, by the libpq in its own extension."""
    place = LakePlace(target, folder / "data", password=PASSWORD)
    connection = engine.connect_for_lakes(folder / "spill")
    try:
        place.load(connection)
        connection.execute(f"attach {ddl.literal(target.conninfo())} as elsewhere (type postgres, read_only)")
    except BaseException:
        connection.close()
        raise
    return connection


@needs_lake
@pytest.mark.parametrize("by_system", [False, True])
def test_the_right_authority_and_name_are_connected_to(
    elsewhere: PostgresTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, by_system: bool
) -> None:
    """With `system`, the libpq of psycopg's wheel looked into a folder that there is nowhere."""
    assert elsewhere.sslrootcert is not None
    if by_system:
        monkeypatch.setenv("SSL_CERT_FILE", elsewhere.sslrootcert)
        elsewhere = replace(elsewhere, sslrootcert="system")
        assert elsewhere.keywords()["sslrootcert"] != "system"
    is_encrypted = "select ssl from pg_stat_ssl where pid = pg_backend_pid()"
    with Database(elsewhere, PASSWORD) as database:
        database.prepare()
        assert database.ask(is_encrypted) == [(True,)]
    with _attached(elsewhere, tmp_path) as connection:
        asked = f"from postgres_query('elsewhere', {ddl.literal(is_encrypted)})"
        assert connection.execute(asked).fetchall() == [(True,)]


@needs_lake
def test_a_lake_is_written_and_read_over_it(
    elsewhere: PostgresTarget, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    place = LakePlace(elsewhere, tmp_path / "data", password=PASSWORD)
    with Warehouse(LakeStore(place, tmp_path / "warehouse.duckdb")) as warehouse:
        warehouse.merge("raw.market_caps", caps(("bitcoin", NOW, 1.0)))
        assert warehouse.read("raw.market_caps").height == 1
        is_open = (
            "select distinct ssl from pg_stat_ssl join pg_stat_activity using (pid)"
            f" where datname = '{elsewhere.dbname}'"
        )
        assert postgres_server.execute(is_open) == [(True,)]


@needs_lake
@pytest.mark.parametrize(
    ("host", "authority", "reason"),
    [
        ("db.other.com", "authority.crt", f'certificate for "{NAME}" does not match host name "db.other.com"'),
        (NAME, "stranger.crt", "certificate verify failed"),
        (NAME, "missing.crt", "does not exist"),
    ],
)
def test_a_wrong_name_and_an_unknown_authority_are_refused_at_once_in_one_line(
    elsewhere: PostgresTarget, tmp_path: Path, host: str, authority: str, reason: str
) -> None:
    target = replace(elsewhere, host=host, sslrootcert=str(Path(elsewhere.sslrootcert or "").with_name(authority)))
    clock = FixedClock(NOW)
    place = LakePlace(target, tmp_path / "data", password=PASSWORD)

    with Database(target, PASSWORD, clock=clock) as database, pytest.raises(CoordinationError) as of_budgets:
        database.prepare()
    with pytest.raises(duckdb.IOException) as of_duckdb:
        _attached(target, tmp_path)
    with pytest.raises(CoordinationError) as of_lake:
        Warehouse(LakeStore(place, tmp_path / "warehouse.duckdb")).close()

    assert clock.now() == NOW, "another attempt would be told the same"
    of_attaching = LakeStore(place, tmp_path / "x").cannot_open(of_duckdb.value)
    for words in (str(of_budgets.value), str(of_lake.value), str(of_attaching)):
        assert reason in words
        assert "\n" not in words
        assert PASSWORD not in words


def test_a_server_without_tls_is_refused(elsewhere: PostgresTarget, postgres_server: PostgresServer) -> None:
    postgres_server.execute("alter system set ssl = off")
    postgres_server.stop("fast")
    postgres_server.start()
    try:
        with Database(elsewhere, PASSWORD, clock=FixedClock(NOW)) as database, pytest.raises(CoordinationError) as told:
            database.prepare()
        assert "server does not support SSL, but SSL was required" in str(told.value)
        # A private network has to be named as such.
        with Database(elsewhere, PASSWORD, allow_plain=True) as database:
            database.prepare()
    finally:
        postgres_server.execute("alter system set ssl = on")
        postgres_server.stop("fast")
        postgres_server.start()
