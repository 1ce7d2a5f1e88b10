"""DuckDB as this program opens it: no extensions, no variables of this process as tables, no other files.

What belongs here: the settings of a connection. What does not: what is asked through it.

A file that somebody else made may hold views and macros that read any file of the reader, and so may a question that
a program has put together. So every connection is shut off once its files are attached, before anything is asked: from
then on DuckDB opens these files and its own spill folder, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import duckdb

from marketflows_pipeline.warehouse import ddl

_SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "allow_unsigned_extensions": False,
    "allow_persistent_secrets": False,
    "python_enable_replacements": False,
}


def connect(spill: Path | str) -> duckdb.DuckDBPyConnection:
    """An in-memory DuckDB of its own, its sessions in UTC, to which files can be attached.

    Args:
        spill: where it puts what memory does not hold; made when it is needed, and removed at the end.
    """
    connection = duckdb.connect(config={**_SETTINGS, "temp_directory": str(spill)})
    connection.execute("set global TimeZone = 'UTC'")
    return connection


def attach(connection: duckdb.DuckDBPyConnection, path: Path, name: str, options: str = "") -> None:
    """Attach a file under a name.

    Args:
        connection: as `connect` made it.
        path: the file.
        name: of its catalog.
        options: such as ``read_only``.
    """
    connection.execute(f"attach {ddl.literal(str(path))} as {name}{f' ({options})' if options else ''}")


def shut(connection: duckdb.DuckDBPyConnection, also: Iterable[Path] = ()) -> None:
    """Let the connection open nothing but what is attached, what it spills, and these files, for good.

    Args:
        connection: as `connect` made it.
        also: files that may be attached later, to be read.
    """
    allowed = [str(path) + suffix for path in also for suffix in ("", ".wal")]
    connection.execute(f"set global allowed_paths = [{', '.join(map(ddl.literal, allowed))}]")
    connection.execute("set global enable_external_access = false")


def lock(connection: duckdb.DuckDBPyConnection) -> None:
    """Let no statement change a setting any more."""
    connection.execute("set global lock_configuration = true")
