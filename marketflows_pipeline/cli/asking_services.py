"""Services that a command asks outside of a run: their calls are counted in the warehouse, as those of runs are."""

from __future__ import annotations

import contextlib
import shlex
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from marketflows_pipeline.cli.text import say
from marketflows_pipeline.clock import Clock
from marketflows_pipeline.options import WAIT_OF_A_COMMAND, RunOptions

if TYPE_CHECKING:
    from marketflows_pipeline.clients import Clients
    from marketflows_pipeline.settings import Settings


@contextlib.contextmanager
def services_of(settings: Settings, command: str, clock: Clock) -> Iterator[Clients]:
    """The services of these settings for a command, while no run is going on.

    Args:
        settings: their plans, keys and addresses, and the warehouse that counts the calls.
        command: how its calls are named in ``meta.api_calls``.
        clock: tells the time.

    Raises:
        RunLockedError: if a run is going on for longer than a minute.
    """
    from marketflows_pipeline.clients import Clients
    from marketflows_pipeline.coordination.run_locks import lock_of
    from marketflows_pipeline.system.run_lock import LOCK_WAIT_S
    from marketflows_pipeline.warehouse.ledger import WarehouseLedger
    from marketflows_pipeline.warehouse.store import Warehouse
    from marketflows_pipeline.warehouse.stores.chosen import store_of

    # It writes nothing of any part, so where parts are locked one by one it waits for none.
    lock = lock_of(settings, parts=(), on_wait=lambda words: say(words, is_error=True))
    with lock.acquire(command=shlex.join(sys.argv), wait_s=LOCK_WAIT_S), Warehouse(store_of(settings)) as warehouse:
        options = RunOptions(wait_limit=WAIT_OF_A_COMMAND)
        with Clients(settings, options, WarehouseLedger(warehouse, command), clock) as clients:
            yield clients
