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
    """An instance that writes no event to its database, and asks it for none: two fifths of a run of small tables.

    The result of a run in this process has its events all the same, and listeners hear them. What is asked before each
    step is which version its inputs have, of tables that would be empty every time.
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
    ):
        yield instance
