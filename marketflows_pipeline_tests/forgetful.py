"""An instance of Dagster for runs in this process that keeps none of their events."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import dagster as dg
from dagster._core.event_api import EventRecordsResult

NO_RECORDS: EventRecordsResult = EventRecordsResult(records=[], cursor="", has_more=False)


@contextmanager
def forgetful_instance() -> Iterator[dg.DagsterInstance]:
    """An instance that stores no event, is asked for none, and describes no job: a third of a run of small tables.

    The result of a run in this process has its events all the same, and listeners hear them. What is asked before each
    step is which version its inputs have, of tables that would be empty every time; and the description of the whole
    job, which Dagster writes beside each run, is for a UI that nobody opens.
    """
    with (
        dg.DagsterInstance.ephemeral() as instance,
        patch.multiple(
            instance.event_log_storage,
            store_event=lambda event: None,
            get_asset_records=lambda asset_keys=None: [],
            fetch_observations=lambda records_filter, limit, cursor=None, ascending=False: NO_RECORDS,
            fetch_materializations=lambda records_filter, limit, cursor=None, ascending=False: NO_RECORDS,
        ),
        patch.multiple(
            dg.JobDefinition,
            get_job_snapshot=lambda job: None,
            get_job_snapshot_id=lambda job: "",
            get_parent_job_snapshot=lambda job: None,
        ),
        patch("dagster._core.snap.snapshot_from_execution_plan", lambda plan, snapshot_id: None),
    ):
        yield instance
