"""Which requests the page answers: what a page elsewhere, a rebound name or an old link could make a browser send.

Dagster answers GraphQL mutations by GET and from anywhere, so an ``<img>`` of any page could start, delete or wipe.
Starlette's TrustedHostMiddleware takes the first of several Host headers and does not look at Origin, hence this.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import Scope

from marketflows_pipeline.web.hosts import HOSTS_VARIABLE, host_name

FORM = "application/x-www-form-urlencoded"
_JSON = "application/json"
_HTTP_SCHEMES = {"ws": "http", "wss": "https"}
_CONTROL = re.compile(r"[\x00-\x1f\x7f\\]")


@dataclass(frozen=True)
class Refusal:
    """Why a request is not answered.

    The HTTP status, and one line for whoever looks at the answer.
    """

    status: int
    reason: str


def own_origin(scope: Scope) -> str:
    """The origin of the page itself, as a browser writes it: scheme, name and port of this request."""
    scheme = scope.get("scheme", "http")
    return f"{_HTTP_SCHEMES.get(scheme, scheme)}://{Headers(scope=scope).get('host', '')}".lower()


def media_type(headers: Headers) -> str:
    """The one content type without its parameters, in the case it has, as Dagster reads it; else nothing."""
    found = headers.getlist("content-type")
    return found[0].partition(";")[0].strip() if len(found) == 1 else ""


def refusal_of_sender(scope: Scope, hosts: frozenset[str]) -> Refusal | None:
    """What is wrong with the name asked for or the page that asks, for HTTP and websockets alike."""
    headers = Headers(scope=scope)
    asked = headers.getlist("host")
    name = host_name(asked[0]) if len(asked) == 1 else None
    if name is None:
        return Refusal(400, "expected one Host header with a name and at most a port")
    if name not in hosts:
        return Refusal(421, f"this page is not served under that name; {HOSTS_VARIABLE} names those it has")
    path = scope["path"]
    if not path.startswith("/") or _CONTROL.search(path) or ".." in path.split("/"):
        return Refusal(400, "expected a path without control characters, backslashes and ..")
    return _refusal_of_page(scope, headers)


def _refusal_of_page(scope: Scope, headers: Headers) -> Refusal | None:
    foreign = Refusal(403, "asked by a page of another origin")
    is_websocket = scope["type"] == "websocket"
    origins = headers.getlist("origin")
    if any(each.lower() != own_origin(scope) for each in origins):
        return foreign
    if len(origins) != 1 and (origins or is_websocket):
        # Every browser names the page that opens a websocket.
        return foreign
    sites = {each.lower() for each in headers.getlist("sec-fetch-site")}
    if sites <= {"same-origin", "none"}:
        return None
    is_link = (
        not is_websocket
        and scope["method"] in {"GET", "HEAD"}
        and headers.getlist("sec-fetch-mode") == ["navigate"]
        and headers.getlist("sec-fetch-dest") == ["document"]
    )
    return None if is_link else foreign


def refusal_of_request(scope: Scope) -> Refusal | None:
    """What is wrong with method, path or content type of an HTTP request."""
    last_part = scope["path"].rstrip("/").rpartition("/")[2].casefold()
    if scope["method"] not in {"GET", "HEAD", "POST"}:
        return Refusal(405, "expected GET, HEAD or POST")
    if last_part == "notebook":
        # It would show any notebook file as a page of this origin; this pipeline has none.
        return Refusal(404, "notebooks are not served")
    if scope["method"] == "POST":
        is_json = media_type(Headers(scope=scope)) == _JSON
        return None if is_json else Refusal(415, f"expected Content-Type: {_JSON}")
    if last_part == "graphql":
        return Refusal(405, f"expected GraphQL by POST, with Content-Type: {_JSON}")
    return None
