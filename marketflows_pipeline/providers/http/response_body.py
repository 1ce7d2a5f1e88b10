"""Response bodies, read within a size limit: decompressed, redacted, classified; in memory or streamed to a file."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TypeVar

import httpx
import polars as pl

from marketflows_pipeline.providers.http.decompression import beginning, decompressed
from marketflows_pipeline.providers.http.redaction import WITHHELD, Redactor
from marketflows_pipeline.providers.http.responses import (
    Classifier,
    FailedResponseError,
    ParseError,
    Response,
    bad_response,
    not_data,
    not_json,
    one_line,
)
from marketflows_pipeline.providers.http.sockets import AttemptLimits

T = TypeVar("T")
R = TypeVar("R")

# A body within its limit takes at most twice its bytes on the wire, however it is compressed and chunked.
WIRE_OVERHEAD = 2
TAIL_BYTES = 64
# What a parser may trip over where a response holds something unforeseen.
PARSER_ERRORS = (ArithmeticError, LookupError, RecursionError, TypeError, ValueError, pl.exceptions.PolarsError)


@dataclass(frozen=True)
class SizeLimits:
    """Size limits of decompressed bodies, in bytes.

    Bodies are read into memory or written to a file; of an error response no more is read.
    """

    memory: int = 1 << 26
    download: int = 1 << 28
    error: int = 1 << 14


class BodyReader:
    """Reads the response bodies of one service."""

    def __init__(
        self, classify: Classifier, redactor: Redactor, attempt_limits: AttemptLimits, size_limits: SizeLimits
    ) -> None:
        self._classify = classify
        self._redactor = redactor
        self._attempt_limits = attempt_limits
        self._size_limits = size_limits

    def chunks(self, response: httpx.Response, wire: Iterator[bytes], limit_bytes: int) -> Iterator[bytes]:
        """The body, decompressed and limited; of an error response only the beginning, which says why.

        The limit is that of a successful body.
        """
        encoding = response.headers.get("content-encoding", "")
        limit = limit_bytes if response.is_success else self._size_limits.error
        # All of an error page may come, so that the connection can be kept; but no more than a page.
        self._attempt_limits.allow(WIRE_OVERHEAD * (limit if response.is_success else 8 * limit))
        return decompressed(wire, encoding, limit) if response.is_success else iter([beginning(wire, encoding, limit)])

    def in_memory(self, response: httpx.Response, chunks: Iterator[bytes], check: Classifier) -> Response:
        """The whole response, classified by the service's own rules and then by ``check``.

        Raises:
            FailedResponseError: it was classified as an error.
            ParseError: it repeats a secret in disguise.
        """
        # Redacted before an excerpt is cut: half a key is one too many.
        content = self._redactor.redact(b"".join(chunks))
        if content is None and response.is_success:
            raise ParseError("it repeats the key")
        whole = Response(response.status_code, response.headers, WITHHELD.encode() if content is None else content)
        if failure := parsed(self._classify, whole) or check(whole):
            raise FailedResponseError(failure, whole.headers)
        return whole

    def to_file(
        self, response: httpx.Response, chunks: Iterator[bytes], destination: Path, parse: Callable[[Path], T]
    ) -> T:
        """Stream the body to a file, which appears only when it is complete, and parse that."""
        start = Response(response.status_code, response.headers, next(chunks, b""))
        if not start.is_success or not_data(start):
            # Not the file, but a few words that say why: these fit into memory.
            words = decompressed(chain([start.content], chunks), "", self._size_limits.memory)
            start = self.in_memory(response, words, not_json)
            chunks = iter(())
        _write_whole(destination, start, chunks)
        return parsed(parse, destination)


def parsed(parse: Callable[[R], T], body: R) -> T:
    """What a parser makes of a body.

    Raises:
        ParseError: the parser found, or tripped over, something that is not documented.
    """
    try:
        return parse(body)
    except ParseError:
        raise
    except PARSER_ERRORS as error:
        raise ParseError(f"{type(error).__name__} {one_line(str(error))}") from error


def _write_whole(destination: Path, start: Response, chunks: Iterator[bytes]) -> None:
    """Write JSON beside its destination, then rename, so that no partial file is ever read.

    The start holds the first part of the body, the chunks the rest.

    Raises:
        FailedResponseError: the last bytes are not the end of JSON; no file is left.
    """
    part = destination.with_name(f".{secrets.token_hex(8)}.part")
    size, tail = len(start.content), start.content[-TAIL_BYTES:]
    try:
        with part.open("xb") as file:
            file.write(start.content)
            for chunk in chunks:
                size += file.write(chunk)
                tail = (tail + chunk)[-TAIL_BYTES:]
        if not tail.rstrip().endswith((b"}", b"]")):
            raise bad_response(f"{size:,} bytes that are truncated or not JSON")
        part.replace(destination)
    finally:
        part.unlink(missing_ok=True)
