"""The body of an answer, unpacked and limited piece by piece, so that no answer fills memory or disk."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

from marketflows_pipeline.errors import BadAnswerError
from marketflows_pipeline.providers.http.responses import Fault, RefusedError, ShapeError, one_line

ACCEPTED = "gzip"
PIECE_BYTES = 1 << 16
GZIP_WINDOW = zlib.MAX_WBITS | 16


def unpacked(chunks: Iterable[bytes], encoding: str, limit_bytes: int) -> Iterator[bytes]:
    """A body as it was before it was packed, in pieces of at most 64 KiB where it was.

    Args:
        chunks: the body as it comes.
        encoding: what its ``content-encoding`` says.
        limit_bytes: how long it may be, unpacked.

    Raises:
        ShapeError: it is longer, or packed in another way than was asked for; the rest is not read.
        RefusedError: it is cut off, or not what its encoding says.
    """
    size = 0
    for piece in _opened(chunks, encoding.strip().lower()):
        size += len(piece)
        if size > limit_bytes:
            raise ShapeError(f"more than {limit_bytes:,} bytes")
        yield piece


def beginning(chunks: Iterable[bytes], encoding: str, limit_bytes: int) -> bytes:
    """As much of a body as it takes to say what is wrong; empty where it is packed in another way."""
    content = b""
    try:
        for piece in _opened(chunks, encoding.strip().lower()):
            content += piece
            if len(content) >= limit_bytes:
                break
    except (ShapeError, RefusedError):
        pass
    return content[:limit_bytes]


def _opened(chunks: Iterable[bytes], encoding: str) -> Iterable[bytes]:
    if encoding in ("", "identity"):
        return chunks
    if encoding in ("gzip", "x-gzip"):
        return _gunzipped(chunks)
    raise ShapeError(f"content-encoding {one_line(encoding)!r}, which was not asked for")


def _gunzipped(chunks: Iterable[bytes]) -> Iterator[bytes]:
    member = None
    try:
        for chunk in chunks:
            rest = chunk
            while rest:
                if member is None or member.eof:
                    # Padding after the end is no member.
                    if not (rest := rest.lstrip(b"\0")):
                        break
                    member = zlib.decompressobj(GZIP_WINDOW)
                if piece := member.decompress(rest, PIECE_BYTES):
                    yield piece
                rest = member.unused_data if member.eof else member.unconsumed_tail
    except zlib.error as fault:
        raise RefusedError(Fault(BadAnswerError, f"not gzip, as it says: {fault}"), {}) from fault
    if member is not None and not member.eof:
        # At most a few hundred bytes wait within.
        yield member.flush()
        if not member.eof:
            raise RefusedError(Fault(BadAnswerError, "cut off: gzip that does not end"), {})
