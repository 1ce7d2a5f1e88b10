"""The token: asked for of everybody, given once in a browser or with each request of a program."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.web.guard import Guard
from marketflows_pipeline.web.hosts import LOOPBACK
from marketflows_pipeline.web.server import guard_of
from marketflows_pipeline.web.token import Token, token_of
from marketflows_pipeline_tests.web.serving import JSON, Page, free_port

SECRET = "a-token-of-enough-letters"
BROWSER = ("Accept", "text/html,*/*")
FORM = ("Content-Type", "application/x-www-form-urlencoded")
BEARER = ("Authorization", f"Bearer {SECRET}")


async def _anything(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("the page")


async def _listen(socket: WebSocket) -> None:
    await socket.accept()
    await socket.close()


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    """A page of one line, behind the guard with a token."""
    routes = [Route("/{path:path}", _anything, methods=["GET", "POST"]), WebSocketRoute("/graphql", _listen)]
    port = free_port()
    is_up = threading.Event()

    class Server(uvicorn.Server):
        async def startup(self, sockets: object = None) -> None:
            await super().startup()
            is_up.set()

    config = uvicorn.Config(Guard(Starlette(routes=routes), LOOPBACK, Token(SECRET)), port=port, log_config=None)
    server = Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    is_up.wait(60)
    yield Page(port)
    server.should_exit = True
    thread.join(60)


def test_without_the_token_nothing_is_answered(page: Page) -> None:
    for target in ("/", "/server_info", "/logs/run", "/_next/x.js"):
        assert page.ask(target).status == 401
        assert b"the page" not in page.ask(target, BROWSER).body
    assert page.ask("/graphql", JSON, method="POST", body=b"{}").status == 401
    for wrong in ("", "Bearer", f"Bearer {SECRET}x", f"Bearer {SECRET[:-1]}", f"Basic {SECRET}", "Bearer \xe4" * 2):
        assert page.ask("/", ("Authorization", wrong)).status == 401
    for wrong in (SECRET, "", "0" * 64, "\xe4"):
        assert page.ask("/", ("Cookie", f"marketflows_web={wrong}")).status == 401


def test_a_program_sends_the_token_with_each_request(page: Page) -> None:
    assert page.ask("/", BEARER).body == b"the page"
    assert page.ask("/graphql", BEARER, JSON, method="POST", body=b"{}").body == b"the page"


def test_the_token_opens_nothing_that_the_rules_forbid(page: Page) -> None:
    assert page.ask("/", BEARER, host="evil.example").status == 421
    assert page.ask("/", BEARER, ("Origin", "http://evil.example")).status == 403
    assert page.ask("/graphql?query=mutation", BEARER).status == 405
    assert page.ask("/graphql", BEARER, FORM, method="POST", body=b"token=x").status == 415


def test_a_browser_enters_once_and_goes_where_it_wanted(page: Page) -> None:
    asked = page.ask("/runs/a%20b?q=c", BROWSER)
    assert asked.status == 401
    assert b'<form method="post">' in asked.body
    assert "default-src 'none'" in asked.headers["content-security-policy"]

    own = ("Origin", page.origin)
    entered = page.ask("/runs/a%20b?q=c", FORM, own, method="POST", body=f"token={SECRET}".encode())
    assert (entered.status, entered.headers["location"]) == (303, f"{page.origin}/runs/a%20b?q=c")
    cookie, *attributes = entered.headers["set-cookie"].split("; ")
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(attributes)
    assert page.ask("/runs", ("Cookie", f"other=1; {cookie}")).body == b"the page"


def test_the_cookie_is_not_the_token(page: Page) -> None:
    """A browser sends cookies to every port of a host, so to other servers of this machine too."""
    entered = page.ask("/", FORM, method="POST", body=f"token={SECRET}".encode())
    assert SECRET not in entered.headers["set-cookie"]
    (value,) = [entered.headers["set-cookie"].split(";")[0].partition("=")[2]]
    assert page.ask("/", ("Authorization", f"Bearer {value}")).status == 401


@pytest.mark.parametrize("body", [b"", b"token=", b"token=wrong", b"token=a&token=b", b"\xff\xfe", b"<script>"])
def test_a_wrong_token_is_asked_for_again_without_being_repeated(page: Page, body: bytes) -> None:
    reply = page.ask("/", FORM, method="POST", body=body)
    assert reply.status == 401
    assert "set-cookie" not in reply.headers
    assert not body or body not in reply.body.replace(b'name="token"', b"")


def test_another_page_cannot_enter(page: Page) -> None:
    body = f"token={SECRET}".encode()
    assert page.ask("/", FORM, ("Origin", "http://evil.example"), method="POST", body=body).status == 403
    assert page.ask("/", FORM, method="POST", body=b"token=" + b"x" * 5000).status == 413


def test_entering_never_leads_to_another_host(page: Page) -> None:
    entered = page.ask("//evil.example/", FORM, method="POST", body=f"token={SECRET}".encode())
    assert entered.headers["location"].startswith(f"{page.origin}//evil.example")


def test_a_websocket_needs_the_token_too(page: Page) -> None:
    address, origin = f"ws://{page.host}/graphql", Origin(page.origin)
    with pytest.raises(InvalidStatus), connect(address, origin=origin, proxy=None):
        pass
    cookie = {"Cookie": f"marketflows_web={Token(SECRET).cookie}"}
    with connect(address, origin=origin, additional_headers=cookie, proxy=None):
        pass


def test_the_token_is_read_from_the_file_that_the_environment_names(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "token"
    file.write_text(f"{SECRET}\n")
    file.chmod(0o600)
    token = token_of({"MARKETFLOWS_WEB_TOKEN_FILE": str(file)})
    assert token is not None
    assert token.matches(SECRET)
    assert repr(token) == "Token(***)"
    assert caplog.messages == []
    assert token_of({}) is token_of({"MARKETFLOWS_WEB_TOKEN_FILE": " "}) is None


def test_a_token_that_others_can_read_is_warned_about(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "token"
    file.write_text(SECRET)
    file.chmod(0o644)
    token_of({"MARKETFLOWS_WEB_TOKEN_FILE": str(file)})
    assert caplog.messages == [f"{file} can be read by other users of this machine: chmod 600 {file}"]


@pytest.mark.parametrize(
    "content", [b"", b"short", b"two words of a token", b"\xff" * 20, b"line-one-of-it\nline-two-of-it"]
)
def test_what_is_no_token_is_refused_without_being_shown(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "token"
    file.write_bytes(content)
    with pytest.raises(UserInputError) as refused:
        guard_of({"MARKETFLOWS_WEB_TOKEN_FILE": str(file)})
    assert str(file) in str(refused.value)
    assert not content or content.decode("latin-1") not in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.slow
def test_a_file_of_the_token_that_is_missing_stops_the_page(tmp_path: Path) -> None:
    """Without it the page would be open to everybody who can reach it."""
    with pytest.raises(UserInputError, match=r"MARKETFLOWS_WEB_TOKEN_FILE = .*: expected a file with a token"):
        guard_of({"MARKETFLOWS_WEB_TOKEN_FILE": str(tmp_path / "nowhere")})
