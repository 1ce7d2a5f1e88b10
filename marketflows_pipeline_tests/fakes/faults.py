"""Ways to spoil an answer: each takes the right reply and gives the one that is sent.

Bodies are those that services were seen to send; see the error table in the facts of each.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any, TypeAlias

from marketflows_pipeline_tests.fakes.replies import Reply, json_reply

Fault: TypeAlias = Callable[[Reply], Reply]

PAGE = "<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
CDN_TITLES = {
    403: "Attention Required! | Cloudflare",
    429: "Access denied | Error 1015",
    503: "503 Service Temporarily Unavailable",
}


def phrase_of(status: int) -> str:
    """The words of a status; CDNs have statuses of their own."""
    return HTTPStatus(status).phrase if status in {known.value for known in HTTPStatus} else "Error"


def json_error(status: int, body: object, headers: Mapping[str, str] | None = None) -> Fault:
    """Another status and JSON body; status 200 makes an error body under success."""
    return lambda _: json_reply(body, status, headers)


def in_json(change: Callable[[Any], object]) -> Fault:
    """The same answer with its JSON changed; floats that are none are written as Python does (``NaN``)."""
    return lambda reply: replace(reply, body=json.dumps(change(json.loads(reply.body))).encode())


def html(status: int, headers: Mapping[str, str] | None = None) -> Fault:
    """A page of the CDN."""
    title = CDN_TITLES.get(status) or phrase_of(status)
    page = PAGE.format(title=title).encode()
    return lambda _: Reply(status, page, "text/html; charset=UTF-8", headers or {})


def plain_text(status: int, text: str) -> Fault:
    """A line of text."""
    return lambda _: Reply(status, text.encode(), "text/plain; charset=utf-8")


def empty(status: int = 200) -> Fault:
    """No body at all."""
    return lambda _: Reply(status, b"")


def truncated() -> Fault:
    """Half of the body, as if it were all of it."""
    return lambda reply: replace(reply, body=reply.body[: len(reply.body) // 2])


def cut_off() -> Fault:
    """Half of the promised body, then the connection closes."""
    return lambda reply: replace(reply, cut_at=len(reply.body) // 2)


def stalled() -> Fault:
    """Half of the body, then nothing for longer than a client waits."""
    return lambda reply: replace(reply, cut_at=len(reply.body) // 2, is_stalled=True)


def reset() -> Fault:
    """The connection is reset instead of an answer."""
    return lambda reply: replace(reply, is_reset=True)


def redirect(location: str) -> Fault:
    """The client is sent elsewhere."""
    return lambda _: Reply(302, b"", headers={"location": location})
