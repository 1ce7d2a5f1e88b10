"""The count of requests: every attempt is recorded before it is sent."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import datetime

from marketflows_pipeline.errors import WarehouseError
from marketflows_pipeline.providers.http.ledger import CallId, Outcome, month_after, month_of
from marketflows_pipeline.warehouse.call_journal import Call
from marketflows_pipeline.warehouse.store import Warehouse


class WarehouseLedger:
    """The record of one run's requests, in the warehouse's journal of calls and by the next transaction in its table.

    A killed run keeps the count of what it spent.
    """

    def __init__(self, warehouse: Warehouse, run_id: str) -> None:
        self._warehouse = warehouse
        self._run_id = run_id
        self._sent: dict[CallId, Call] = {}
        self._spent: dict[tuple[str, datetime], int] = {}

    def begin(self, provider: str, endpoint: str, target: str, attempt: int, at: datetime) -> str:
        """Record an attempt that is about to be sent; arguments as in `CallLedger`.

        Returns:
            The id under which `finish` records the outcome.
        """
        call_id = uuid.uuid4().hex
        call = Call(call_id, at, provider, endpoint, target, attempt, self._run_id)
        self._warehouse.calls.note(call)
        self._sent[call_id] = call
        month = (provider, month_of(at))
        if month in self._spent:
            self._spent[month] += 1
        return call_id

    def finish(
        self, call_id: CallId, status: int | None, outcome: Outcome, error: str | None, duration_ms: float
    ) -> None:
        """Record how an attempt ended.

        The status is None where no answer came; ``error`` has no secret; ``duration_ms`` is until the answer was
        complete.

        Raises:
            WarehouseError: if no attempt of that id is under way.
        """
        if call_id not in self._sent:
            raise WarehouseError(f"no request {call_id} is under way")
        call = self._sent.pop(call_id)
        self._warehouse.calls.note(
            replace(call, status_code=status, outcome=outcome, error=error, duration_ms=duration_ms)
        )

    def spent(self, provider: str, month_start: datetime) -> int:
        """Attempts of the UTC month that holds `month_start`, whatever came of them."""
        start = month_of(month_start)
        month = (provider, start)
        if month not in self._spent:
            self._spent[month] = calls_of_month(self._warehouse, provider, start)
        return self._spent[month]

    def exhausted(self, provider: str, at: datetime) -> None:
        """Nothing to record: the call that was told so is, and one run shares its count with nobody."""


def calls_of_month(warehouse: Warehouse, provider: str, moment: datetime) -> int:
    """Attempts of all runs in the UTC month that holds `moment`, whatever came of them."""
    start = month_of(moment)
    counted = warehouse.query(
        "select count(*) as n from meta.api_calls where provider = ? and sent_at >= ? and sent_at < ?",
        (provider, start, month_after(start)),
    )
    return int(counted["n"].item())
