"""The provider against a Cboe of our own, on a real socket."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.errors import (
    BadResponseError,
    NotFoundError,
    PermanentProviderError,
    TransientProviderError,
    UnexpectedResponseError,
)
from marketflows_pipeline.providers.protocols.cross_asset import VOLATILITY_SCHEMA, VolatilityProvider
from marketflows_pipeline.providers.volatility.client import Cboe
from marketflows_pipeline_tests.fakes import faults
from marketflows_pipeline_tests.fakes.us_calendar import sessions
from marketflows_pipeline_tests.fakes.volatility.service import DAILY_PRICES, FIRST_DAY, FakeCboe
from marketflows_pipeline_tests.providers.memory_ledger import MemoryLedger

ENDPOINT = "/api/global/us_indices/daily_prices/{index}_History.csv"


@pytest.fixture
def cboe(clock: FixedClock) -> Iterator[FakeCboe]:
    with FakeCboe(clock=clock) as running:
        yield running


@pytest.fixture
def asking(cboe: FakeCboe, clock: FixedClock, ledger: MemoryLedger) -> Iterator[Cboe]:
    with Cboe(clock=clock, ledger=ledger, base_url=cboe.url, timeout=60.0) as client:
        yield client


def test_it_is_a_provider_of_volatility_indices(asking: Cboe) -> None:
    provider: VolatilityProvider = asking

    assert provider.name == "cboe"
    assert Cboe.default_url == "https://cdn.cboe.com"


@pytest.mark.parametrize("index", ["VIX", "VIX3M"])
def test_an_index_has_every_session(asking: Cboe, cboe: FakeCboe, ledger: MemoryLedger, index: str) -> None:
    frame = asking.volatility_index(index)

    assert frame.schema == VOLATILITY_SCHEMA
    # START is the first minute of Friday the 18th in New York.
    assert frame["session"].to_list() == sessions(FIRST_DAY, date(2026, 9, 17))
    assert set(frame["index_name"]) == {index}
    assert set(frame["source"]) == {"cboe:daily_prices"}
    assert frame["close"].is_between(5, 100).all()
    assert cboe.exchanges[0].request.path == ENDPOINT.format(index=index)
    assert ledger.calls[0].endpoint == ENDPOINT


def test_a_file_with_a_preamble_reads_the_same(clock: FixedClock, ledger: MemoryLedger, asking: Cboe) -> None:
    with (
        FakeCboe(clock=clock, preamble="VIX data for 1990 to the present,,,,") as old,
        Cboe(clock=clock, ledger=ledger, base_url=old.url) as client,
    ):
        assert client.volatility_index("VIX").equals(asking.volatility_index("VIX"))


def test_the_day_s_close_comes_when_it_is_written(asking: Cboe, clock: FixedClock) -> None:
    newest = []
    for hour in (20, 23):
        clock.set(datetime(2026, 9, 18, hour, tzinfo=UTC))
        newest.append(asking.volatility_index("VIX")["session"][-1])

    assert newest == [date(2026, 9, 17), date(2026, 9, 18)]


def test_another_index_is_not_asked_for(asking: Cboe, cboe: FakeCboe) -> None:
    with pytest.raises(NotFoundError, match="VIX and VIX3M only, not VVIX"):
        asking.volatility_index("VVIX")

    assert cboe.calls() == 0


@pytest.mark.parametrize(
    ("fault", "kind"), [(faults.plain_text(404, "gone"), NotFoundError), (faults.html(403), PermanentProviderError)]
)
def test_a_refusal_is_not_asked_again(
    asking: Cboe, cboe: FakeCboe, fault: faults.Fault, kind: type[PermanentProviderError]
) -> None:
    cboe.script(DAILY_PRICES, fault)

    with pytest.raises(kind):
        asking.volatility_index("VIX")

    assert cboe.calls() == 1


def test_what_may_pass_is_asked_again_until_it_is_answered(asking: Cboe, cboe: FakeCboe) -> None:
    spoilt = (faults.html(200), faults.truncated(), faults.cut_off(), faults.reset(), faults.html(503))
    cboe.script(DAILY_PRICES, *spoilt)

    assert asking.volatility_index("VIX").height == len(sessions(FIRST_DAY, date(2026, 9, 17)))
    assert cboe.calls() == len(spoilt) + 1


@pytest.mark.slow
def test_a_page_instead_of_a_file_is_a_bad_answer(asking: Cboe, cboe: FakeCboe) -> None:
    cboe.script(DAILY_PRICES, *[faults.html(200)] * 30)

    with pytest.raises(BadResponseError, match="an HTML page"):
        asking.volatility_index("VIX")


@pytest.mark.slow
def test_a_service_that_stays_down_is_given_up(asking: Cboe, cboe: FakeCboe) -> None:
    cboe.script(DAILY_PRICES, *[faults.html(503)] * 30)

    with pytest.raises(TransientProviderError, match="given up after"):
        asking.volatility_index("VIX")


def test_another_layout_is_a_bad_answer_that_is_not_asked_again(asking: Cboe, cboe: FakeCboe) -> None:
    cboe.script(DAILY_PRICES, faults.plain_text(200, "day;value\n1;2\n"))

    with pytest.raises(UnexpectedResponseError, match="no header with date and close"):
        asking.volatility_index("VIX")

    assert cboe.calls() == 1
