"""Specifications of charts that an earlier page was made with, by what they were built from.

An hour changes the figures of a page, and hardly a specification; to load Altair and build them all anew takes most of
a page's time. The file of them lies beside the private one and is for its user alone.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.metadata import version
from pathlib import Path
from typing import Any

import polars as pl

from marketflows_pipeline.errors import UnsafeFileError
from marketflows_pipeline.system.printable import excerpt
from marketflows_pipeline.system.safe_files import read_plain, write_whole

log = logging.getLogger(__name__)

Spec = dict[str, Any]

# Many times what the largest page takes; what is longer is cut off, and so not readable.
_MOST_BYTES = 1 << 24
_MOST_KEPT = 200
# Whatever a specification can come from.
_CODE = ("report", "charts", "transforms", "schema")


class KeptSpecs:
    """The specifications of one page.

    Args:
        kept: those of earlier pages by their key, the latest last.
    """

    def __init__(self, kept: Mapping[str, Spec]) -> None:
        self._kept = kept
        self._used: dict[str, Spec] = {}

    def spec(self, key: str, build: Callable[[], Spec]) -> Spec:
        """The specification of a key, built where no earlier page had it."""
        if key not in self._used:
            self._used[key] = self._kept[key] if key in self._kept else build()
        return self._used[key]

    @property
    def has_news(self) -> bool:
        """Whether any was built."""
        return not self._used.keys() <= self._kept.keys()

    def to_keep(self) -> dict[str, Spec]:
        """What this page has used, and of the others the latest: a section that stood already used none."""
        others = [key for key in self._kept if key not in self._used]
        room = max(_MOST_KEPT - len(self._used), 0)
        return {key: self._kept[key] for key in others[max(len(others) - room, 0) :]} | self._used


_in_use: ContextVar[KeptSpecs | None] = ContextVar("kept specifications", default=None)


@contextmanager
def specs_kept_in(path: Path, *, is_written: bool) -> Iterator[None]:
    """What the block builds is taken from a file where it is there, and kept in it for the next page.

    A file that cannot be read or written costs time and nothing else.

    Args:
        path: the file; it need not be there.
        is_written: whether what was used is kept.
    """
    code = _code_digest()
    specs = KeptSpecs(_read(path, code))
    token = _in_use.set(specs)
    try:
        yield
    finally:
        _in_use.reset(token)
    if is_written and specs.has_news and path.parent.is_dir():
        try:
            write_whole(path, json.dumps({"code": code, "specs": specs.to_keep()}).encode(), private=True)
        except (OSError, UnsafeFileError, TypeError, ValueError) as error:
            log.debug("the specifications of the page are not kept: %s", excerpt(str(error)))


def kept_or_built(name: str, arguments: object, build: Callable[[], Spec]) -> Spec:
    """A specification that only a function and its arguments decide.

    Args:
        name: of the function.
        arguments: frames, and whatever its `repr` tells all of.
        build: calls it.
    """
    specs = _in_use.get()
    return build() if specs is None else specs.spec(f"{name} {_digest(arguments)}", build)


def _read(path: Path, code: str) -> dict[str, Spec]:
    try:
        stored = json.loads(read_plain(path, most=_MOST_BYTES))
        specs = stored["specs"] if stored["code"] == code else {}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}
    return {key: spec for key, spec in specs.items() if isinstance(spec, dict)} if isinstance(specs, dict) else {}


def _digest(arguments: object) -> str:
    content = hashlib.blake2b(digest_size=16)
    _feed(content, arguments)
    return content.hexdigest()


def _feed(content: hashlib.blake2b, value: object) -> None:
    if isinstance(value, pl.DataFrame):
        buffer = io.BytesIO()
        value.rechunk().write_ipc(buffer, compat_level=pl.CompatLevel.oldest())
        content.update(buffer.getbuffer())
    elif isinstance(value, list | tuple):
        content.update(f"{len(value)} of:".encode())
        for each in value:
            _feed(content, each)
    else:
        content.update(f"{value!r}|".encode())


def _code_digest() -> str:
    content = hashlib.blake2b(version("altair").encode(), digest_size=16)
    package = Path(__file__).parents[1]
    for part in _CODE:
        for source in sorted((package / part).rglob("*.py")):
            content.update(source.read_bytes())
    return content.hexdigest()
