"""HTTP responses, and their classification: usable, a transient error or a permanent error."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from typing import TypeAlias

from marketflows_pipeline.errors import (
    BadResponseError,
    NotFoundError,
    PermanentProviderError,
    PlanLimitError,
    ProviderError,
    TransientProviderError,
    UnexpectedResponseError,
)
from marketflows_pipeline.system.printable import excerpt

RETRIED_CLIENT_STATUSES = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})
# A refusal of a key may repeat the key in any form, so its body is not quoted.
UNQUOTED_STATUSES = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.PROXY_AUTHENTICATION_REQUIRED})
EXCERPT_LENGTH = 200
UNEXPECTED = "a response of an unexpected shape"
BLOCKED_BY_CDN = (
    "the service's CDN refused this machine's address before the key was looked at, as it does with many cloud "
    "hosts: run from another network, or ask the service to allow the address"
)
BLOCKED_BY_PROXY = "the proxy wants a user name and a password: give them in the proxy's address"
ADVICE: Mapping[int, str] = {
    HTTPStatus.FORBIDDEN: BLOCKED_BY_CDN,
    HTTPStatus.PROXY_AUTHENTICATION_REQUIRED: BLOCKED_BY_PROXY,
}
# A CDN's refusal, which comes as a page whatever was requested, or as one line of text.
CDN_REFUSAL = re.compile(
    rb"^\s*error code: \d{3,4}\s*$|/cdn-cgi/|<title[^>]*>[^<]*"
    rb"(just a moment|attention required|access denied|request blocked|error 1\d\d\d|captcha|are you (a )?human)",
    re.IGNORECASE,
)
# The message of a rate limit, under any status.
RATE_LIMITED = re.compile(r"rate.?limit|too many requests|throttl", re.IGNORECASE)
ERROR_KEYS = frozenset({"error", "errors", "error_code", "error_message", "message", "msg", "status", "code", "detail"})
LONGEST_ERROR_BODY = 4096
HTML_TITLE = re.compile(rb"<title[^>]*>(.*?)</title", re.IGNORECASE | re.DOTALL)


class ParseError(ValueError):
    """A body, or a row of one, that is not what the service documents; the message names the key.

    The HTTP client raises it for a whole body as UnexpectedResponseError.
    """


@dataclass(frozen=True)
class Response:
    """One HTTP response with its body.

    Header fields are looked up in any case; the content is decompressed.
    """

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def is_success(self) -> bool:
        """Whether the status is in the 200s."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    @property
    def is_html(self) -> bool:
        """Whether the body is an HTML page, as CDNs and proxies send, whatever its content type."""
        start = self.content.lstrip()[:9].lower()
        return "html" in self.headers.get("content-type", "") or start.startswith((b"<!doctype", b"<html"))

    @property
    def is_cdn_refusal(self) -> bool:
        """Whether a CDN refused the request in place of the service."""
        return "cf-mitigated" in self.headers or CDN_REFUSAL.search(self.content[:LONGEST_ERROR_BODY]) is not None

    @property
    def is_foreign(self) -> bool:
        """Whether the response is not the service's own: an HTML page, or a CDN's line."""
        return self.is_html or self.is_cdn_refusal

    @property
    def is_own(self) -> bool:
        """Whether the body can be the service's own."""
        return bool(self.content.strip()) and not self.is_foreign

    @property
    def is_rate_limited(self) -> bool:
        """Whether the body is no data but the message of a rate limit."""
        if len(self.content) > LONGEST_ERROR_BODY or not RATE_LIMITED.search(self.text):
            return False
        body = self.body_or_none
        return body is None or isinstance(body, str) or (isinstance(body, dict) and not ERROR_KEYS.isdisjoint(body))

    @cached_property
    def body(self) -> object:
        """The parsed JSON.

        Raises:
            ValueError: it is not JSON, is truncated, is nested too deeply, or has a number of thousands of digits.
        """
        try:
            return json.loads(self.content)
        except (json.JSONDecodeError, UnicodeDecodeError):
            raise
        except RecursionError:
            raise json.JSONDecodeError("nested too deeply", "", 0) from None
        except ValueError:
            raise ValueError("a number of thousands of digits") from None

    @property
    def body_or_none(self) -> object:
        """The parsed JSON, or None where there is none."""
        try:
            return self.body
        except ValueError:
            return None

    @property
    def text(self) -> str:
        """The body as UTF-8 text."""
        return self.content.decode(errors="replace")

    @property
    def excerpt(self) -> str:
        """The beginning of the body in one line, for a message; not quoted where a key is refused."""
        # Without the target: a foreign URL may hold anything.
        if HTTPStatus.MULTIPLE_CHOICES <= self.status < HTTPStatus.BAD_REQUEST:
            return "a redirect, which is not followed"
        if not self.content.strip():
            return "an empty response"
        if self.status in UNQUOTED_STATUSES:
            return "an HTML page" if self.is_html else "a text that is not shown"
        if self.is_html:
            title = HTML_TITLE.search(self.content)
            return f"an HTML page {one_line(title[1].decode(errors='replace'))!r}" if title else "an HTML page"
        return one_line(self.content[: 4 * EXCERPT_LENGTH].decode(errors="replace"))


