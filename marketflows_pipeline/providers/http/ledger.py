"""Call ledger: a record of every attempt at a request, so that the month's credits are never overspent."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal, Protocol, TypeAlias

from marketflows_pipeline.errors import CreditsExhaustedError

CallId: TypeAlias = int | str
Outcome: TypeAlias = Literal["ok", "retry", "failed"]


class CallLedger(Protocol):
    """Where the HTTP client records its calls."""

    def begin(self, provider: str, endpoint: str, target: str, attempt: int, at: datetime) -> CallId:
        """Record an attempt before it is sent, so that a killed run still counts it.

        A ledger that hosts share raises CreditsExhaustedError where the month has no credit left for it.

        The endpoint is without its values, such as ``/coins/{id}/market_chart``; the target, path and parameters, has
        no secret; attempts count from 1.

        Returns:
            The id of the record, for ``finish``.
        """
        ...

    def finish(
        self, call_id: CallId, status: int | None, outcome: Outcome, error: str | None, duration_ms: float
    ) -> None:
        """Complete a record: HTTP status (None without a response), ``ok``, ``retry`` or ``failed``, and why."""
        ...

    def spent(self, provider: str, month_start: datetime) -> int:
        """Attempts sent to a service in the UTC calendar month that begins at ``month_start``, finished or not."""
        ...

    def exhausted(self, provider: str, at: datetime) -> None:
        """Take note that the service itself counts no credits left; for the hosts that share a ledger."""
        ...


def month_of(moment: datetime) -> datetime:
    """Start of the UTC calendar month that holds a moment."""
    return moment.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def month_after(month_start: datetime) -> datetime:
    """Start of the next UTC calendar month."""
    year, month = divmod(month_start.year * 12 + month_start.month, 12)
    return month_start.replace(year=year, month=month + 1)


def refuse_beyond(monthly_credits: int, plan: str, provider: str, ledger: CallLedger, now: datetime) -> None:
    """Refuse an attempt beyond the plan's monthly credits.

    Raises:
        CreditsExhaustedError: as many attempts as the month allows have been sent.
    """
    month = month_of(now)
    spent = ledger.spent(provider, month)
    if spent >= monthly_credits:
        raise credits_exhausted(monthly_credits, plan, provider, spent, month)


def credits_exhausted(
    monthly_credits: int, plan: str, provider: str, spent: int, month: datetime
) -> CreditsExhaustedError:
    """What to say once as many attempts as the month allows have been sent."""
    return CreditsExhaustedError(
        f"{provider}: the {monthly_credits:,} credits of plan {plan!r} for {month:%B %Y} are used up ({spent:,} "
        f"calls sent). They reset on {month_after(month):%Y-%m-%d} at 00:00 UTC; until then the warehouse is "
        f"not refreshed. For a larger plan, set `plan` and `monthly_credits` in [providers.{provider}]"
    )
