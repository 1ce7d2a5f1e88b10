"""Two hosts with a part each: where runs are placed, and what becomes of them when a host is lost in the middle."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dagster as dg
import pytest
import yaml  # type: ignore[import-untyped]
from dagster._core.storage.tags import PARENT_RUN_ID_TAG, RETRY_NUMBER_TAG

from marketflows_pipeline.clock import SystemClock
from marketflows_pipeline.settings.postgres import PostgresTarget
from marketflows_pipeline_tests.fakes import faults
from marketflows_pipeline_tests.fakes.coingecko.access import DEMO_KEY, Access
from marketflows_pipeline_tests.fakes.coingecko.service import FakeCoinGecko
from marketflows_pipeline_tests.fakes.defillama.protocols import make_cast
from marketflows_pipeline_tests.fakes.defillama.service import FakeDefiLlama
from marketflows_pipeline_tests.fakes.generate import generate
from marketflows_pipeline_tests.published_answers import query_rows
from marketflows_pipeline_tests.services.hosts import Host, Network, network
from marketflows_pipeline_tests.services.postgres import PASSWORD, PostgresServer

__all__ = ["network"]

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(sys.executable).parent
CODE_PORT = 4000
RESERVES = "/cexs"
LOCATIONS = {"market_caps": "first", "exchanges": "second"}
CONFIG = """
[providers.coingecko]
base_url = "{market_caps}"
days = 2
calls_per_minute = 1000
narratives = ["layer-1"]
base_assets = ["bitcoin"]
range_lower_limits = [1e8, 1e11]
exclude_categories = []
[providers.coingecko.asset_groups]
Pair = ["bitcoin", "ethereum"]
[providers.defillama]
base_url = "{reserves}"
[analysis]
ema_periods = [1]
diff_orders = [0]
is_unit_normalize = false
[plots]
hours_ago = [4]
scale = 1
[exchanges]
tracked = ["binance", "kraken"]
[execution]
coordination = "postgres"
database = "postgres:dbname={budget.dbname} host=127.0.0.1 port={budget.port} user={budget.user}"
"""


@dataclass
class Cluster:
    """Two hosts, the queue that they share, and this machine as the one that has the daemon.

    Attributes:
        folder: with a folder of each part's, which its code server works in, and the log of each process.
        network: the hosts.
        environ: of every process.
        coins: the service of market caps, whose credits the hosts share.
        reserves: the service that the exchange part asks last.
        instance: Dagster's record.
    """

    folder: Path
    network: Network
    environ: Mapping[str, str]
    coins: FakeCoinGecko
    reserves: FakeDefiLlama
    instance: dg.DagsterInstance
    _daemons: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def serve(self, part: str, host: Host, *, address: str) -> None:
        """Start the code server of a part on a host, as deploy/cluster/compose.yml does."""
        served = ["-h", address, "-p", str(CODE_PORT), "-m", "marketflows_pipeline_tests.cluster.hand_started"]
        log = self.folder / f"{part}_on_{host.namespace}.log"
        server = host.start(
            [PROGRAMS / "dagster", "api", "grpc", *served],
            environ={**self.environ, "MARKETFLOWS_PARTS": part},
            folder=self.folder / part,
            log=log,
        )
        eventually(lambda: _answers(address) or server.poll() is not None)
        assert server.poll() is None, log.read_text()

    def launch(self, part: str, job: str) -> str:
        """Put a run of the job into the queue; its id."""
        run_id = str(uuid.uuid4())
        workspace = ["-w", str(self.folder / "workspace.yaml"), "-l", part]
        command = [str(PROGRAMS / "dagster"), "job", "launch", *workspace, "-j", job, "--run-id", run_id]
        done = subprocess.run(command, env=self.environ, cwd=self.folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return run_id

    def start_daemon(self) -> None:
        """Start queue, monitoring and schedules."""
        command = [str(PROGRAMS / "dagster-daemon"), "run", "-w", str(self.folder / "workspace.yaml")]
        with (self.folder / "daemon.log").open("wb") as log:
            self._daemons.append(
                subprocess.Popen(command, env=self.environ, cwd=self.folder, stdout=log, stderr=subprocess.STDOUT)
            )

    def stop_daemon(self) -> None:
        """End them."""
        for daemon in self._daemons:
            daemon.terminate()
            daemon.wait()

    def run(self, run_id: str) -> dg.DagsterRun:
        """The run as it stands."""
        found = self.instance.get_run_by_id(run_id)
        assert found is not None
        return found

    def ended(self, run_id: str) -> dg.DagsterRun:
        """The run once it has ended."""
        eventually(lambda: self.run(run_id).is_finished)
        return self.run(run_id)

    def process_of(self, run_id: str) -> int:
        """The process that executes a run."""
        (begun,) = [
            entry.dagster_event
            for entry in self.instance.all_logs(run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)
            if entry.dagster_event and (entry.dagster_event.message or "").startswith("Executing steps")
        ]
        return int(str(begun.engine_event_data.metadata["pid"].value))


def _answers(address: str) -> bool:
    with suppress(OSError), socket.create_connection((address, CODE_PORT), timeout=5):
        return True
    return False


def eventually(holds: Callable[[], Any], *, attempts: int = 3000) -> None:
    """Wait until something holds."""
    pause = threading.Event()
    for _ in range(attempts):
        if holds():
            return
        pause.wait(0.2)
    raise AssertionError(f"never: {holds}")


@pytest.fixture
def cluster(tmp_path: Path, network: Network, postgres: PostgresTarget) -> Iterator[Cluster]:
    """A code server on each host and the daemon here, beside services of 12 coins."""
    now = datetime.now(UTC)
    market = generate(12, start=now, has_churn=False, has_flaws=False)
    with (
        FakeCoinGecko(market, clock=SystemClock(), access=Access(calls_per_minute=None)) as coins,
        FakeDefiLlama(make_cast(7, now, days=30, fillers=5), clock=SystemClock()) as reserves,
    ):
        for host in (network.first, network.second):
            for port in (postgres.port, *(urlsplit(service.url).port for service in (coins, reserves))):
                host.hand_in(int(port or 0))
        for part in LOCATIONS:
            (tmp_path / part).mkdir()
            (tmp_path / part / "config.toml").write_text(
                CONFIG.format(market_caps=coins.url, reserves=reserves.url, budget=postgres)
            )
            (tmp_path / part / "secrets.toml").write_text(f'[coingecko]\napi_key = "{DEMO_KEY}"\n')
            (tmp_path / part / "secrets.toml").chmod(0o600)
        with _dagster(tmp_path, network, postgres) as (environ, instance):
            opened = Cluster(tmp_path, network, environ, coins, reserves, instance)
            opened.serve("market_caps", network.first, address=network.first.address)
            opened.serve("exchanges", network.second, address=network.second.address)
            opened.start_daemon()
            try:
                yield opened
            finally:
                opened.stop_daemon()


@contextmanager
def _dagster(
    folder: Path, network: Network, postgres: PostgresTarget
) -> Iterator[tuple[dict[str, str], dg.DagsterInstance]]:
    """The settings of deploy/cluster for this folder, with shorter rounds."""
    settings = yaml.safe_load((ROOT / "deploy/cluster/dagster.yaml").read_text(encoding="utf-8"))
    settings["storage"]["postgres"]["postgres_db"]["port"] = postgres.port
    for files in ("local_artifact_storage", "compute_logs"):
        settings[files]["config"]["base_dir"] = str(folder / files)
    settings["run_monitoring"]["poll_interval_seconds"] = 1
    settings["run_coordinator"]["config"] |= {"dequeue_interval_seconds": 1, "user_code_failure_retry_delay": 2}
    (folder / "dagster.yaml").write_text(yaml.safe_dump(settings))
    servers = [
        {"grpc_server": {"host": host.address, "port": CODE_PORT, "location_name": part}}
        for part, host in zip(LOCATIONS, (network.first, network.second), strict=True)
    ]
    (folder / "workspace.yaml").write_text(yaml.safe_dump({"load_from": servers}))
    login = {
        "DAGSTER_PG_HOST": postgres.host,
        "DAGSTER_PG_DB": postgres.dbname,
        "DAGSTER_PG_USER": str(postgres.user),
        "DAGSTER_PG_PASSWORD": PASSWORD,
    }
    login["MARKETFLOWS_POSTGRES_PASSWORD"] = PASSWORD
    own = {"DAGSTER_HOME": str(folder), "XDG_STATE_HOME": str(folder / "state"), "PYTHONPATH": str(ROOT)}
    environ = {**os.environ, **login, **own}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in login.items():
            patch.setenv(name, value)
        with dg.DagsterInstance.from_config(str(folder)) as instance:
            yield environ, instance


def test_a_part_whose_host_is_lost_in_mid_run_is_taken_up_by_the_other_one(
    cluster: Cluster, postgres_server: PostgresServer, postgres: PostgresTarget
) -> None:
    """Dagster's own launcher held such a run for going on until its limit of 50 minutes."""
    first, second = cluster.network.first, cluster.network.second
    cluster.reserves.script(RESERVES, faults.stalled())
    lost = cluster.launch("exchanges", "exchange_refresh")
    eventually(lambda: cluster.reserves.calls(RESERVES))
    assert cluster.process_of(lost) in second.processes()

    second.kill()
    second.lose_address()
    other = cluster.launch("market_caps", "market_cap_refresh")
    assert cluster.ended(other).is_success
    assert cluster.run(lost).status is dg.DagsterRunStatus.STARTED

    first.take_address(second.address)
    cluster.serve("exchanges", first, address=second.address)
    assert cluster.ended(lost).is_failure
    eventually(lambda: repeats_of(cluster, lost))
    (repeat,) = repeats_of(cluster, lost)
    assert cluster.ended(repeat.run_id).is_success
    assert repeat.tags[RETRY_NUMBER_TAG] == "1"
    assert repeats_of(cluster, other) == []

    counted = postgres_server.execute(
        "select used from marketflows.credits where provider = 'coingecko'", dbname=postgres.dbname
    )
    assert counted == [(cluster.coins.calls(),)], "each request of either host, also of the lost run, cost one credit"

    published = cluster.folder / "exchanges" / "warehouse" / "marketflows.duckdb"
    assert query_rows(published, "select distinct status, run_id from meta.publish where part = 'exchanges'").rows == [
        ("fresh", repeat.run_id)
    ]


def repeats_of(cluster: Cluster, run_id: str) -> list[dg.DagsterRun]:
    """The runs that repeat a run."""
    return list(cluster.instance.get_runs(dg.RunsFilter(tags={PARENT_RUN_ID_TAG: run_id})))
