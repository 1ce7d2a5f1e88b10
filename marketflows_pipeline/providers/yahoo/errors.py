"""Telling Yahoo's usable answers from its faults."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from marketflows_pipeline.errors import (
    BadResponseError,
    NotFoundError,
    PermanentProviderError,
    ProviderError,
    TransientProviderError,
    UnexpectedResponseError,
)
from marketflows_pipeline.providers.http.responses import (
    UNQUOTED_STATUSES,
    Classification,
    Response,
    classify_by_status,
    classify_status,
    is_transient_status,
    one_line,
)

NOTHING_THERE = "data doesn't exist for startdate"
REQUEST_DENIED = 999

# Codes of error objects, in lower case, under whatever status they come.
ERROR_CODES: Mapping[str, tuple[type[ProviderError], str]] = {
    "not found": (NotFoundError, ""),
    "bad request": (PermanentProviderError, ""),
    "unprocessable entity": (PermanentProviderError, ""),
    "unauthorized": (
        PermanentProviderError,
        "the service wants a browser's session here: use another price provider, or your own folder",
    ),
    "too many requests": (TransientProviderError, ""),
}
DENIED = "the service denies this machine's address for some hours: use another network, or another price provider"


class ErrorObject(msgspec.Struct):
    """What an answer says instead of data, or beside it."""

    code: str = ""
    description: str | None = None


class _Envelope(msgspec.Struct):
    error: ErrorObject | None = None


class _Failure(msgspec.Struct):
    """The two envelopes that an error object comes in."""

    chart: _Envelope | None = None
    finance: _Envelope | None = None


def classify(answer: Response) -> Classification | None:
    """Judge an answer of Yahoo; None is a usable one.

    That a span holds no session is told as an error too, and is none: it reads as no bars.
    """
    if answer.status == REQUEST_DENIED:
        return Classification(UnexpectedResponseError, f"HTTP 999, {answer.excerpt}; {DENIED}")
    if (error := _error_of(answer)) is None:
        return classify_by_status(answer)
    if is_empty_span(error):
        return None
    said = f"HTTP {answer.status}, {one_line(f'{error.code}: {error.description}')}"
    if answer.status in UNQUOTED_STATUSES:
        said = f"HTTP {answer.status}" + (f", {error.code}" if error.code.lower() in ERROR_CODES else "")
    if is_transient_status(answer.status):
        return Classification(TransientProviderError, said)
    kind, advice = ERROR_CODES.get(error.code.lower(), (_kind_of_unknown(answer), ""))
    return Classification(kind, f"{said}; {advice}" if advice else said)


def is_empty_span(error: ErrorObject) -> bool:
    """Whether an error object only says that there is no session in the span that was asked for."""
    return (error.description or "").lower().startswith(NOTHING_THERE)


def _error_of(answer: Response) -> ErrorObject | None:
    try:
        failure = msgspec.convert(answer.body_or_none, _Failure)
    except (msgspec.ValidationError, UnicodeEncodeError):  # half a character is no key of an error object
        return None
    envelope = failure.chart or failure.finance
    return envelope.error if envelope else None


def _kind_of_unknown(answer: Response) -> type[ProviderError]:
    """The kind of an error object whose code says nothing known."""
    return BadResponseError if answer.is_success else classify_status(answer.status, "", is_own=True).kind
