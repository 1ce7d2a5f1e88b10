"""Redaction of secrets in responses and messages, in whatever form a service repeats them."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable

# A shorter secret occurs in any text, so nothing of the text would be left.
SHORTEST = 8
REDACTED = b"***"
WITHHELD = "(withheld: it repeats the key)"
NOT_ALPHANUMERIC = bytes(code for code in range(256) if not (code < 128 and chr(code).isalnum()))
ESCAPED = re.compile(
    rb"%(?:25)*([0-9a-f]{2})|\\u00([0-9a-f]{2})|\\x([0-9a-f]{2})|&#x0*([0-9a-f]{2});|&#0*([0-9]{2,3});", re.IGNORECASE
)
# Escapes may themselves be escaped, as JSON in a query is.
ROUNDS = 3


class Redactor:
    """Replaces secrets by ``***``.

    A secret is replaced where it stands as it is, in any case. A text that repeats it in another form is withheld as a
    whole: URL-encoded, with escapes of JSON, HTML or Python, in hexadecimal digits, in base64 (any alignment and
    alphabet), backwards, or with other characters in between. Secrets of fewer than 8 letters and digits are ignored.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        encoded = [secret.encode() for secret in secrets]
        # A secret that looks escaped is searched for in its unescaped form too.
        known = [each for each in {*encoded, *map(_once_unescaped, encoded)} if len(_bare(each)) >= SHORTEST]
        self._plain = [re.compile(re.escape(secret), re.IGNORECASE) for secret in known]
        self._forms = [form for secret in known for form in _forms(secret)]

    def __repr__(self) -> str:
        return "Redactor(***)"

    def redact(self, content: bytes) -> bytes | None:
        """The content without secrets, or None where it must be withheld."""
        if not self._shows(content):
            return content
        for pattern in self._plain:
            content = pattern.sub(REDACTED, content)
        return None if self._shows(content) else content

    def redact_text(self, text: str) -> str:
        """A message without secrets."""
        if not self._forms:
            return text
        redacted = self.redact(text.encode(errors="surrogatepass"))
        return WITHHELD if redacted is None else redacted.decode(errors="surrogatepass")

    def _shows(self, content: bytes) -> bool:
        if not self._forms:
            return False
        for _ in range(ROUNDS):
            bare = _bare(content)
            if any(form in bare for form in self._forms):
                return True
            if not (b"%" in content or b"\\" in content or b"&#" in content):
                return False
            content = _once_unescaped(content)
        return False


def _forms(secret: bytes) -> list[bytes]:
    """How a secret may be written, each by its letters and digits alone, in lower case."""
    return [_bare(form) for form in (secret, secret[::-1], secret.hex().encode(), *_in_base64(secret))]


def _in_base64(secret: bytes) -> list[bytes]:
    """The characters of base64 that depend on the secret alone, for each place of it in what is encoded."""
    kept = []
    for offset, skipped in ((0, 0), (1, 2), (2, 3)):
        encoded = base64.b64encode(bytes(offset) + secret).rstrip(b"=")
        n_shared = 1 if (offset + len(secret)) % 3 else 0
        kept.append(encoded[skipped : len(encoded) - n_shared])
    return kept


def _bare(content: bytes) -> bytes:
    return content.translate(None, NOT_ALPHANUMERIC).lower()


def _once_unescaped(content: bytes) -> bytes:
    return ESCAPED.sub(_unescaped, content)


def _unescaped(escape: re.Match[bytes]) -> bytes:
    *hexadecimal, decimal = escape.groups()
    digits = next(filter(None, hexadecimal), None)
    return bytes([int(digits, 16) if digits else min(int(decimal), 255)])
