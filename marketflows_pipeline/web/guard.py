"""The layer between the network and Dagster's page (ASGI)."""

from __future__ import annotations

from html import escape
from urllib.parse import parse_qs, quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from marketflows_pipeline.web.rules import FORM, Refusal, media_type, own_origin, refusal_of_request, refusal_of_sender
from marketflows_pipeline.web.token import COOKIE, COOKIE_AGE_S, Token

_LONGEST_FORM = 4096
_POLICY_VIOLATION = 1008

# For every answer; Dagster itself sets a policy for scripts, and only on its page.
_HEADERS = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_NO_FRAMES = "frame-ancestors 'none'"
_FORM_POLICY = "default-src 'none'; form-action 'self'; base-uri 'none'"

_FORM_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>marketflows</title>
<form method="post"><p>{said}</p>
<p><label>Token <input type="password" name="token" autocomplete="current-password" autofocus required></label>
<button>Enter</button></p></form></html>
"""


class Guard:
    """Answers only requests of the page itself and of programs, under the names given, with the token if one is set."""

    def __init__(self, app: ASGIApp, hosts: frozenset[str], token: Token | None = None) -> None:
        self._app = app
        self._hosts = hosts
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one connection on, or answer it here."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        answer = await self._answer(scope, receive) or self._app
        await answer(scope, receive, _with_headers(send))

    async def _answer(self, scope: Scope, receive: Receive) -> ASGIApp | None:
        """What is answered in the page's stead, or None where the page is to answer."""
        refusal = refusal_of_sender(scope, self._hosts)
        is_websocket = scope["type"] == "websocket"
        if refusal is None and self._token is not None and not self._token.admits(Headers(scope=scope)):
            if not is_websocket:
                return await _entrance(self._token, Request(scope, receive))
            refusal = Refusal(401, "expected the token")
        if refusal is None and not is_websocket:
            refusal = refusal_of_request(scope)
        if refusal is None:
            return None
        if is_websocket:
            return WebSocketClose(code=_POLICY_VIOLATION)
        return PlainTextResponse(f"{refusal.reason}\n", status_code=refusal.status)


async def _entrance(token: Token, request: Request) -> Response:
    """Asks a person for the token, or takes it: then the browser keeps a cookie and goes to where it wanted."""
    if request.method == "POST" and media_type(request.headers) == FORM:
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > _LONGEST_FORM:
                return PlainTextResponse("expected a token\n", status_code=413)
        said = parse_qs(body.decode("latin-1")).get("token", [""])[0]
        if not token.matches(said.strip()):
            return _form("That is not the token.")
        # With the page's own name in front, a path that begins with // stays a path.
        wanted = quote(request.scope["path"]) + (f"?{request.url.query}" if request.url.query else "")
        entered = RedirectResponse(own_origin(request.scope) + wanted, status_code=303)
        entered.set_cookie(
            COOKIE,
            token.cookie,
            max_age=COOKIE_AGE_S,
            secure=own_origin(request.scope).startswith("https:"),
            httponly=True,
            samesite="strict",
        )
        return entered
    if request.method in {"GET", "HEAD"} and "text/html" in request.headers.get("accept", ""):
        return _form("This page asks for the token of its operator.")
    return PlainTextResponse("expected the token: Authorization: Bearer ...\n", 401, {"WWW-Authenticate": "Bearer"})


def _form(said: str) -> Response:
    headers = {"WWW-Authenticate": "Bearer", "Content-Security-Policy": _FORM_POLICY, "Cache-Control": "no-store"}
    return HTMLResponse(_FORM_PAGE.format(said=escape(said)), 401, headers)


def _with_headers(send: Send) -> Send:
    """Adds what keeps other pages from framing or embedding an answer."""

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers[name] = value
            # Beside a policy that is there: browsers follow each of them.
            headers.append("Content-Security-Policy", _NO_FRAMES)
        await send(message)

    return send_with_headers
