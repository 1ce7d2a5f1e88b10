"""Addresses of Postgres databases, their passwords, and what ``[execution]`` expects."""

from __future__ import annotations

import ssl
from types import SimpleNamespace

import pytest
from pydantic import TypeAdapter, ValidationError

from marketflows_pipeline.settings.postgres import PostgresAddress, PostgresTarget
from marketflows_pipeline_tests.settings.conftest import Faults, Load, Warnings

SHARED = '[execution]\ncoordination = "postgres"\ndatabase = "postgres:dbname=mf host=db.example.com user=mf"\n'
KEYED = {"COINGECKO_API_KEY": "CG-test"}


def parsed(text: str) -> PostgresTarget:
    return TypeAdapter(PostgresAddress).validate_python(text)


def test_an_address_names_database_host_port_and_user() -> None:
    found = parsed("postgres:dbname=lake host=db.example.com port=6543 user=mf")
    assert found == PostgresTarget("lake", "db.example.com", 6543, "mf")
    assert parsed("postgres:dbname=lake") == PostgresTarget("lake", "localhost", 5432, None)


@pytest.mark.parametrize("name", ["a b", "it's", "back\\slash", 'quo"te', "x; drop table y", "a=b", "ö"])
def test_a_quoted_value_is_taken_as_it_is_and_written_as_it_was_read(name: str) -> None:
    target = PostgresTarget(name, "localhost", 5432, name)
    written = f"postgres:{target.conninfo().partition(' sslmode')[0]}"
    assert parsed(written) == target


@pytest.mark.parametrize(
    ("text", "expectation"),
    [
        ("postgresql://mf@db/lake", "expected a Postgres database such as"),
        ("postgres:host=db", "expected a database, dbname"),
        ("postgres:dbname=x port=0", "expected a port from 1 to 65535"),
        ("postgres:dbname=x port=70000", "expected a port from 1 to 65535"),
        ("postgres:dbname=x port=five", "expected a port from 1 to 65535"),
        ("postgres:dbname=x sslmode=disable", "expected no other TLS setting than sslrootcert"),
        ("postgres:dbname=x options=-csearch_path=y", "expected only dbname, host, port, user, sslrootcert"),
        ("postgres:dbname=x dbname=y", "expected dbname once"),
        ("postgres:dbname='x", "expected keywords with values"),
        ("postgres:dbname=x\nhost=\x1b[31m", "expected a host of at most 255 characters, without control characters"),
        ("postgres:dbname=x password=hunter2", "expected no password here: it belongs into MARKETFLOWS_POSTGRES"),
    ],
)
def test_what_is_no_address_is_refused_with_what_was_expected(text: str, expectation: str) -> None:
    with pytest.raises(ValidationError) as raised:
        parsed(text)
    assert expectation in raised.value.errors()[0]["msg"]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1", "/var/run/postgresql"])
def test_this_machine_is_asked_with_or_without_tls(host: str) -> None:
    assert PostgresTarget("x", host).keywords()["sslmode"] == "prefer"


@pytest.mark.parametrize("host", ["db.example.com", "10.0.0.2", "localhost.example.com", "127.0.0.1,evil.example.com"])
def test_any_other_server_has_to_prove_who_it_is(host: str) -> None:
    target = PostgresTarget("x", host, sslrootcert="/etc/authority.crt")
    assert target.keywords()["sslmode"] == "verify-full"
    assert target.keywords()["sslrootcert"] == "/etc/authority.crt"
    assert target.keywords(allow_plain=True)["sslmode"] == "prefer"


@pytest.mark.parametrize(("file", "expected"), [("/etc/ssl/cert.pem", "/etc/ssl/cert.pem"), (None, "system")])
def test_the_authorities_of_the_system_are_those_that_python_takes(
    monkeypatch: pytest.MonkeyPatch, file: str | None, expected: str
) -> None:
    """The libpq of psycopg's wheel looks for them in a folder that no system has."""
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: SimpleNamespace(cafile=file))
    assert PostgresTarget("x", "db.example.com", sslrootcert="system").keywords()["sslrootcert"] == expected


def test_without_the_table_nothing_is_shared(load: Load) -> None:
    settings = load()
    assert (settings.execution.coordination, settings.shared_database) == ("process", None)
    assert not settings.locks_parts
    # The variable may be there for other programs.
    assert load("", None, {**KEYED, "PGPASSWORD": "with spaces in it"}).postgres_password is None


def test_hosts_share_the_database_that_is_named(load: Load) -> None:
    assert load(SHARED).shared_database == PostgresTarget("mf", "db.example.com", 5432, "mf")


def test_without_a_database_the_line_says_what_is_missing(faults: Faults) -> None:
    (fault,) = faults('[execution]\ncoordination = "postgres"')
    assert fault.startswith("config.toml: execution.coordination = 'postgres': expected database in [execution] too")


@pytest.mark.parametrize(
    "address",
    ["postgres:dbname=mf password=hunter2", "postgres://mf:hun/ter2@db/mf", "postgresql://mf:hunter2@db/mf"],
)
def test_a_password_in_an_address_is_not_repeated(faults: Faults, address: str) -> None:
    (fault,) = faults(f'[execution]\ncoordination = "postgres"\ndatabase = "{address}"')
    assert fault.startswith("config.toml: execution.database = (not shown): expected ")
    assert "ter2" not in fault


def test_the_programs_own_variable_wins_over_that_of_libpq_and_over_the_file(load: Load) -> None:
    file = '[postgres]\npassword = "of-file"'
    for environ, expected in (
        ({}, "of-file"),
        ({"PGPASSWORD": "of-libpq"}, "of-libpq"),
        ({"PGPASSWORD": "of-libpq", "MARKETFLOWS_POSTGRES_PASSWORD": "of-this-program"}, "of-this-program"),
    ):
        settings = load(SHARED, file, {**KEYED, **environ})
        assert settings.postgres_password is not None
        assert settings.postgres_password.get_secret_value() == expected
        assert expected not in repr(settings)
        assert expected not in str(settings.model_dump())


def test_a_file_of_its_own_may_hold_the_password(load: Load, tmp_path: object, warnings: Warnings) -> None:
    file = f"{tmp_path}/password"
    with open(file, "w", encoding="utf-8") as opened:  # noqa: PTH123
        opened.write("of-its-own-file\n")
    environ = {**KEYED, "MARKETFLOWS_POSTGRES_PASSWORD_FILE": file}
    settings = load(SHARED, None, environ)
    assert settings.postgres_password is not None
    assert settings.postgres_password.get_secret_value() == "of-its-own-file"
    assert any("password holds a key, and other users" in line for line in warnings(settings, environ))


def test_a_misspelt_key_of_the_password_is_found_without_being_shown(faults: Faults) -> None:
    (fault,) = faults(SHARED, '[postgres]\npasword = "hunter2"', KEYED)
    assert "postgres.pasword = (not shown): unknown key; did you mean password?" in fault.replace("'", "")
    assert "hunter2" not in fault
