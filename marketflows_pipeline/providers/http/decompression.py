"""Streaming decompression of response bodies within a size limit, so that no body fills memory or disk."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

from marketflows_pipeline.errors import BadResponseError
from marketflows_pipeline.providers.http.responses import (
    Classification,
    FailedResponseError,
    ParseError,
    bad_response,
    one_line,
)

ACCEPTED = "gzip"
PIECE_BYTES = 1 << 16
GZIP_WINDOW = zlib.MAX_WBITS | 16


def decompressed(chunks: Iterable[bytes], encoding: str, limit_bytes: int) -> Iterator[bytes]:
    """A decompressed body, in pieces of at most 64 KiB where it was compressed.

    The limit is of the decompressed body.

    Raises:
        ParseError: it is larger, or of an encoding that was not requested; the rest is not read.
        FailedResponseError: it is truncated, or not of its encoding.
    """
    size = 0
    for piece in _decoded(chunks, encoding.strip().lower()):
        size += len(piece)
        if size > limit_bytes:
            raise ParseError(f"more than {limit_bytes:,} bytes")
        yield piece


def beginning(chunks: Iterable[bytes], encoding: str, limit_bytes: int) -> bytes:
    """The first bytes of a body, for an error message; empty where the encoding is another than requested."""
    content = b""
    try:
        for piece in _decoded(chunks, encoding.strip().lower()):
            content += piece
            if len(content) >= limit_bytes:
                break
    except (ParseError, FailedResponseError):
        pass
    return content[:limit_bytes]


def _decoded(chunks: Iterable[bytes], encoding: str) -> Iterable[bytes]:
    if encoding in ("", "identity"):
        return chunks
    if encoding in ("gzip", "x-gzip"):
        return _gunzip(chunks)
    raise ParseError(f"content-encoding {one_line(encoding)!r}, which was not requested")


def _gunzip(chunks: Iterable[bytes]) -> Iterator[bytes]:
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
    except zlib.error as error:
        raise FailedResponseError(
            Classification(BadResponseError, f"content-encoding gzip, but not gzip: {error}")
        ) from error
    if member is not None and not member.eof:
        # At most a few hundred bytes are buffered.
        yield member.flush()
        if not member.eof:
            raise bad_response("truncated: gzip without its end")
