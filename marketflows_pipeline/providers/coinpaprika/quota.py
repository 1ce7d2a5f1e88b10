"""The HTTP client of CoinPaprika, for which a refusal for want of quota is the end of the month's credits."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, TypeVar

from marketflows_pipeline.errors import CreditsExhaustedError
from marketflows_pipeline.providers.coinpaprika.errors import QuotaError
from marketflows_pipeline.providers.http.client import HttpClient
from marketflows_pipeline.providers.http.request import Values

T = TypeVar("T")


class QuotaClient(HttpClient):
    """As HttpClient, but that CreditsExhaustedError is raised where the service itself says so, too.

    The documented limit is 10 calls a second of one address, which may be shared.
    """

    calls_per_second: ClassVar = 5

    def get_json(
        self, endpoint: str, parse: Callable[[object], T], *, path: Values | None = None, params: Values | None = None
    ) -> T:
        """Request JSON, as `HttpClient.get_json`.

        Raises:
            CreditsExhaustedError: the calls of the month, or of this address, are used up by our own count or by the
                service's.
        """
        try:
            return super().get_json(endpoint, parse, path=path, params=params)
        except QuotaError as refusal:
            self._ledger.exhausted(self.provider, self._clock.now())
            raise CreditsExhaustedError(str(refusal)) from None
