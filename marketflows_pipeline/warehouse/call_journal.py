"""Attempts at requests on record before they are sent, without waiting for the disk at each.

An attempt and its outcome are appended to a file beside the private one, and stored in ``meta.api_calls`` by the next
transaction of any kind, such as the one that stores the answer. What a killed run did not come to store, the next
opener of the private file finds in the journal. The system writes the journal to disk when it likes: a power cut may
lose the attempts since the last transaction, and nothing else.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from marketflows_pipeline.errors import WarehouseError
from marketflows_pipeline.system.safe_files import make_way, open_private

# The time bounds the scan: a table of a year's calls is not read through for each answer.
_DELETE = "delete from meta.api_calls where sent_at = $sent_at and call_id = $call_id"


@dataclass(frozen=True)
class Call:
    """A row of ``meta.api_calls``."""

    call_id: str
    sent_at: datetime
    provider: str
    endpoint: str
    target: str
    attempt: int
    run_id: str
    status_code: int | None = None
    outcome: str = "sent"
    error: str | None = None
    duration_ms: float | None = None


_VALUES = ", ".join(f"${each.name} as {each.name}" for each in fields(Call))
_INSERT = f"insert into meta.api_calls by name select {_VALUES}"


def journal_path(path: Path) -> Path:
    """Where the attempts lie that the private file does not hold yet."""
    return path.with_name(f"{path.name}.calls")


class CallJournal:
    """The attempts that are not stored yet, in memory and in the file beside the private one.

    The private file has one opener, and so has the journal. Calls may come from several threads.

    Args:
        warehouse_path: the private file, opened already; what an earlier opener left in its journal is taken up.

    Raises:
        UnsafeFileError: if something that is not this program's own stands in the place of the journal.
    """

    def __init__(self, warehouse_path: Path) -> None:
        self._path = journal_path(warehouse_path)
        self._file: int | None = None
        self._lock = threading.Lock()
        make_way(self._path)
        self._pending = left_over(warehouse_path)
        # Of these a first version may be stored already.
        self._maybe_stored = set(self._pending)

    @property
    def is_empty(self) -> bool:
        """Whether every attempt is stored."""
        return not self._pending

    def note(self, call: Call) -> None:
        """Put an attempt, or its outcome, on record; a kill from now on does not lose it.

        Raises:
            WarehouseError: if the journal cannot be written; then the attempt must not be sent.
        """
        # A line break before it too: a line that a full disk cut off must not swallow the next one.
        line = b"\n" + json.dumps(asdict(call) | {"sent_at": call.sent_at.isoformat()}).encode() + b"\n"
        with self._lock:
            try:
                if self._file is None:
                    self._file = open_private(self._path, os.O_WRONLY | os.O_APPEND)
                written = os.write(self._file, line)
            except OSError as error:
                raise WarehouseError(f"{self._path} cannot be written: {error.strerror}") from error
            if written < len(line):
                raise WarehouseError(f"{self._path} cannot be written: the disk is full")
            self._pending[call.call_id] = call

    def write_into(self, cursor: duckdb.DuckDBPyConnection) -> Mapping[str, Call]:
        """Store what is pending in the cursor's transaction; what that is, for `settle` once it is committed."""
        with self._lock:
            pending = dict(self._pending)
            known = self._maybe_stored & pending.keys()
            self._maybe_stored |= pending.keys()
        for call_id, call in pending.items():
            if call_id in known:
                cursor.execute(_DELETE, {"sent_at": call.sent_at, "call_id": call_id}).fetchall()
            cursor.execute(_INSERT, asdict(call)).fetchall()
        return pending

    def settle(self, stored: Mapping[str, Call]) -> None:
        """Forget what has been committed."""
        if not stored:
            return
        with self._lock:
            for call_id, call in stored.items():
                if self._pending.get(call_id) is call:
                    del self._pending[call_id]
                if call.outcome != "sent":
                    self._maybe_stored.discard(call_id)
            # A line that stays too long is stored again by the next opener, over the same row.
            if not self._pending and self._file is not None:
                os.ftruncate(self._file, 0)

    def close(self) -> None:
        """Remove the journal where everything in it is stored."""
        with self._lock:
            if self._file is not None:
                os.close(self._file)
                self._file = None
            if not self._pending:
                self._path.unlink(missing_ok=True)


def left_over(warehouse_path: Path) -> dict[str, Call]:
    """The newest word on each attempt that a killed run left; a line that a power cut tore is none."""
    found: dict[str, Call] = {}
    try:
        lines = journal_path(warehouse_path).read_bytes().splitlines()
    except FileNotFoundError:
        return found
    for line in lines:
        try:
            row: dict[str, Any] = json.loads(line)
            call = Call(**row | {"sent_at": datetime.fromisoformat(row["sent_at"])})
        except (ValueError, TypeError, KeyError):
            continue
        found[call.call_id] = call
    return found
