"""Base class of the clients of services with plans: the plan decides the host, the key's header and the limits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import httpx

from marketflows_pipeline.clock import Clock
from marketflows_pipeline.providers.granularity import Granularity
from marketflows_pipeline.providers.http.api_key import key_headers
from marketflows_pipeline.providers.http.client import HttpClient
from marketflows_pipeline.providers.http.ledger import CallLedger
from marketflows_pipeline.providers.http.rate_limiter import MakeLimiter
from marketflows_pipeline.providers.http.responses import Classifier
from marketflows_pipeline.providers.http.service_client import ServiceClient
from marketflows_pipeline.providers.http.wait_budget import WaitBudget
from marketflows_pipeline.providers.plan import Plan


class PlannedClient(ServiceClient):
    """The client of a service with plans.

    ``base_url``, ``calls_per_minute`` and ``monthly_credits`` set others than the plan's; the first plan is the usual
    one. No key is sent on a plan without one. The rest as for `HttpClient`. A subclass sets ``name``, ``plans`` and
    ``classifier``.

    Raises:
        UserInputError: the plan needs a key and there is none, or it can't be one; or the way there is not encrypted.
    """

    name: str
    plans: ClassVar[Mapping[str, Plan]]
    classifier: Classifier
    http_client: ClassVar[type[HttpClient]] = HttpClient

    def __init__(
        self,
        *,
        clock: Clock,
        ledger: CallLedger,
        plan: str | None = None,
        api_key: str | None = None,
        base_url: str | None = None,
        calls_per_minute: int | None = None,
        monthly_credits: int | None = None,
        timeout: float = 30.0,
        waits: WaitBudget | None = None,
        make_limiter: MakeLimiter | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._plan = plan or next(iter(self.plans))
        self._terms = terms = self.plans[self._plan]
        address = base_url or terms.base_url
        http = self.http_client(
            self.name,
            address,
            clock=clock,
            ledger=ledger,
            secret_headers=key_headers(
                terms.key_header, api_key, provider=self.name, address=address, if_missing=self._without_key()
            ),
            calls_per_minute=calls_per_minute or terms.calls_per_minute,
            plan=self._plan,
            monthly_credits=terms.monthly_credits if monthly_credits is None else monthly_credits,
            classify=self.classifier,
            timeout=timeout,
            waits=waits,
            make_limiter=make_limiter,
            transport=transport,
        )
        super().__init__(http, clock)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(plan={self._plan!r}, http={self._http!r})"

    def history_limit_days(self, granularity: Granularity) -> int:
        """Days back that the plan serves."""
        return self._terms.history_limit_days(granularity)

    def _without_key(self) -> str:
        keyless = next(name for name, plan in self.plans.items() if plan.key_header is None)
        return (
            f"{self.name} plan {self._plan!r} needs an API key: set {self.name.upper()}_API_KEY or api_key under "
            f'[{self.name}] in secrets.toml, or plan = "{keyless}" in [providers.{self.name}]'
        )
