"""An answer too large for memory, written to a file that is whole or absent."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

from marketflows_pipeline.errors import BadAnswerError
from marketflows_pipeline.providers.http.responses import Fault, RefusedError, Response

TAIL_BYTES = 64


def write_whole(destination: Path, start: Response, chunks: Iterator[bytes]) -> int:
    """Write JSON beside its destination, then rename, so that no half file is ever read.

    Args:
        destination: where the file appears.
        start: the answer with the first part of its body.
        chunks: the rest of its body.

    Returns:
        The number of bytes written.

    Raises:
        RefusedError: the end is not the end of JSON; nothing is left behind.
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
            raise RefusedError(Fault(BadAnswerError, f"{size:,} bytes that are cut off or not JSON"), start.headers)
        part.replace(destination)
    finally:
        part.unlink(missing_ok=True)
    return size
