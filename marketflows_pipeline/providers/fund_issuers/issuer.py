"""Base class of the clients of fund issuers: public files, no key, no published rate limit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import ClassVar

import polars as pl

from marketflows_pipeline.errors import NotFoundError
from marketflows_pipeline.providers.http.responses import Classification, Response, classify_file
from marketflows_pipeline.providers.http.service_client import KeylessClient


def classify(response: Response) -> Classification | None:
    """Classify by HTTP status; an unknown fund is 404 at one issuer, 400 at another."""
    failure = classify_file(response)
    is_refused = failure is not None and not failure.is_transient and not response.is_cdn_refusal
    if is_refused and response.status == HTTPStatus.BAD_REQUEST:
        return Classification(NotFoundError, f"HTTP 400, {response.excerpt}")
    return failure


class Issuer(KeylessClient):
    """A SharesProvider of one issuer's funds; arguments as of `KeylessClient`.

    Attributes:
        endpoint: of a fund's file.
        parser: makes the history in SHARES_SCHEMA of a file, the fund's symbol and the present moment.
    """

    headers: ClassVar = {"accept": "*/*"}
    # A run requests each fund once.
    calls_per_minute = 20
    default_timeout = 60.0
    classifier = staticmethod(classify)
    endpoint: ClassVar[str]
    parser: Callable[[bytes, str, datetime], pl.DataFrame]

    def shares_outstanding(self, symbol: str, share_id: str) -> pl.DataFrame:
        """The whole published history in SHARES_SCHEMA, by session.

        Args:
            symbol: of the fund in the settings.
            share_id: the issuer's own id of the fund, in any case; the symbol where it is empty.

        Raises:
            NotFoundError: the issuer has no such fund.
            UnexpectedResponseError: the file is not of the known shape, or too many of its rows are not.
        """
        fund = (share_id or symbol).lower()
        return self._http.get_bytes(
            self.endpoint,
            lambda content: self.parser(content, symbol, self._clock.now()),
            path=self.path(fund),
            params=self.params(fund),
        )

    @staticmethod
    def path(fund: str) -> Mapping[str, str]:
        """Values of the endpoint's placeholders."""
        del fund
        return {}

    @staticmethod
    def params(fund: str) -> Mapping[str, str]:
        """Query parameters."""
        del fund
        return {}
