"""What the issuers of funds have in common as services: public files, no key, no published limit."""

from __future__ import annotations

from http import HTTPStatus
from typing import ClassVar

from marketflows_pipeline.errors import NotFoundError
from marketflows_pipeline.providers.http.keyless import KeylessService
from marketflows_pipeline.providers.http.responses import Classifier, Fault, Response, classify_file


class Issuer(KeylessService):
    """The connection to one issuer; arguments as of `KeylessService`. Files of some MB are long in coming."""

    headers: ClassVar = {"accept": "*/*"}
    # No limit is published; a run asks each fund once.
    pace = 20
    patience = 60.0

    @classmethod
    def judge(cls) -> Classifier:
        """By status, of which one means an unknown fund."""
        return unknown_fund


def unknown_fund(answer: Response) -> Fault | None:
    """Judge an answer by its status; a fund that does not exist is HTTP 404 at one issuer, 400 at another."""
    fault = classify_file(answer)
    is_refused = fault is not None and not fault.is_transient and not answer.is_cdn_refusal
    if is_refused and answer.status == HTTPStatus.BAD_REQUEST:
        return Fault(NotFoundError, f"HTTP 400, {answer.excerpt}")
    return fault
