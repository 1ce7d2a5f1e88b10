"""Telling a usable answer from a fault, and how long a service asks to be left alone."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from http import HTTPStatus
from typing import TypeAlias

from marketflows_pipeline.errors import (
    BadAnswerError,
    NotFoundError,
    PermanentProviderError,
    PlanLimitError,
    ProviderError,
    TransientProviderError,
    UnexpectedResponseError,
)
from marketflows_pipeline.system.printable import excerpt

RETRIED_CLIENT_STATUSES = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})
# A refusal of a key may repeat the key in any form, so nothing is quoted of what comes with it.
UNQUOTED_STATUSES = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.PROXY_AUTHENTICATION_REQUIRED})
EXCERPT_LENGTH = 200
LONGEST_WAIT_S = 366 * 86_400.0
LONGEST_DATE = 100
# What reading a time out of rubbish ends in; the standard library's parser of dates was not made for it.
UNREADABLE_HEADER = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
BLOCKED_BY_CDN = (
    "the service's CDN refused this machine's address before the key was looked at, as it does with many cloud "
    "hosts: run from another network, or ask the service to allow the address"
)
BLOCKED_BY_PROXY = "the proxy wants a user name and a password: give them in the proxy's address"
ADVICE: Mapping[int, str] = {
    HTTPStatus.FORBIDDEN: BLOCKED_BY_CDN,
    HTTPStatus.PROXY_AUTHENTICATION_REQUIRED: BLOCKED_BY_PROXY,
}
# A CDN's refusal, which comes as a page whatever was asked for, or as one line of text.
CDN_REFUSAL = re.compile(
    rb"^\s*error code: \d{3,4}\s*$|/cdn-cgi/|<title[^>]*>[^<]*"
    rb"(just a moment|attention required|access denied|request blocked|error 1\d\d\d|captcha|are you (a )?human)",
    re.IGNORECASE,
)
# What services say under any status when the same request may be answered a little later.
ASKED_TOO_OFTEN = re.compile(r"rate.?limit|too many requests|throttl", re.IGNORECASE)
ERROR_KEYS = frozenset({"error", "errors", "error_code", "error_message", "message", "msg", "status", "code", "detail"})
LONGEST_ERROR_BODY = 4096
HTML_TITLE = re.compile(rb"<title[^>]*>(.*?)</title", re.IGNORECASE | re.DOTALL)


class ShapeError(ValueError):
    """An answer that parses but is not what the service documents; the message names the key."""


@dataclass(frozen=True)
class Response:
    """One HTTP answer, body and all.

    Attributes:
        status: HTTP status.
        headers: header fields, looked up in any case.
        content: the body as received.
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
        """Whether this is a page for people, as CDNs and proxies send, whatever it is labelled."""
        start = self.content.lstrip()[:9].lower()
        return "html" in self.headers.get("content-type", "") or start.startswith((b"<!doctype", b"<html"))

    @property
    def is_cdn_refusal(self) -> bool:
        """Whether a CDN answered in place of the service, and let nothing through."""
        return "cf-mitigated" in self.headers or CDN_REFUSAL.search(self.content[:LONGEST_ERROR_BODY]) is not None

    @property
    def is_foreign(self) -> bool:
        """Whether somebody else answered: a page for people, or a CDN's line."""
        return self.is_html or self.is_cdn_refusal

    @property
    def is_own(self) -> bool:
        """Whether the body can be the service's own word."""
        return bool(self.content.strip()) and not self.is_foreign

    @property
    def says_too_often(self) -> bool:
        """Whether the body is no data but the message that the service is asked too often."""
        if len(self.content) > LONGEST_ERROR_BODY or not ASKED_TOO_OFTEN.search(self.text):
            return False
        body = self.body_or_none
        return body is None or isinstance(body, str) or (isinstance(body, dict) and not ERROR_KEYS.isdisjoint(body))

    @cached_property
    def body(self) -> object:
        """The parsed JSON.

        Raises:
            ValueError: it is not JSON, is cut off, is nested beyond measure, or has a number of thousands of digits.
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
        """The parsed JSON, or None where there is none to judge by."""
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
        """What a person needs to see of the body, in one line; of a refused key no word of it."""
        # Where to is not said: an address of somebody else's may hold anything.
        if HTTPStatus.MULTIPLE_CHOICES <= self.status < HTTPStatus.BAD_REQUEST:
            return "a redirect, which is not followed"
        if not self.content.strip():
            return "an empty answer"
        if self.status in UNQUOTED_STATUSES:
            return "an HTML page" if self.is_html else "in words that are not shown"
        if self.is_html:
            title = HTML_TITLE.search(self.content)
            return f"an HTML page {one_line(title[1].decode(errors='replace'))!r}" if title else "an HTML page"
        return one_line(self.content[: 4 * EXCERPT_LENGTH].decode(errors="replace"))


@dataclass(frozen=True)
class Fault:
    """What is wrong with an answer.

    Attributes:
        kind: the error to raise; a transient one is worth asking again.
        message: one line that says what happened and, where asking again is pointless, what to do.
    """

    kind: type[ProviderError]
    message: str

    @property
    def is_transient(self) -> bool:
        """Whether the same request may succeed later."""
        return issubclass(self.kind, TransientProviderError)


class RefusedError(Exception):
    """An answer that was judged a fault; the HTTP client turns it into one of errors.py or asks again."""

    def __init__(self, fault: Fault, headers: Mapping[str, str]) -> None:
        super().__init__(fault.message)
        self.fault = fault
        self.headers = headers


Classifier: TypeAlias = Callable[[Response], Fault | None]


def is_passing(status: int) -> bool:
    """Whether a status tells of a fault that passes: every 5xx, those of a CDN among them, and 408, 425, 429."""
    return status in RETRIED_CLIENT_STATUSES or HTTPStatus.INTERNAL_SERVER_ERROR <= status < 600


def classify_by_status(answer: Response) -> Fault | None:
    """Judge an answer by its HTTP status; None is a usable one. A refusal counts where the body is the service's."""
    if answer.is_success:
        return None
    said = f"HTTP {answer.status}, {answer.excerpt}"
    if answer.says_too_often:
        return Fault(TransientProviderError, said)
    return fault_of(answer.status, said, is_own=answer.is_own)


