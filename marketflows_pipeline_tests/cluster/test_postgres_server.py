"""The server that these tests start is a real one, and each test has an empty database of its own."""

from __future__ import annotations

import pytest

from marketflows_pipeline.settings.postgres import PostgresTarget
from marketflows_pipeline_tests.services.postgres import PASSWORD, PostgresServer


def test_a_database_is_empty_and_asks_for_a_password(postgres_server: PostgresServer, postgres: PostgresTarget) -> None:
    tables = "select count(*) from pg_tables where schemaname not in ('pg_catalog', 'information_schema')"
    assert postgres_server.execute(tables, dbname=postgres.dbname) == [(0,)]
    import psycopg

    with pytest.raises(psycopg.OperationalError, match="no password supplied"):
        psycopg.connect(postgres.conninfo(), passfile="/nonexistent").close()
    psycopg.connect(postgres.conninfo(), password=PASSWORD).close()


def test_a_restarted_server_has_what_was_committed(postgres_server: PostgresServer, postgres: PostgresTarget) -> None:
    postgres_server.execute("create table kept (n integer)", "insert into kept values (1)", dbname=postgres.dbname)
    postgres_server.stop("fast")
    postgres_server.start()
    assert postgres_server.execute("select n from kept", dbname=postgres.dbname) == [(1,)]
