"""Histories of many coins, fetched by two of Celery's workers through a real Redis into one lake."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
import yaml  # type: ignore[import-untyped]

from marketflows_pipeline.build import build_definitions
from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.options import RunOptions
from marketflows_pipeline.orchestration.celery_app import BROKER
from marketflows_pipeline.orchestration.shards import BACKFILL_HISTORIES
from marketflows_pipeline.settings import load_settings
from marketflows_pipeline.settings.execution import Execution
from marketflows_pipeline.settings.postgres import PostgresTarget
from marketflows_pipeline.warehouse.landings import landings
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline.warehouse.stores.chosen import store_of
from marketflows_pipeline_tests.fakes.coingecko.access import DEMO_KEY, Access
from marketflows_pipeline_tests.fakes.coingecko.service import FakeCoinGecko
from marketflows_pipeline_tests.fakes.generate import generate
from marketflows_pipeline_tests.forgetful import forgetful_instance
from marketflows_pipeline_tests.pipeline.environment import HISTORY, QUIET
from marketflows_pipeline_tests.services.postgres import PASSWORD, PostgresServer
from marketflows_pipeline_tests.services.redis import PASSWORD as BROKER_PASSWORD
from marketflows_pipeline_tests.services.redis import redis_broker

__all__ = ["redis_broker"]

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(sys.executable).parent
APP = "marketflows_pipeline.orchestration.celery_app"
GRACE_S = 10
CONFIG = """
[providers.coingecko]
base_url = "{service}"
days = 2
calls_per_minute = 1000
narratives = ["layer-1"]
base_assets = ["bitcoin"]
range_lower_limits = [1e8, 1e11]
exclude_categories = []
[warehouse]
store = "ducklake"
[warehouse.ducklake]
data = "{data}"
export = false
{more}
"""
SHARED = """
catalog = "postgres:dbname={db.dbname} host=127.0.0.1 port={db.port} user={db.user}"
[execution]
coordination = "postgres"
shards = 4
shards_on = "celery"
"""
STORED = "select coin_id, ts, market_cap_usd, price_usd, volume_usd, source from raw.market_caps order by all"
RECORD = "select coin_id, outcome, rows_served, rows_new, rows_rejected from meta.backfills order by all"


@dataclass(frozen=True)
class Workers:
    """Two workers that take one step at a time, each in a folder of its own as on a host.

    Attributes:
        folder: Dagster's home.
        environ: of every process.
    """

    folder: Path
    environ: Mapping[str, str]

    def run(self, host: str) -> str:
        """Run the job from a host's folder; what that prints."""
        command = [str(PROGRAMS / "dagster"), "job", "execute", "-m", "marketflows_pipeline.definitions"]
        # A run whose steps hang does not end by itself, nor by a signal that asks for it.
        done = subprocess.run(
            [*command, "-j", BACKFILL_HISTORIES],
            env=self.environ,
            cwd=self.folder / host,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        printed = done.stdout + done.stderr
        assert done.returncode == 0, printed + "".join(log.read_text() for log in self.folder.glob("*.log"))
        return printed


@contextmanager
def worker(name: str, folder: Path, environ: Mapping[str, str]) -> Iterator[None]:
    """A worker that is ready to take steps, ended with the block."""
    log = folder / f"{name}.log"
    options = ["--concurrency", "1", "--hostname", f"{name}@%h", "--without-mingle", "--without-gossip"]
    with log.open("wb") as opened:
        process = subprocess.Popen(
            [PROGRAMS / "celery", "-A", APP, "worker", "-Q", "dagster", "--loglevel", "INFO", *options],
            env=environ,
            cwd=folder / name,
            stdin=subprocess.DEVNULL,
            stdout=opened,
            stderr=opened,
            start_new_session=True,
        )
    try:
        while f"{name}@" not in log.read_text() or " ready." not in log.read_text():
            assert process.poll() is None, log.read_text()
            threading.Event().wait(0.1)
        yield
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_S)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture
def service() -> Iterator[FakeCoinGecko]:
    """A service of 12 coins whose answers are the same all the time."""
    now = datetime.now(UTC)
    market = generate(12, start=now, has_churn=False, has_flaws=False)
    with FakeCoinGecko(market, clock=FixedClock(now), access=Access(calls_per_minute=None)) as running:
        yield running


