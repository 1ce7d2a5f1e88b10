"""JSON that a strict parser refuses as a whole, made into JSON that it reads but for the rows at fault."""

from __future__ import annotations

import re
from mmap import mmap

# A string is passed over, so that a token called NaN keeps its name; half a character in it becomes the usual sign.
# Nothing is tried twice (++, *+), which would take memory a thousand times that of a long string.
_PIECE = re.compile(rb'"(?:[^"\\]++|\\.)*+"|-?\bInfinity\b|\bNaN\b', re.DOTALL)
_PAIR_OR_HALF = re.compile(
    rb"(\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)


def strict_json(content: bytes | mmap) -> bytes:
    """The same JSON with ``NaN`` and ``Infinity`` as text, which is no number, and halves of characters replaced."""
    return _PIECE.sub(_strict, content)


def _strict(piece: re.Match[bytes]) -> bytes:
    text = piece[0]
    if not text.startswith(b'"'):
        return b'"' + text + b'"'
    return _PAIR_OR_HALF.sub(lambda found: found[1] or rb"\ufffd", text) if b"\\u" in text else text
