"""Dagster's launcher over code servers, which also notices that the process of a run is gone.

Dagster's own starts a run in the code server that owns its job, and asks nothing afterwards: where the host is lost,
the run counts as going on until its limit of time. Named as ``run_launcher`` in dagster.yaml, this one asks that server
in every round of the run monitoring.
"""

from __future__ import annotations

import contextlib

from dagster import DagsterRun, DefaultRunLauncher, deserialize_value
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus
from dagster._grpc.types import GetCurrentRunsResult


class WatchedRunLauncher(DefaultRunLauncher):
    """Starts a run in the code server that owns its job, and fails it once that server no longer holds it."""

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Yes."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Ask the code server that the run was started in.

        While the server does not answer, the run is left as it is: it may go on behind a broken network, and Dagster
        repeats a run only where the code server of its job answers. So a lost host's run is repeated once its code
        server is back, there or elsewhere under its name; until then the limit of time is what ends it. The same holds
        of a server that keeps no list of its runs (``dagster code-server``; ``dagster api grpc`` keeps one).
        """
        with contextlib.suppress(DagsterUserCodeUnreachableError):
            # No public name leads to the server of a run; Dagster's own `terminate` asks it so.
            client = self._get_grpc_client_for_termination(run.run_id)  # type: ignore[no-untyped-call] # Dagster's
            if client is not None:
                going_on = deserialize_value(client.get_current_runs(), GetCurrentRunsResult).current_runs
                if run.run_id not in going_on:
                    return CheckRunHealthResult(
                        WorkerStatus.NOT_FOUND, f"the code server at {client.host} was started anew and has no such run"
                    )
        return CheckRunHealthResult(WorkerStatus.RUNNING)
