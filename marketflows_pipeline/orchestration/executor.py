"""Dagster's own in-process executor, but a run that cannot begin says why in one line and is not tried again.

The daemon repeats a run whose process was lost. One without a key, with a fault in config.toml or without a right to
the warehouse fails the second time as well, and Dagster's account of it is a page of Dagster's own code.
"""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
from dagster import DagsterEvent, DagsterExecutionInterruptedError
from dagster._core.events import RunFailureReason
from dagster._core.execution.context.system import PlanOrchestrationContext
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.retries import RetryMode
from dagster._core.executor.in_process import InProcessExecutor
from dagster_shared.error import SerializableErrorInfo


class RunCannotBegin(BaseException):
    """A resource of the run could not be made; the cause says why.

    No `Exception`, because Dagster would wrap that into its own and log it with a stack trace.
    """


class OneLineExecutor(InProcessExecutor):
    """Runs all steps in this process: a step costs 30 ms instead of 1.5 s, and the warehouse has one opener."""

    def execute(self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan) -> Iterator[DagsterEvent]:
        """Run the steps; where it cannot be opened, fail the run with the fault's own words."""
        try:
            yield from super().execute(plan_context, execution_plan)
        except RunCannotBegin as failure:
            error = failure.__cause__
            plan_context.instance.add_run_tags(plan_context.run_id, {"dagster/max_retries": "0"})
            yield DagsterEvent.job_failure(
                plan_context,
                str(error),
                RunFailureReason.JOB_INITIALIZATION_FAILURE,
                SerializableErrorInfo(str(error), [], type(error).__name__),
            )
            # The one exception after which Dagster leaves a run that has failed already as it is.
            raise DagsterExecutionInterruptedError from None


@dg.executor(name="in_process")
def in_process(_context: dg.InitExecutorContext) -> OneLineExecutor:
    """All steps in one process."""
    return OneLineExecutor(RetryMode.ENABLED)
