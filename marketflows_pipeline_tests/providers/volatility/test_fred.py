"""The provider against a FRED of our own, and as what stands in for Cboe."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.errors import NotFoundError, UnexpectedResponseError
from marketflows_pipeline.providers.fallback import first_that_answers
from marketflows_pipeline.providers.protocols.cross_asset import (
    REFERENCE_SCHEMA,
    VOLATILITY_SCHEMA,
    ReferenceProvider,
    VolatilityProvider,
)
from marketflows_pipeline.providers.volatility.client import Cboe, Fred
from marketflows_pipeline_tests.fakes import faults
from marketflows_pipeline_tests.fakes.us_calendar import sessions
from marketflows_pipeline_tests.fakes.volatility.service import DAILY_PRICES, FIRST_DAY, FREDGRAPH, REFERENCE, FakeCboe
from marketflows_pipeline_tests.providers.memory_ledger import MemoryLedger


@pytest.fixture
def service(clock: FixedClock) -> Iterator[FakeCboe]:
    with FakeCboe(clock=clock) as running:
        yield running


@pytest.fixture
def asking(service: FakeCboe, clock: FixedClock, ledger: MemoryLedger) -> Iterator[Fred]:
    with Fred(clock=clock, ledger=ledger, base_url=service.url, timeout=60.0) as client:
        yield client


def test_it_is_a_provider_of_volatility_indices(asking: Fred) -> None:
    provider: VolatilityProvider = asking

    assert provider.name == "fred"
    assert Fred.default_url == "https://fred.stlouisfed.org"


@pytest.mark.parametrize(("index", "series"), [("VIX", "VIXCLS"), ("VIX3M", "VXVCLS")])
def test_an_index_has_every_session_and_no_holiday(asking: Fred, service: FakeCboe, index: str, series: str) -> None:
    frame = asking.volatility_index(index)

    assert frame.schema == VOLATILITY_SCHEMA
    # It is the night to Friday the 18th: FRED has Wednesday's close, and copies Thursday's in the morning.
    assert frame["session"].to_list() == sessions(FIRST_DAY, date(2026, 9, 16))
    assert set(frame["index_name"]) == {index}
    assert set(frame["source"]) == {"fred:fredgraph"}
    assert service.exchanges[0].request.target == f"{FREDGRAPH}?id={series}"


def test_older_headers_and_dots_read_the_same(clock: FixedClock, ledger: MemoryLedger, asking: Fred) -> None:
    with (
        FakeCboe(clock=clock, fred_header="DATE", fred_missing=".") as old,
        Fred(clock=clock, ledger=ledger, base_url=old.url) as client,
    ):
        assert client.volatility_index("VIX").equals(asking.volatility_index("VIX"))


def test_another_index_is_not_asked_for(asking: Fred, service: FakeCboe) -> None:
    with pytest.raises(NotFoundError, match="VIX and VIX3M only, not VVIX"):
        asking.volatility_index("VVIX")

    assert service.calls() == 0


def test_what_may_pass_is_asked_again_until_it_is_answered(asking: Fred, service: FakeCboe) -> None:
    spoilt = (faults.html(200), faults.truncated(), faults.cut_off(), faults.plain_text(502, "Bad Gateway"))
    service.script(FREDGRAPH, *spoilt)

    assert asking.volatility_index("VIX").height == len(sessions(FIRST_DAY, date(2026, 9, 16)))
    assert service.calls() == len(spoilt) + 1


def test_a_missing_series_is_not_asked_again(asking: Fred, service: FakeCboe) -> None:
    service.script(FREDGRAPH, faults.html(404))

    with pytest.raises(NotFoundError):
        asking.volatility_index("VIX")

    assert service.calls() == 1


def test_another_series_is_a_bad_answer(asking: Fred, service: FakeCboe) -> None:
    service.script(FREDGRAPH, faults.plain_text(200, "observation_date,DGS10\n2026-09-16,4.20\n"))

    with pytest.raises(UnexpectedResponseError, match="no header with date/observation_date and value/vixcls"):
        asking.volatility_index("VIX")


def test_it_tells_the_same_closes_as_cboe_a_day_later(
    asking: Fred, service: FakeCboe, clock: FixedClock, ledger: MemoryLedger
) -> None:
    clock.set(datetime(2026, 9, 18, 13, tzinfo=UTC))

    with Cboe(clock=clock, ledger=ledger, base_url=service.url) as cboe:
        theirs = cboe.volatility_index("VIX")

    assert asking.volatility_index("VIX").drop("source").equals(theirs.drop("source"))


@pytest.mark.slow
@pytest.mark.parametrize("fault", [faults.html(200), faults.html(403), faults.html(503)])
def test_it_answers_where_cboe_does_not(
    asking: Fred,
    service: FakeCboe,
    clock: FixedClock,
    caplog: pytest.LogCaptureFixture,
    fault: faults.Fault,
) -> None:
    service.script(DAILY_PRICES, *[fault] * 30)

    with Cboe(clock=clock, ledger=MemoryLedger(), base_url=service.url) as cboe:
        providers: list[VolatilityProvider] = [cboe, asking]
        answered = first_that_answers(providers, lambda provider: provider.volatility_index("VIX3M"))

    assert set(answered["source"]) == {"fred:fredgraph"}
    assert "cboe failed, falling back to the next provider: cboe /api/global" in caplog.text


@pytest.mark.parametrize("series", sorted(REFERENCE))
def test_reference_series_come_whole_with_values_below_zero(asking: Fred, series: str) -> None:
    """A slope of -0.4 was no close above 0 and would have been left out as no VIX can be."""
    provider: ReferenceProvider = asking
    values = provider.reference_series(series)

    assert values.schema == REFERENCE_SCHEMA
    assert values["session"].is_sorted()
    assert values["value"].null_count() == 0
    assert (values.height, set(values["series_id"])) == (asking.volatility_index("VIX").height, {series})
    assert (values["value"].min() < 0) is (series != "DTWEXBGS")  # type: ignore[operator]


@pytest.mark.parametrize("missing", ["", "."])
def test_holidays_of_a_reference_series_have_no_row(clock: FixedClock, ledger: MemoryLedger, missing: str) -> None:
    with (
        FakeCboe(clock=clock, fred_missing=missing) as running,
        Fred(clock=clock, ledger=ledger, base_url=running.url, timeout=60.0) as client,
    ):
        days = set(client.reference_series("DGS10")["session"])
    assert date(2026, 1, 1) not in days
    assert date(2026, 1, 2) in days


def test_an_unknown_reference_series_is_not_found(asking: Fred) -> None:
    with pytest.raises(NotFoundError):
        asking.reference_series("NOSUCH")
