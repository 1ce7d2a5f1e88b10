"""What every market-cap provider with a network does about faults, limits and keys."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from marketflows_pipeline.errors import (
    CreditsExhaustedError,
    NotFoundError,
    PermanentProviderError,
    ProviderError,
    TransientProviderError,
    UnexpectedResponseError,
)
from marketflows_pipeline.providers.http.retry import MAX_ATTEMPTS
from marketflows_pipeline.providers.protocols.market_caps import MarketCapProvider
from marketflows_pipeline_tests.fakes import faults
from marketflows_pipeline_tests.fakes.faults import Fault
from marketflows_pipeline_tests.providers.conformance.world import Service, World
from marketflows_pipeline_tests.providers.impatience import ImpatientOnce

PASSING = {
    "429": faults.json_error(429, {"error": "too many requests"}, {"retry-after": "30"}),
    "429 without a time": faults.json_error(429, {"error": "too many requests"}),
    "429 by a page": faults.html(429),
    "500": faults.json_error(500, {"error": "internal server error"}),
    "503 by a page": faults.html(503),
    "a page under 200": faults.html(200),
    "truncated": faults.truncated(),
    "cut off": faults.cut_off(),
    "reset": faults.reset(),
    "empty": faults.empty(),
}
REFUSALS = {
    "400": faults.json_error(400, {"error": "invalid parameter"}),
    "403 by a page": faults.html(403),
    "a redirect": faults.redirect("https://elsewhere.example/"),
}


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
def test_a_passing_fault_is_healed_and_each_attempt_counted(networked: World, service: Service, fault: Fault) -> None:
    provider = networked.open()
    whole = provider.history(networked.known, networked.longest_days)
    service.fake.exchanges.clear()
    networked.ledger.calls.clear()
    service.fake.script(service.history_endpoint, fault, fault)

    assert provider.history(networked.known, networked.longest_days).height >= whole.height
    assert [call.outcome for call in networked.ledger.calls] == ["retry", "retry", "ok"]
    assert len(service.fake.exchanges) == 3
    assert not service.fake.unmet


def test_an_answer_that_stalls_is_given_up_and_requested_again(networked: World, service: Service) -> None:
    service.fake.script(service.history_endpoint, faults.stalled())
    provider = networked.open(transport=ImpatientOnce())

    assert provider.history(networked.known, networked.longest_days).height > 100
    assert [call.outcome for call in networked.ledger.calls] == ["retry", "ok"]
    assert "ReadTimeout" in str(networked.ledger.calls[0].error)


def test_a_service_that_is_down_is_given_up(networked: World, service: Service) -> None:
    service.fake.script(service.history_endpoint, *[faults.html(503)] * 30)

    with pytest.raises(TransientProviderError) as failure:
        networked.open().history(networked.known, networked.longest_days)

    assert failure.value.provider == networked.open().name
    assert 1 < len(networked.ledger.calls) <= MAX_ATTEMPTS
    assert len(networked.ledger.calls) == len(service.fake.exchanges)


@pytest.mark.parametrize("fault", REFUSALS.values(), ids=REFUSALS)
def test_a_refusal_is_final(networked: World, service: Service, fault: Fault) -> None:
    service.fake.script(service.history_endpoint, fault)

    with pytest.raises(PermanentProviderError):
        networked.open().history(networked.known, networked.longest_days)

    assert [call.outcome for call in networked.ledger.calls] == ["failed"]
    assert len(service.fake.exchanges) == 1


@pytest.mark.parametrize("body", [{"surprise": "party"}, 42, "soon", [[1, 2, 3, 4]]])
def test_another_shape_than_documented_is_an_error_of_its_own(networked: World, service: Service, body: object) -> None:
    """Taken for a refusal, it would have marked the coin as one that the service does not have."""
    service.fake.script(service.history_endpoint, *[faults.json_error(200, body)] * 30)

    with pytest.raises((UnexpectedResponseError, TransientProviderError)):
        networked.open().history(networked.known, networked.longest_days)


def test_the_month_is_not_overspent_by_a_client_that_begins_anew(networked: World, service: Service) -> None:
    """A restarted run counts on from what the ledger holds, failed attempts included."""
    service.fake.script(service.history_endpoint, faults.html(503))
    networked.open(monthly_credits=3).history(networked.known, networked.longest_days)
    assert networked.ledger.spent(networked.open().name, networked.clock.now().replace(day=1, hour=0)) == 2

    second = networked.open(monthly_credits=3)
    second.history(networked.known, networked.longest_days)
    with pytest.raises(CreditsExhaustedError):
        second.history(networked.known, networked.longest_days)

    assert len(service.fake.exchanges) == 3


def test_no_key_is_shown(networked: World, service: Service, caplog: pytest.LogCaptureFixture) -> None:
    provider = networked.open()
    shown = [repr(provider)]
    fault_of: dict[Callable[[], object], Fault | None] = {
        lambda: provider.history(networked.unknown, networked.longest_days): None,
        lambda: provider.history(networked.known, networked.longest_days): faults.html(403),
    }
    with caplog.at_level(logging.DEBUG):
        for request, fault in fault_of.items():
            service.fake.script(service.history_endpoint, fault)
            shown += _words_of(request)
    shown += [record.getMessage() for record in caplog.records]
    shown += [repr(networked.ledger.calls), *(exchange.request.target for exchange in service.fake.exchanges)]

    assert len(networked.ledger.calls) == 2
    assert not [text for text in shown for secret in service.secrets if secret in text]


def _words_of(request: Callable[[], object]) -> list[str]:
    with pytest.raises((NotFoundError, ProviderError)) as refusal:
        request()
    return [str(refusal.value), repr(vars(refusal.value))]


def test_nothing_is_requested_before_it_is_taken(networked: World, service: Service) -> None:
    provider: MarketCapProvider = networked.open()
    pages = provider.snapshot_pages(0)
    assert not service.fake.exchanges

    next(pages)
    assert service.fake.exchanges
