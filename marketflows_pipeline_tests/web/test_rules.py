"""The rules themselves, for what no client here can send: other servers, TLS, other parsers."""

from __future__ import annotations

from typing import Any

import pytest

from marketflows_pipeline.web.hosts import LOOPBACK
from marketflows_pipeline.web.rules import own_origin, refusal_of_request, refusal_of_sender

HOSTS = LOOPBACK | {"flows.example.org"}


def scope(*headers: tuple[str, str], **changed: Any) -> dict[str, Any]:
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    return {"type": "http", "method": "GET", "path": "/", "scheme": "http", "headers": raw} | changed


@pytest.mark.parametrize(
    "path", ["http://127.0.0.1/graphql", "*", "", "graphql", "/a\nb", "/a\x7f", "/..", "/a/../b", "/a\\b"]
)
def test_a_path_that_two_parsers_read_in_two_ways_is_refused(path: str) -> None:
    """Another HTTP parser of uvicorn hands the whole address on; a newline at the end still matched /graphql."""
    refusal = refusal_of_sender(scope(("Host", "localhost"), path=path), HOSTS)
    assert refusal is not None
    assert refusal.status == 400


@pytest.mark.parametrize("path", ["/", "/assets/a..b", "/assets/ä b", "/runs/1...", "/a:b@c"])
def test_paths_of_the_page_pass(path: str) -> None:
    asked = scope(("Host", "localhost"), path=path)
    assert refusal_of_sender(asked, HOSTS) is None
    assert refusal_of_request(asked) is None


def test_behind_a_proxy_with_tls_the_page_is_of_that_origin() -> None:
    host = ("Host", "flows.example.org")
    asked = scope(host, ("Origin", "https://flows.example.org"), scheme="https")
    assert own_origin(asked) == "https://flows.example.org"
    assert refusal_of_sender(asked, HOSTS) is None
    socket = scope(host, ("Origin", "https://flows.example.org"), scheme="wss", type="websocket")
    assert refusal_of_sender(socket, HOSTS) is None
    plain = scope(host, ("Origin", "http://flows.example.org"), scheme="https")
    assert refusal_of_sender(plain, HOSTS) is not None


def test_a_name_that_is_served_is_no_leave_for_its_pages_elsewhere() -> None:
    asked = scope(("Host", "localhost:3000"), ("Origin", "http://flows.example.org"))
    assert refusal_of_sender(asked, HOSTS) is not None


@pytest.mark.parametrize(("mode", "dest"), [("navigate", "iframe"), ("navigate", ""), ("cors", "document"), ("", "")])
def test_only_a_link_may_come_from_elsewhere(mode: str, dest: str) -> None:
    foreign = [("Host", "localhost"), ("Sec-Fetch-Site", "cross-site")]
    link = [*foreign, ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document")]
    assert refusal_of_sender(scope(*link), HOSTS) is None
    assert refusal_of_sender(scope(*link, method="POST"), HOSTS) is not None
    other = [*foreign, ("Sec-Fetch-Mode", mode), ("Sec-Fetch-Dest", dest)]
    assert refusal_of_sender(scope(*other), HOSTS) is not None
    twice = [*link, ("Sec-Fetch-Dest", "document")]
    assert refusal_of_sender(scope(*twice), HOSTS) is not None
