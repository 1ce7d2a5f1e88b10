"""Which lock a run takes: that of its parts for all hosts, or that of the private file for this machine."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from marketflows_pipeline.schema import PARTS
from marketflows_pipeline.settings import Settings
from marketflows_pipeline.system.run_lock import Lock, RunLock, lock_path

logger = logging.getLogger(__name__)


def lock_of(
    settings: Settings,
    parts: Sequence[str] = PARTS,
    *,
    on_wait: Callable[[str], None] = logger.info,
    patience_s: float | None = None,
) -> Lock:
    """The lock for work on these parts.

    Args:
        settings: say where the store is, and whether its parts are locked one by one.
        parts: which the work writes; a file is locked as a whole.
        on_wait: told once that another run is waited for, and which.
        patience_s: how long a database that does not answer is waited for, where that is not as long as for a run.

    Raises:
        UserInputError: if the locks are in Postgres, and psycopg is not installed.
    """
    if not settings.locks_parts:
        return RunLock(lock_path(settings.warehouse.path), on_wait=on_wait)
    from marketflows_pipeline.coordination.database import PATIENCE_S, open_database  # noqa: PLC0415 (for several hosts)
    from marketflows_pipeline.coordination.locks import PartLocks  # noqa: PLC0415

    database = open_database(settings, patience_s=PATIENCE_S if patience_s is None else patience_s)
    return PartLocks(database, settings.store_name, parts, on_wait=on_wait)