def classify_file(answer: Response) -> Fault | None:
    """As `classify_by_status`, for hosts of files: their own word for a file that is not there is a page."""
    if answer.status == HTTPStatus.NOT_FOUND and answer.is_html and not answer.is_cdn_refusal:
        return Fault(NotFoundError, f"HTTP {answer.status}, {answer.excerpt}")
    return classify_by_status(answer)


def fault_of(status: int, said: str, *, is_own: bool) -> Fault:
    """The fault that a status outside the 200s stands for.

    Args:
        status: HTTP status.
        said: what came with it, for the message.
        is_own: whether the service itself said it. What a CDN or a proxy says is no refusal.
    """
    if is_passing(status):
        return Fault(TransientProviderError, said)
    if not is_own or status < HTTPStatus.BAD_REQUEST:
        advice = ADVICE.get(status)
        return Fault(UnexpectedResponseError, f"{said}; {advice}" if advice else said)
    match status:
        case HTTPStatus.NOT_FOUND:
            return Fault(NotFoundError, said)
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.PAYMENT_REQUIRED:
            return Fault(PlanLimitError, f"{said}; check the key and what the plan includes")
        case _:
            return Fault(PermanentProviderError, said)


def not_json(answer: Response) -> Fault | None:
    """The fault of a successful answer that is not whole JSON, or None."""
    if fault := not_data(answer):
        return fault
    try:
        _ = answer.body
    except (json.JSONDecodeError, UnicodeDecodeError):
        return Fault(BadAnswerError, f"HTTP {answer.status}, cut off or not JSON: {answer.excerpt}")
    except ValueError as fault:
        # It would be the same another time.
        return Fault(UnexpectedResponseError, f"an answer of an unknown shape: {fault}")
    return None


def not_data(answer: Response) -> Fault | None:
    """The fault of a successful answer that is empty, a page for people or a plea to ask less often, or None."""
    if answer.is_html or not answer.content.strip():
        return Fault(BadAnswerError, f"HTTP {answer.status}, {answer.excerpt}")
    if answer.says_too_often:
        return Fault(TransientProviderError, f"HTTP {answer.status}, {answer.excerpt}")
    return None


def requested_wait(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds that a service asks to wait, up to a year, or None where it does not say so legibly.

    ``Retry-After`` (seconds or an HTTP date) comes first, then ``x-ratelimit-reset`` (``2006-01-02 15:04:05 -0700``).
    A moment already past is no request.
    """
    for header, read in (("retry-after", _read_retry_after), ("x-ratelimit-reset", _read_reset)):
        if (value := headers.get(header)) is not None:
            try:
                seconds = read(value.strip(), now)
            except UNREADABLE_HEADER:
                continue
            if seconds > 0:
                return min(seconds, LONGEST_WAIT_S)
    return None


def _read_retry_after(value: str, now: datetime) -> float:
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", value):
        return float(value)
    until = parsedate_to_datetime(value[:LONGEST_DATE])
    return ((until if until.tzinfo else until.replace(tzinfo=UTC)) - now).total_seconds()


def _read_reset(value: str, now: datetime) -> float:
    return (datetime.strptime(value, "%Y-%m-%d %H:%M:%S %z") - now).total_seconds()


def one_line(text: str) -> str:
    """What a service sent, for a message; see `excerpt`."""
    return excerpt(text, EXCERPT_LENGTH)
