"""Base class of the clients of fund issuers: public files, no key, no published rate limit."""

from __future__ import annotations

from http import HTTPStatus
from typing import ClassVar

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
    """The client of one issuer; arguments as of `KeylessClient`."""

    headers: ClassVar = {"accept": "*/*"}
    # A run requests each fund once.
    calls_per_minute = 20
    default_timeout = 60.0
    classifier = staticmethod(classify)
