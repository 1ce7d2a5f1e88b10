"""The token that the page asks for, where one is set: once in a browser, or with every request of a program."""

from __future__ import annotations

import hmac
import logging
import os
import stat
from collections.abc import Mapping
from pathlib import Path

from starlette.datastructures import Headers
from starlette.requests import cookie_parser

from marketflows_pipeline.errors import UserInputError

TOKEN_VARIABLE = "MARKETFLOWS_WEB_TOKEN_FILE"  # noqa: S105 (a name, no token)
COOKIE = "marketflows_web"
COOKIE_AGE_S = 30 * 24 * 3600
_SHORTEST = 16

_log = logging.getLogger(__name__)


class Token:
    """A secret that admits whoever sends it, or the cookie that it was once exchanged for."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()
        # Cookies go to every port of a host, so they hold only what is derived from the token.
        self.cookie = hmac.digest(self._secret, b"marketflows web cookie", "sha256").hex()

    def __repr__(self) -> str:
        """Nothing of the secret."""
        return "Token(***)"

    def matches(self, said: str) -> bool:
        """Whether this is the token, in a time that tells nothing of how much of it is right."""
        return hmac.compare_digest(said.encode(errors="surrogateescape"), self._secret)

    def admits(self, headers: Headers) -> bool:
        """Whether a request carries the token (``Authorization: Bearer …``) or its cookie."""
        scheme, _, said = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self.matches(said.strip()):
            return True
        cookies = (cookie_parser(each).get(COOKIE, "") for each in headers.getlist("cookie"))
        return any(hmac.compare_digest(each.encode(errors="surrogateescape"), self.cookie.encode()) for each in cookies)


def token_of(environ: Mapping[str, str]) -> Token | None:
    """The token of the file that the environment names, or None where it names none.

    Raises:
        UserInputError: if the file cannot be read, or its token is shorter than 16 characters.
    """
    named = environ.get(TOKEN_VARIABLE, "").strip()
    if not named:
        return None
    path = Path(named)
    try:
        secret = path.read_text(encoding="ascii").strip()
        is_open = os.name == "posix" and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "not ASCII"
        expected = f"expected a file with a token ({said})"
        raise UserInputError(f"environment: {TOKEN_VARIABLE} = {named}: {expected}") from None
    if len(secret) < _SHORTEST or not secret.isprintable() or " " in secret:
        expected = f"expected one token of at least {_SHORTEST} characters without spaces"
        raise UserInputError(f"{named}: {expected}, such as `openssl rand -hex 24` writes")
    if is_open:
        _log.warning("%s can be read by other users of this machine: chmod 600 %s", named, named)
    return Token(secret)
