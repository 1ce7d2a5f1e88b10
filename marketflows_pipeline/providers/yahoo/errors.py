"""Classification of Yahoo's responses, by the error object in the body under whatever status."""

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
    """The error of a response, instead of data or beside it."""

    code: str = ""
    description: str | None = None


class _Envelope(msgspec.Struct):
    error: ErrorObject | None = None


class _Failure(msgspec.Struct):
    """The two envelopes that an error object comes in."""

    chart: _Envelope | None = None
    finance: _Envelope | None = None


def classify(response: Response) -> Classification | None:
    """Classify a response of Yahoo; None is a usable one.

    A span without a session comes as an error object too, and is no error: it is parsed as no bars.
    """
    if response.status == REQUEST_DENIED:
        return Classification(UnexpectedResponseError, f"HTTP 999, {response.excerpt}; {DENIED}")
    if (error := _error_of(response)) is None:
        return classify_by_status(response)
    if is_empty_span(error):
        return None
    message = f"HTTP {response.status}, {one_line(f'{error.code}: {error.description}')}"
    if response.status in UNQUOTED_STATUSES:
        message = f"HTTP {response.status}" + (f", {error.code}" if error.code.lower() in ERROR_CODES else "")
    if is_transient_status(response.status):
        return Classification(TransientProviderError, message)
    kind, advice = ERROR_CODES.get(error.code.lower(), (_kind_of_unknown(response), ""))
    return Classification(kind, f"{message}; {advice}" if advice else message)


def is_empty_span(error: ErrorObject) -> bool:
    """Whether an error object only says that there is no session in the requested span."""
    return (error.description or "").lower().startswith(NOTHING_THERE)


def _error_of(response: Response) -> ErrorObject | None:
    try:
        failure = msgspec.convert(response.body_or_none, _Failure)
    except (msgspec.ValidationError, UnicodeEncodeError):  # half a character is no key of an error object
        return None
    envelope = failure.chart or failure.finance
    return envelope.error if envelope else None


def _kind_of_unknown(response: Response) -> type[ProviderError]:
    return BadResponseError if response.is_success else classify_status(response.status, "", is_own=True).kind
