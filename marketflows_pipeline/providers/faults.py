"""Telling a usable answer from a fault, and how long a service asks to be left alone.

What belongs here: judgements about one HTTP answer that hold for every service. What does not: the error bodies of one
service (its own module), and retrying (http.py).
"""

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
)

RETRIED_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
EXCERPT_LENGTH = 200
BLOCKED_BY_CDN = (
    "the service's CDN refused this machine's address before the key was looked at, as it does with many cloud "
    "hosts: run from another network, or ask the service to allow the address"
)
HTML_TITLE = re.compile(rb"<title[^>]*>(.*?)</title", re.IGNORECASE | re.DOTALL)


class ShapeError(ValueError):
    """An answer that parses but is not what the service documents; the message names the key."""


@dataclass(frozen=True)
class Answer:
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

    @cached_property
    def body(self) -> object:
        """The parsed JSON.

        Raises:
            ValueError: it is not JSON, or is cut off.
        """
        return json.loads(self.content)

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
        """What a person needs to see of the body, in one line."""
        if not self.content.strip():
            return "an empty answer"
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


Classifier: TypeAlias = Callable[[Answer], Fault | None]


def classify_by_status(answer: Answer) -> Fault | None:
    """Judge an answer by its HTTP status alone; None is a usable one."""
    if answer.is_success:
        return None
    return fault_of(answer.status, f"HTTP {answer.status}, {answer.excerpt}", is_html=answer.is_html)


def fault_of(status: int, said: str, *, is_html: bool) -> Fault:
    """The fault that a status outside the 200s stands for, with what the service said."""
    if status in RETRIED_STATUSES:
        return Fault(TransientProviderError, said)
    match status:
        case HTTPStatus.NOT_FOUND:
            return Fault(NotFoundError, said)
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.PAYMENT_REQUIRED:
            return Fault(PlanLimitError, f"{said}; check the key and what the plan includes")
        case HTTPStatus.FORBIDDEN if is_html:
            return Fault(PermanentProviderError, f"{said}; {BLOCKED_BY_CDN}")
        case _:
            return Fault(PermanentProviderError, said)


def not_json(answer: Answer) -> Fault | None:
    """The fault of a successful answer that is not whole JSON, or None."""
    if fault := not_data(answer):
        return fault
    try:
        _ = answer.body
    except ValueError:
        return Fault(BadAnswerError, f"HTTP {answer.status}, cut off or not JSON: {answer.excerpt}")
    return None


def not_data(answer: Answer) -> Fault | None:
    """The fault of a successful answer that is empty or a page for people, or None."""
    if answer.is_html or not answer.content.strip():
        return Fault(BadAnswerError, f"HTTP {answer.status}, {answer.excerpt}")
    return None


def requested_wait(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds that a service asks to wait, however long, or None where it does not say so legibly.

    ``Retry-After`` (seconds or an HTTP date) comes first, then ``x-ratelimit-reset`` (``2006-01-02 15:04:05 -0700``).
    A moment already past is no request.
    """
    for header, read in (("retry-after", _read_retry_after), ("x-ratelimit-reset", _read_reset)):
        if (value := headers.get(header)) is not None:
            try:
                seconds = read(value.strip(), now)
            except ValueError:
                continue
            if seconds > 0:
                return seconds
    return None


def _read_retry_after(value: str, now: datetime) -> float:
    if re.fullmatch(r"\d+(\.\d+)?", value):
        return float(value)
    until = parsedate_to_datetime(value)
    return ((until if until.tzinfo else until.replace(tzinfo=UTC)) - now).total_seconds()


def _read_reset(value: str, now: datetime) -> float:
    return (datetime.strptime(value, "%Y-%m-%d %H:%M:%S %z") - now).total_seconds()


def one_line(text: str) -> str:
    """Text without line breaks, cut to what fits a log line."""
    line = " ".join(text.split())
    return line if len(line) <= EXCERPT_LENGTH else f"{line[:EXCERPT_LENGTH]}…"
