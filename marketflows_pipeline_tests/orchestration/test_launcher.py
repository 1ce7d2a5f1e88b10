"""Runs whose host is lost: what the run monitoring learns from the code server that they were started in."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import dagster as dg
import grpc  # type: ignore[import-untyped]
import pytest
from dagster._core.launcher import WorkerStatus
from dagster._core.storage.tags import GRPC_INFO_TAG
from dagster._daemon.auto_run_reexecution.auto_run_reexecution import filter_runs_to_should_retry
from dagster._daemon.monitoring.run_monitoring import monitor_started_run
from dagster._grpc.__generated__ import dagster_api_pb2
from dagster._grpc.__generated__.dagster_api_pb2_grpc import (
    DagsterApiServicer,
    add_DagsterApiServicer_to_server,
)
from dagster._grpc.types import GetCurrentRunsResult
from dagster_shared.serdes import serialize_value

from marketflows_pipeline.orchestration.launcher import WatchedRunLauncher

pytestmark = pytest.mark.slow

SETTINGS = """
run_launcher:
  module: marketflows_pipeline.orchestration.launcher
  class: WatchedRunLauncher
run_monitoring: {enabled: true, max_runtime_seconds: 3000}
run_retries: {enabled: true, max_retries: 1}
telemetry: {enabled: false}
"""


class CodeServer(DagsterApiServicer):
    """As `dagster api grpc`, with the runs that it is told to hold."""

    def __init__(self, *runs: str) -> None:
        self.runs = list(runs)

    def GetCurrentRuns(self, request: Any, context: Any) -> Any:
        held = serialize_value(GetCurrentRunsResult(current_runs=self.runs, serializable_error_info=None))
        return dagster_api_pb2.GetCurrentRunsReply(serialized_current_runs=held)


@contextmanager
def serving(servicer: DagsterApiServicer) -> Iterator[int]:
    """The port of a code server."""
    server = grpc.server(ThreadPoolExecutor(max_workers=1))
    add_DagsterApiServicer_to_server(servicer, server)  # type: ignore[no-untyped-call]
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield port
    finally:
        server.stop(None).wait()


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    (tmp_path / "dagster.yaml").write_text(SETTINGS)
    with dg.DagsterInstance.from_config(str(tmp_path)) as opened:
        yield opened


def started(instance: dg.DagsterInstance, port: int | None) -> dg.DagsterRun:
    """A run that goes on in the code server at a port."""
    tags = {} if port is None else {GRPC_INFO_TAG: json.dumps({"host": "127.0.0.1", "port": port})}
    job = dg.GraphDefinition(name="market_cap_refresh").to_job()
    return instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED, tags=tags)


def watched(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dg.DagsterRun:
    """The run after a round of Dagster's own monitoring."""
    (record,) = instance.get_run_records(dg.RunsFilter(run_ids=[run.run_id]))
    monitor_started_run(instance, cast("Any", None), record, logging.getLogger(__name__))
    found = instance.get_run_by_id(run.run_id)
    assert found is not None
    return found


def test_dagster_takes_the_launcher_from_its_settings(instance: dg.DagsterInstance) -> None:
    assert isinstance(instance.run_launcher, WatchedRunLauncher)


def test_a_run_that_its_code_server_holds_goes_on(instance: dg.DagsterInstance) -> None:
    server = CodeServer()
    with serving(server) as port:
        run = started(instance, port)
        server.runs.append(run.run_id)
        assert watched(instance, run).status is dg.DagsterRunStatus.STARTED


def test_a_run_that_a_server_started_anew_does_not_hold_is_failed_and_repeated(instance: dg.DagsterInstance) -> None:
    """Dagster's own launcher left it as going on for the 50 minutes of its limit."""
    with serving(CodeServer("another-run")) as port:
        run = watched(instance, started(instance, port))
    assert run.status is dg.DagsterRunStatus.FAILURE
    assert [each.run_id for each in filter_runs_to_should_retry([run], instance)] == [run.run_id]


def test_while_the_server_does_not_answer_the_run_is_left_as_it_is(instance: dg.DagsterInstance) -> None:
    """A run failed now would not be repeated at all, since Dagster asks the same server for its job."""
    with serving(CodeServer()) as port:
        pass
    assert watched(instance, started(instance, port)).status is dg.DagsterRunStatus.STARTED


def test_a_server_without_a_list_of_its_runs_fails_none(instance: dg.DagsterInstance) -> None:
    """`dagster code-server` answers so."""
    with serving(DagsterApiServicer()) as port:
        assert watched(instance, started(instance, port)).status is dg.DagsterRunStatus.STARTED


def test_a_run_of_the_command_line_has_no_code_server(instance: dg.DagsterInstance) -> None:
    run = started(instance, None)
    assert instance.run_launcher.check_run_worker_health(run).status is WorkerStatus.RUNNING
