"""The reason for an executor of our own; what it does is in dagster_graph/test_schedules.py."""

from __future__ import annotations

import dagster as dg
from dagster._core.events import DagsterEventType
from dagster._core.execution.api import execute_run

from marketflows_pipeline.errors import UserInputError


@dg.resource
def run(_context: dg.InitResourceContext) -> None:
    raise UserInputError("config.toml is missing")


@dg.op(required_resource_keys={"run"})
def step() -> None:
    """Is never reached."""


def job() -> dg.JobDefinition:
    graph = dg.GraphDefinition(name="job", node_defs=[step])
    return graph.to_job(resource_defs={"run": run}, executor_def=dg.in_process_executor)


def test_dagsters_own_executor_tells_of_a_run_that_cannot_begin_by_stack_traces() -> None:
    """Where this fails because it says the fault's own words, ours can go."""
    with dg.DagsterInstance.ephemeral() as instance:
        begun = instance.create_run_for_job(job())
        execute_run(dg.reconstructable(job), begun, instance)
        events = [entry.dagster_event for entry in instance.all_logs(begun.run_id) if entry.dagster_event]
    (failure,) = [event for event in events if event.event_type is DagsterEventType.RUN_FAILURE]
    assert failure.job_failure_data.error is not None
    assert failure.job_failure_data.error.stack
    assert "config.toml is missing" not in (failure.message or "")