@pytest.fixture
def workers(tmp_path: Path, service: FakeCoinGecko, postgres: PostgresTarget, redis_broker: str) -> Iterator[Workers]:
    """Two workers beside a lake in Postgres and a folder."""
    config = CONFIG.format(service=service.url, data=tmp_path / "data", more=SHARED.format(db=postgres))
    settings = yaml.safe_load((ROOT / "deploy/cluster/dagster.yaml").read_text(encoding="utf-8"))
    own = {name: settings[name] for name in ("telemetry", "storage", "local_artifact_storage", "compute_logs")}
    own["storage"]["postgres"]["postgres_db"]["port"] = postgres.port
    for files in ("local_artifact_storage", "compute_logs"):
        own[files]["config"]["base_dir"] = str(tmp_path / files)
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(own))
    environ = {
        **os.environ,
        "DAGSTER_PG_HOST": postgres.host,
        "DAGSTER_PG_DB": postgres.dbname,
        "DAGSTER_PG_USER": str(postgres.user),
        "DAGSTER_PG_PASSWORD": PASSWORD,
        "MARKETFLOWS_POSTGRES_PASSWORD": PASSWORD,
        BROKER: redis_broker,
        "DAGSTER_HOME": str(tmp_path),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "PYTHONPATH": str(ROOT),
    }
    with ExitStack() as stack:
        for name in ("a", "b"):
            write_settings(tmp_path / name, config)
            stack.enter_context(worker(name, tmp_path, environ))
        yield Workers(tmp_path, environ)


def write_settings(folder: Path, config: str) -> RunOptions:
    folder.mkdir()
    (folder / "config.toml").write_text(config)
    (folder / "secrets.toml").write_text(f'[coingecko]\napi_key = "{DEMO_KEY}"\n')
    (folder / "secrets.toml").chmod(0o600)
    return RunOptions(config=folder / "config.toml", secrets=folder / "secrets.toml")


def stored(options: RunOptions, *questions: str) -> list[list[tuple[object, ...]]]:
    settings = load_settings(options.config, None, {"MARKETFLOWS_POSTGRES_PASSWORD": PASSWORD}, needs_key=False)
    with Warehouse(store_of(settings), create=False) as warehouse:
        assert landings(warehouse) == []
        return [warehouse.query(question).rows() for question in questions]


def histories_of(service: FakeCoinGecko) -> Counter[str]:
    return Counter(each.request.path for each in service.exchanges if each.request.endpoint == HISTORY)


def steps_by_worker(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> dict[str, set[str]]:
    """The steps that each worker took in all runs."""
    for name in ("HOST", "DB", "USER", "PASSWORD"):
        monkeypatch.setenv(f"DAGSTER_PG_{name}", workers.environ[f"DAGSTER_PG_{name}"])
    taken: dict[str, set[str]] = {}
    with dg.DagsterInstance.from_config(str(workers.folder)) as instance:
        for run in instance.get_runs():
            for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT):
                event = entry.dagster_event
                if event is not None and "Celery worker" in event.engine_event_data.metadata:
                    host = str(event.engine_event_data.metadata["Celery worker"].value)
                    taken.setdefault(host.partition("@")[0], set()).add(str(event.step_key))
    return taken


def test_two_workers_fetch_each_history_once_and_store_what_one_process_does(
    workers: Workers,
    service: FakeCoinGecko,
    postgres: PostgresTarget,
    postgres_server: PostgresServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    printed = workers.run("a")
    options = RunOptions(config=workers.folder / "a" / "config.toml")
    rows, record = stored(options, STORED, RECORD)
    asked = histories_of(service)
    assert set(asked.values()) == {1}
    assert len(asked) == len(record) >= 8

    taken = steps_by_worker(workers, monkeypatch)
    fetches = {name: {step for step in steps if step.startswith("fetch_shard_")} for name, steps in taken.items()}
    assert all(fetches[name] for name in ("a", "b")), taken
    assert len(fetches["a"]) + len(fetches["b"]) == 4

    used = "select used from marketflows.credits where provider = 'coingecko'"
    assert postgres_server.execute(used, dbname=postgres.dbname) == [(service.calls(),)]
    kept = "select run_body from runs union all select event from event_logs"
    printed += "".join(str(row) for row in postgres_server.execute(kept, dbname=postgres.dbname))
    logs = "".join(log.read_text() for log in workers.folder.glob("*.log"))
    assert not [secret for secret in (PASSWORD, BROKER_PASSWORD, DEMO_KEY) if secret in printed + logs]

    alone = write_settings(
        workers.folder / "alone",
        CONFIG.format(service=service.url, data=workers.folder / "alone_data", more=""),
    )
    job = build_definitions(alone, execution=Execution(shards=1)).resolve_job_def(BACKFILL_HISTORIES)
    with forgetful_instance() as instance:
        assert job.execute_in_process(instance=instance, raise_on_error=False, run_config=QUIET).success
    assert stored(alone, STORED, RECORD) == [rows, record]
