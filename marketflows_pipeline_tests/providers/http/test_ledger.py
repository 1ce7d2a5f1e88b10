from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from marketflows_pipeline.errors import CreditsExhaustedError
from marketflows_pipeline.providers.http.ledger import month_after, month_of, refuse_beyond
from marketflows_pipeline_tests.providers.memory_ledger import MemoryLedger

DECEMBER = datetime(2026, 12, 1, tzinfo=UTC)


def ledger_of(*moments: datetime) -> MemoryLedger:
    ledger = MemoryLedger()
    for moment in moments:
        ledger.begin("coingecko", "/ping", "/ping", 1, moment)
    return ledger


def test_an_attempt_counts_from_when_it_is_sent_whatever_becomes_of_it() -> None:
    ledger = ledger_of(DECEMBER)

    assert ledger.calls[0].outcome == "sent"
    assert ledger.spent("coingecko", DECEMBER) == 1


def test_only_the_calendar_month_and_the_service_count() -> None:
    ledger = ledger_of(DECEMBER - timedelta(seconds=1), DECEMBER, month_after(DECEMBER))
    ledger.begin("defillama", "/protocols", "/protocols", 1, DECEMBER)

    assert ledger.spent("coingecko", DECEMBER) == 1


def test_a_month_is_that_of_utc() -> None:
    tokyo = timezone(timedelta(hours=9))

    assert month_of(datetime(2026, 12, 1, 8, 59, tzinfo=tokyo)) == datetime(2026, 11, 1, tzinfo=UTC)


def test_the_month_after_december_is_january() -> None:
    assert month_after(DECEMBER) == datetime(2027, 1, 1, tzinfo=UTC)


def test_the_refusal_names_plan_limit_month_and_reset() -> None:
    ledger = ledger_of(DECEMBER, DECEMBER)

    refuse_beyond(3, "demo", "coingecko", ledger, DECEMBER)
    with pytest.raises(CreditsExhaustedError) as refusal:
        refuse_beyond(2, "demo", "coingecko", ledger, DECEMBER)

    for said in ("coingecko", "'demo'", "2 credits", "December 2026", "2027-01-01 at 00:00 UTC", "monthly_credits"):
        assert said in str(refusal.value)
