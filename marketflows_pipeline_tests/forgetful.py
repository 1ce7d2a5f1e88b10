"""An instance of Dagster for runs in this process that keeps none of their events."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import dagster as dg


@contextmanager
def forgetful_instance() -> Iterator[dg.DagsterInstance]:
    """An instance that writes no event to its database, which is a fifth of a run of small tables.

    The result of a run in this process has its events all the same, and listeners hear them.
    """
    with (
        dg.DagsterInstance.ephemeral() as instance,
        patch.object(instance.event_log_storage, "store_event", lambda event: None),
    ):
        yield instance
