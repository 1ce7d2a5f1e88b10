"""A call ledger in memory, whose calls a test can look at."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from marketflows_pipeline.providers.http.ledger import CallId, Outcome, month_after


@dataclass
class RecordedCall:
    """One attempt, as a ledger remembers it."""

    provider: str
    endpoint: str
    target: str
    attempt: int
    at: datetime
    status: int | None = None
    outcome: Literal["sent"] | Outcome = "sent"
    error: str | None = None
    duration_ms: float | None = None


@dataclass
class MemoryLedger:
    """A ledger that lasts as long as the test."""

    calls: list[RecordedCall] = field(default_factory=list)

    def begin(self, provider: str, endpoint: str, target: str, attempt: int, at: datetime) -> CallId:
        """Record an attempt before it is sent."""
        self.calls.append(RecordedCall(provider, endpoint, target, attempt, at))
        return len(self.calls) - 1

    def finish(
        self, call_id: CallId, status: int | None, outcome: Outcome, error: str | None, duration_ms: float
    ) -> None:
        """Complete the record."""
        call = self.calls[int(call_id)]
        call.status, call.outcome, call.error, call.duration_ms = status, outcome, error, duration_ms

    def spent(self, provider: str, month_start: datetime) -> int:
        """Attempts sent to a service in the month that begins at ``month_start``."""
        end = month_after(month_start)
        return sum(call.provider == provider and month_start <= call.at < end for call in self.calls)

    def exhausted(self, provider: str, at: datetime) -> None:
        """Nothing is shared."""
