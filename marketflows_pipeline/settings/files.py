"""Files that the user wrote, read within bounds: TOML, and a key."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from marketflows_pipeline.settings.faults import without_secrets

# Far beyond any settings that a person writes, and read in no time.
MAX_BYTES = 1 << 18
MAX_DEPTH = 32
# Before it is parsed, as the parser takes time for each part of a dotted name that goes before.
_DEEP_NAME = re.compile(rf"^[ \t]*\[{{0,2}}(?:[^\n.=#]*\.){{{MAX_DEPTH}}}", re.MULTILINE)
MAX_KEY_BYTES = 4096
_OTHER_WAYS = "; name another, or see what the program does with: marketflows --tutorial"
_PLACE = re.compile(r"\(at (?:line \d+, column \d+|end of document)\)\s*$")


def read_toml(path: Path, faults: list[str], *, is_secret: bool = False) -> dict[str, Any] | None:
    """The tables of a TOML file, or None where it cannot be used, of which the reason is added to the faults.

    Args:
        path: the file; at most 256 KiB, with tables and lists at most 32 deep.
        faults: gathers one line per fault.
        is_secret: whether the file holds keys; nothing of what it says is repeated then, but the place is.
    """
    content = _content(path, MAX_BYTES, str(path), faults, if_missing=_OTHER_WAYS)
    if content is None:
        return None
    if len(content) > MAX_BYTES:
        faults.append(f"{path}: expected a settings file of at most {MAX_BYTES:,} bytes")
        return None
    try:
        # Editors on Windows put a byte order mark first.
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
        if _DEEP_NAME.search(text):
            raise RecursionError
        tables = tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        faults.append(f"{path}: expected UTF-8 text (at line {line})")
    except RecursionError:
        faults.append(_too_deep(path))
    except ValueError as error:
        place = _PLACE.search(str(error))
        said = f" {place[0]}" if is_secret and place else "" if is_secret else f": {without_secrets(str(error))}"
        faults.append(f"{path}: not valid TOML{said}")
    else:
        if _is_within(MAX_DEPTH, tables):
            return tables
        faults.append(_too_deep(path))
    return None


def read_text(path: Path) -> str:
    """A file that was read as TOML before, as text; empty where there is none."""
    content = _content(path, MAX_BYTES, str(path), []) or b""
    return content.decode("utf-8-sig").replace("\r\n", "\n")


def read_key(path: Path, source: str, faults: list[str]) -> str | None:
    """The key that is all a file holds; None where the file is empty, or cannot be used, which is added to the faults.

    Args:
        path: the file.
        source: where the path is said, for messages.
        faults: gathers one line per fault.
    """
    content = _content(path, MAX_KEY_BYTES, source, faults)
    if content is None:
        return None
    if len(content) > MAX_KEY_BYTES:
        faults.append(f"{source}: expected a file with nothing but the key, found more than {MAX_KEY_BYTES:,} bytes")
        return None
    try:
        return content.decode("utf-8-sig").strip() or None
    except UnicodeDecodeError:
        faults.append(f"{source}: expected a file with nothing but the key, found what is no UTF-8 text")
        return None


def _content(path: Path, limit: int, source: str, faults: list[str], *, if_missing: str = "") -> bytes | None:
    """The first bytes of a file, one more than the limit where it is longer."""
    try:
        # A FIFO is not waited for, and can be read only once, where settings are read by each part of a run.
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                faults.append(f"{source}: expected a plain file, found a pipe or device")
                return None
            return file.read(limit + 1)
    except FileNotFoundError:
        faults.append(f"{source}: no such file{if_missing}")
    except OSError as error:
        faults.append(f"{source}: cannot be read: {error.strerror}")
    except ValueError:
        faults.append(f"{source}: expected the path of a file")
    return None


def _is_within(depth: int, tables: Mapping[str, Any]) -> bool:
    """Whether no value lies deeper; level by level, because what is too deep must not be walked by recursion."""
    level: list[Any] = [tables]
    for _ in range(depth):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return True
    return False


def _too_deep(path: Path) -> str:
    return f"{path}: tables or lists are nested too deeply: expected at most {MAX_DEPTH} levels"
