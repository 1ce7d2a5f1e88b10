"""The process that runs the pipeline, hour by hour, and is killed: python -m benchmarks.soak.worker FOLDER SERVICE_URL.

An order is one line of JSON on standard input: ``now`` and ``job``. What happens comes as lines of JSON on standard
output: ``step`` when a step begins, and at the end ``success`` and ``failure``. It runs what a schedule would
run, in one process for many ticks, because starting Dagster takes longer than a tick.
"""

from __future__ import annotations

import json
import logging
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import dagster as dg
import httpx

from benchmarks.soak.simulation import DAILY, REFRESH, TICK
from marketflows_pipeline.assets.exchanges_raw import HOURLY_TABLES
from marketflows_pipeline.assets.market_caps_raw import RAW_TABLES
from marketflows_pipeline.assets.tables import asset_key
from marketflows_pipeline.build import SCHEDULED_HISTORY_LIMIT, build_definitions
from marketflows_pipeline.options import RunOptions
from marketflows_pipeline.orchestration.failures import failure_of
from marketflows_pipeline.progress import LogReporter
from marketflows_pipeline_tests.fakes.server import SteeredClock
from marketflows_pipeline_tests.forgetful import forgetful_instance

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
# What every hour needs; derived tables stay as the last whole refresh left them.
TICK_ASSETS = (
    *(asset_key(name) for name in (*RAW_TABLES, *HOURLY_TABLES)),
    *(dg.AssetKey(["published", part]) for part in ("market_caps", "exchanges")),
)


def main(folder: Path, service_url: str) -> None:
    """Obey orders until the other side closes."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    parts = urlsplit(service_url)
    with httpx.Client(base_url=f"{parts.scheme}://{parts.netloc}") as telling:
        clock = SteeredClock(
            datetime(2000, 1, 1, tzinfo=UTC),
            lambda moment: telling.post("/__clock", json={"now": moment.isoformat()}).raise_for_status(),
        )
        jobs = _jobs(folder, clock)
        with forgetful_instance() as instance:
            for line in sys.stdin:
                order = json.loads(line)
                clock.set(datetime.fromisoformat(order["now"]))
                success, failure = _run(jobs[order["job"]], instance)
                _say(success=success, failure=failure)


def _jobs(folder: Path, clock: SteeredClock) -> dict[str, dg.JobDefinition]:
    options = RunOptions(
        config=folder / "config.toml",
        secrets=folder / "secrets.toml",
        out_dir=folder / "pictures",
        history_time_limit=SCHEDULED_HISTORY_LIMIT,
    )
    definitions = build_definitions(options, clock=clock, reporter=LogReporter())
    tick = dg.define_asset_job(TICK, selection=list(TICK_ASSETS))
    with_tick = dg.Definitions.merge(definitions, dg.Definitions(jobs=[tick]))
    return {name: with_tick.resolve_job_def(name) for name in (TICK, REFRESH, DAILY)}


def _run(job: dg.JobDefinition, instance: dg.DagsterInstance) -> tuple[bool, list[str]]:
    run_id = str(uuid.uuid4())
    instance.add_event_listener(run_id, _say_step)
    result = job.execute_in_process(instance=instance, raise_on_error=False, run_config=QUIET, run_id=run_id)
    # The history of a month of runs lies in memory here.
    instance.delete_run(run_id)
    return result.success, [] if result.success else list(failure_of(result.all_events).lines)


def _say_step(entry: dg.EventLogEntry) -> None:
    event = entry.dagster_event
    if event is not None and event.is_step_start:
        _say(step=event.step_key)


def _say(**facts: object) -> None:
    print(json.dumps(facts), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
