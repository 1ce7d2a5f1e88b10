"""From an answer as it comes to one that is judged: unpacked, limited, with every secret blotted out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TypeVar

import httpx

from marketflows_pipeline.providers.http.decompression import beginning, unpacked
from marketflows_pipeline.providers.http.reading import readable
from marketflows_pipeline.providers.http.redaction import WITHHELD, Blotter
from marketflows_pipeline.providers.http.responses import (
    Classifier,
    RefusedError,
    Response,
    ShapeError,
    not_data,
    not_json,
)
from marketflows_pipeline.providers.http.sockets import Allowance
from marketflows_pipeline.providers.http.streaming import write_whole

T = TypeVar("T")

# An answer that fits comes in no more than twice its bytes, however it is packed and cut into chunks.
LINE_OVERHEAD = 2


@dataclass(frozen=True)
class Limits:
    """How long a body may be once it is unpacked, in bytes.

    Attributes:
        answer: where it is read in memory.
        download: where it is written to a file.
        error: how much is read of an answer that is none.
    """

    answer: int = 1 << 26
    download: int = 1 << 28
    error: int = 1 << 14


class Receiving:
    """Receives the answers of one service.

    Args:
        classify: the service's own judgement of an answer.
        blotter: knows the secrets that no answer may show.
        allowance: of the attempt under way, which is told how much may come.
        limits: of bodies.
    """

    def __init__(self, classify: Classifier, blotter: Blotter, allowance: Allowance, limits: Limits) -> None:
        self._classify = classify
        self._blotter = blotter
        self._allowance = allowance
        self._limits = limits

    def body(self, response: httpx.Response, line: Iterator[bytes], limit_bytes: int) -> Iterator[bytes]:
        """The body, unpacked and limited; of an answer that is none only the beginning, which says why.

        Args:
            response: whose body it is.
            line: the body as it comes.
            limit_bytes: how long it may be, where the answer is one.
        """
        encoding = response.headers.get("content-encoding", "")
        limit = limit_bytes if response.is_success else self._limits.error
        # Of an error the whole may come, so that the connection is kept; but no more than a page.
        self._allowance.allow(LINE_OVERHEAD * (limit if response.is_success else 8 * limit))
        return unpacked(line, encoding, limit) if response.is_success else iter([beginning(line, encoding, limit)])

    def whole(self, response: httpx.Response, body: Iterator[bytes], judge: Classifier) -> Response:
        """The answer in memory, judged by the service's own rules and then by `judge`.

        Raises:
            RefusedError: it is none.
            ShapeError: it repeats a secret in disguise.
        """
        # Before anything is cut out of it for a message: half a key is one too many.
        content = self._blotter.blot(b"".join(body))
        if content is None and response.is_success:
            raise ShapeError("it repeats the key")
        answer = Response(response.status_code, response.headers, WITHHELD.encode() if content is None else content)
        if fault := readable(self._classify, answer) or judge(answer):
            raise RefusedError(fault, answer.headers)
        return answer

    def file(self, response: httpx.Response, body: Iterator[bytes], destination: Path, read: Callable[[Path], T]) -> T:
        """What a reader makes of an answer written to a file, which appears only when it is whole."""
        start = Response(response.status_code, response.headers, next(body, b""))
        if not start.is_success or not_data(start):
            # Not the file, but a few words that say why: these fit into memory.
            words = unpacked(chain([start.content], body), "", self._limits.answer)
            start = self.whole(response, words, not_json)
            body = iter(())
        write_whole(destination, start, body)
        return readable(read, destination)
