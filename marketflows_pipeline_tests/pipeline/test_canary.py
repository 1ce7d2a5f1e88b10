"""A key that a service repeats in every form is kept nowhere: not in a file, a log, a table, or Dagster's record."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from marketflows_pipeline.build import build_definitions
from marketflows_pipeline.options import RunOptions
from marketflows_pipeline.progress import LogReporter
from marketflows_pipeline_tests.fakes import faults
from marketflows_pipeline_tests.fakes.coingecko.access import DEMO_KEY
from marketflows_pipeline_tests.fakes.hostile import echoes
from marketflows_pipeline_tests.pipeline.environment import HISTORY, PICTURES, Environment

pytestmark = pytest.mark.slow

PAGES = "/coins/markets"
FORMS = echoes(DEMO_KEY)
EVERYTHING = " | ".join(FORMS.values())


def run(env: Environment, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    """One hourly run that leaves Dagster's record behind."""
    options = RunOptions(config=env._written_settings(), secrets=env.folder / "secrets.toml")
    job = build_definitions(options, clock=env.clock, reporter=LogReporter()).resolve_job_def("hourly_refresh")
    selected = [key for key in job.asset_layer.executable_asset_keys if key not in PICTURES]
    return job.execute_in_process(instance=instance, raise_on_error=False, asset_selection=selected)


def named(*names: str) -> faults.Fault:
    """The same rows under these names, as if they were coins of the service."""
    return faults.in_json(lambda rows: [row | {"name": names[at % len(names)]} for at, row in enumerate(rows)])


def kept(folder: Path) -> Iterator[tuple[str, str]]:
    """All that a folder keeps, but for the key's own file: files as they are, databases table by table."""
    for path in folder.rglob("*"):
        if not path.is_file() or path.name == "secrets.toml":
            continue
        yield str(path), path.read_bytes().decode(errors="replace")
        if path.suffix == ".duckdb":
            with closing(duckdb.connect(str(path), read_only=True)) as database:
                tables = database.sql("select schema_name, table_name from duckdb_tables()").fetchall()
                for schema, table in tables:
                    yield (
                        f"{path} {schema}.{table}",
                        str(database.sql(f'select * from "{schema}"."{table}"').fetchall()),
                    )
        if path.suffix == ".db":
            with closing(sqlite3.connect(path)) as database:
                for (table,) in database.execute("select name from sqlite_master where type = 'table'").fetchall():
                    yield f"{path} {table}", str(database.execute(f'select * from "{table}"').fetchall())


def test_a_key_that_a_service_repeats_is_kept_nowhere(env: Environment, caplog: pytest.LogCaptureFixture) -> None:
    """URL-encoded, in base64 and in lower case it was shown in errors, and kept with the calls that failed."""
    service = env.service
    errors = [faults.json_error(status, {"error": EVERYTHING}) for status in (429, 500)]
    (env.folder / "dagster").mkdir()
    with caplog.at_level(logging.DEBUG), dg.DagsterInstance.local_temp(str(env.folder / "dagster")) as instance:
        service.script(PAGES, *errors, named(DEMO_KEY, DEMO_KEY.lower()))
        service.script(HISTORY, *errors, faults.plain_text(503, EVERYTHING))
        results = [run(env, instance)]
        for fault in (
            faults.json_error(401, {"status": {"error_code": 10002, "error_message": EVERYTHING}}),
            named(*FORMS.values()),
        ):
            service.script(PAGES, fault)
            results.append(run(env, instance))
    assert [result.success for result in results] == [True, False, False]

    found = [*kept(env.folder), ("log", caplog.text)]
    assert any(place.endswith(" event_logs") for place, _ in found), "Dagster's record is looked through"
    assert any("(withheld: it repeats the key)" in text for place, text in found if "meta.api_calls" in place)
    forms = {name: form.lower() for name, form in FORMS.items()}
    escaped = {f"{name}, escaped": json.dumps(form)[1:-1].lower() for name, form in FORMS.items()}
    shown = [
        (place, name)
        for place, text in ((place, text.lower()) for place, text in found)
        for name, form in (forms | escaped).items()
        if form in text
    ]
    assert shown == []
