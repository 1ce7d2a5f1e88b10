"""Base classes of the clients of services: one HTTP client each, closed as a context manager."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import ClassVar, Required, Self, TypedDict, Unpack

import httpx

from marketflows_pipeline.clock import Clock
from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.providers.granularity import Granularity
from marketflows_pipeline.providers.http.addresses import keeps_secrets
from marketflows_pipeline.providers.http.client import HttpClient
from marketflows_pipeline.providers.http.ledger import CallLedger
from marketflows_pipeline.providers.http.rate_limiter import MakeLimiter
from marketflows_pipeline.providers.http.responses import Classifier, classify_file
from marketflows_pipeline.providers.http.wait_budget import WaitBudget
from marketflows_pipeline.providers.plan import Plan


class OfRun(TypedDict, total=False):
    """Arguments of `HttpClient` that come from the run, whatever the service."""

    clock: Required[Clock]
    ledger: Required[CallLedger]
    waits: WaitBudget | None
    make_limiter: MakeLimiter | None
    transport: httpx.BaseTransport | None


class ServiceClient:
    """The client of one service."""

    def __init__(self, http: HttpClient, clock: Clock) -> None:
        self._http = http
        self._clock = clock

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(http={self._http!r})"

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


class KeylessClient(ServiceClient):
    """The client of a service that needs no key.

    A subclass sets ``name`` and ``default_url`` and, where they differ, the other class attributes. Arguments are as
    for `HttpClient`; a ``base_url`` or ``timeout`` of None is the class's own.
    """

    name: str
    default_url: ClassVar[str]
    headers: ClassVar[Mapping[str, str]] = {}
    calls_per_minute: ClassVar[int | None] = None
    default_timeout: ClassVar[float] = 30.0
    classifier: Classifier = staticmethod(classify_file)

    def __init__(self, *, base_url: str | None = None, timeout: float | None = None, **of_run: Unpack[OfRun]) -> None:
        http = HttpClient(
            self.name,
            base_url or self.default_url,
            headers=self.headers,
            calls_per_minute=self.calls_per_minute,
            classify=self.classifier,
            timeout=self.default_timeout if timeout is None else timeout,
            **of_run,
        )
        super().__init__(http, of_run["clock"])


class PlannedClient(ServiceClient):
    """The client of a service with plans: the plan decides the host, the key's header and the limits.

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
        plan: str | None = None,
        api_key: str | None = None,
        base_url: str | None = None,
        calls_per_minute: int | None = None,
        monthly_credits: int | None = None,
        timeout: float = 30.0,
        **of_run: Unpack[OfRun],
    ) -> None:
        self._plan = plan or next(iter(self.plans))
        self._terms = terms = self.plans[self._plan]
        address = base_url or terms.base_url
        http = self.http_client(
            self.name,
            address,
            secret_headers=self._key_headers(terms.key_header, (api_key or "").strip(), address),
            calls_per_minute=calls_per_minute or terms.calls_per_minute,
            plan=self._plan,
            monthly_credits=terms.monthly_credits if monthly_credits is None else monthly_credits,
            classify=self.classifier,
            timeout=timeout,
            **of_run,
        )
        super().__init__(http, of_run["clock"])

    def __repr__(self) -> str:
        return f"{type(self).__name__}(plan={self._plan!r}, http={self._http!r})"

    def history_limit_days(self, granularity: Granularity) -> int:
        """Days back that the plan serves."""
        return self._terms.history_limit_days(granularity)

    def _key_headers(self, header: str | None, key: str, address: str) -> Mapping[str, str]:
        """The header that carries the key, checked before anything is sent, and never shown."""
        if header is None:
            return {}
        if not keeps_secrets(address):
            expected = f"expected https:// in {address}, because the key would travel in the clear"
            raise UserInputError(f"{self.name}: {expected}")
        if not key:
            keyless = next(name for name, plan in self.plans.items() if plan.key_header is None)
            raise UserInputError(
                f"{self.name} plan {self._plan!r} needs an API key: set {self.name.upper()}_API_KEY or api_key under "
                f'[{self.name}] in secrets.toml, or plan = "{keyless}" in [providers.{self.name}]'
            )
        # A header can't carry it, and the error that says so would show it.
        if not (key.isascii() and key.isprintable()) or " " in key:
            raise UserInputError(f"{self.name}: the API key holds characters that no key has; copy it again")
        return {header: key}