@dataclass(frozen=True)
class Classification:
    """What a failed response is classified as.

    The kind is the error to raise, a transient one being retried. The message is one line that says what happened and,
    for a permanent error, what to do. A retry waits ``cool_down_s`` seconds at least, where the service does not say
    how long.
    """

    kind: type[ProviderError]
    message: str
    cool_down_s: float = 0.0

    @property
    def is_transient(self) -> bool:
        """Whether the same request is retried."""
        return issubclass(self.kind, TransientProviderError)


class FailedResponseError(Exception):
    """A response that was classified as an error; the HTTP client retries it or raises one of errors.py."""

    def __init__(self, classification: Classification, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(classification.message)
        self.classification = classification
        self.headers = headers or {}


def bad_response(message: str) -> FailedResponseError:
    """The error of a body that is not usable, such as a truncated file; it is retried."""
    return FailedResponseError(Classification(BadResponseError, message))


Classifier: TypeAlias = Callable[[Response], Classification | None]


def is_transient_status(status: int) -> bool:
    """Whether a status is a transient error: every 5xx, those of a CDN too, and 408, 425, 429."""
    return status in RETRIED_CLIENT_STATUSES or HTTPStatus.INTERNAL_SERVER_ERROR <= status < 600


def classify_by_status(response: Response) -> Classification | None:
    """Classify by HTTP status; None is a usable response. A refusal counts where the body is the service's own."""
    if response.is_success:
        return None
    message = f"HTTP {response.status}, {response.excerpt}"
    if response.is_rate_limited:
        return Classification(TransientProviderError, message)
    return classify_status(response.status, message, is_own=response.is_own)


def classify_file(response: Response) -> Classification | None:
    """As `classify_by_status`, for hosts of files, whose 404 is an HTML page."""
    if response.status == HTTPStatus.NOT_FOUND and response.is_html and not response.is_cdn_refusal:
        return Classification(NotFoundError, f"HTTP {response.status}, {response.excerpt}")
    return classify_by_status(response)


def classify_status(status: int, message: str, *, is_own: bool) -> Classification:
    """The classification of a status outside the 200s.

    What a CDN or a proxy says, a body that is not the service's own, is no refusal.
    """
    if is_transient_status(status):
        return Classification(TransientProviderError, message)
    if not is_own or status < HTTPStatus.BAD_REQUEST:
        advice = ADVICE.get(status)
        return Classification(UnexpectedResponseError, f"{message}; {advice}" if advice else message)
    match status:
        case HTTPStatus.NOT_FOUND:
            return Classification(NotFoundError, message)
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.PAYMENT_REQUIRED:
            return Classification(PlanLimitError, f"{message}; check the key and what the plan includes")
        case _:
            return Classification(PermanentProviderError, message)


def not_json(response: Response) -> Classification | None:
    """Classify a successful response that is not complete JSON; None otherwise."""
    if failure := not_data(response):
        return failure
    try:
        _ = response.body
    except (json.JSONDecodeError, UnicodeDecodeError):
        return Classification(BadResponseError, f"HTTP {response.status}, truncated or not JSON: {response.excerpt}")
    except ValueError as error:
        return Classification(UnexpectedResponseError, f"{UNEXPECTED}: {error}")
    return None


def not_data(response: Response) -> Classification | None:
    """Classify a successful response that is empty, an HTML page or the message of a rate limit; None otherwise."""
    if response.is_html or not response.content.strip():
        return Classification(BadResponseError, f"HTTP {response.status}, {response.excerpt}")
    if response.is_rate_limited:
        return Classification(TransientProviderError, f"HTTP {response.status}, {response.excerpt}")
    return None


def one_line(text: str) -> str:
    """What a service sent, in one line for a message; see `excerpt`."""
    return excerpt(text, EXCERPT_LENGTH)
