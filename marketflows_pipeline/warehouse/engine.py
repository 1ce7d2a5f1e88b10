"""DuckDB as this program opens it: no extensions, no variables of this process as tables, no other files.

A file that somebody else made may hold views and macros that read any file of the reader, and so may a question that
a program has put together. So every connection is shut off once its files are attached, before anything is asked:
from then on DuckDB opens these files and its own spill folder, and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import duckdb

from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.warehouse import ddl

_SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "allow_unsigned_extensions": False,
    "allow_persistent_secrets": False,
    "python_enable_replacements": False,
}
# What DuckDB holds of a run's files and intermediate results before it spills: left alone, it keeps all it has read.
OF_A_RUN = "768MiB"
# What reaches beyond a question though settings are locked: DuckDB's own log and profile, which go to standard output
# or end the process, objects of this process by their address, and SQL that is put together as it runs.
_REACHES_OUT = frozenset({
    *("enable_logging", "disable_logging", "truncate_duckdb_logs", "write_log"),
    *("enable_profiling", "enable_profile", "disable_profiling", "disable_profile"),
    *("arrow_scan", "arrow_scan_dumb", "pandas_scan", "python_map_function", "add_parquet_key"),
    *("copy_database", "import_database", "checkpoint", "force_checkpoint"),
})  # fmt: skip
_PUTS_SQL_TOGETHER = frozenset({"query", "query_table", "json_execute_serialized_sql"})
_HOLDER = re.compile(r"Conflicting lock is held in (?P<program>.+?) \(PID (?P<pid>\d+)\)")
_CALLED = re.compile(r'(\w+)"?\s*\(')
# Asked one by one: as one UNION they take twice as long.
_PROGRAMS = tuple(
    f"select {columns} from system.main.{function}() where database_name = $catalog and not internal"
    for function, columns in (
        ("duckdb_views", "view_name, sql"),
        ("duckdb_functions", "function_name, macro_definition"),
        ("duckdb_tables", "table_name, sql"),
    )
)


def connect(
    spill: Path | str, also: Mapping[str, str | bool] | None = None, *, memory: str | None = None
) -> duckdb.DuckDBPyConnection:
    """An in-memory DuckDB of its own, its sessions in UTC, to which files can be attached.

    Args:
        spill: the folder for what memory does not hold, made when it is needed, and removed at the end.
        also: settings in place of the usual ones.
        memory: how much DuckDB may hold, such as `OF_A_RUN`; its default is most of the machine's.

    Raises:
        UserInputError: if DuckDB cannot spill to that folder.
    """
    _require_utf8(str(spill))
    limit = {} if memory is None else {"memory_limit": memory}
    connection = duckdb.connect(config={**_SETTINGS, **(also or {}), **limit, "temp_directory": str(spill)})
    connection.execute("set global TimeZone = 'UTC'")
    return connection


def connect_for_lakes(spill: Path, *, memory: str | None = None) -> duckdb.DuckDBPyConnection:
    """The same for lakes: DuckDB's Postgres extension asks where lasting secrets would be, and finds nothing there."""
    lasting: dict[str, str | bool] = {"allow_persistent_secrets": True, "secret_directory": str(spill / "no-secrets")}
    return connect(spill, lasting, memory=memory)


def attach(connection: duckdb.DuckDBPyConnection, path: Path, name: str, options: str = "") -> None:
    """Attach a file under a name.

    Options are such as ``read_only``. For a file of another kind DuckDB would load the extension that reads it.

    Raises:
        UserInputError: if DuckDB cannot have a file at that path.
    """
    place = str(path.absolute())
    _require_utf8(place)
    if "?" in place and options != "read_only":
        # DuckDB takes what follows for the parameters of an address, and puts the log before it, into another folder.
        raise UserInputError(f"{place} cannot be written: expected a path without a question mark; rename its folder")
    said = ", ".join(filter(None, ("type duckdb", options)))
    connection.execute(f"attach {ddl.literal(str(path))} as {name} ({said})")


def _require_utf8(place: str) -> None:
    try:
        place.encode()
    except UnicodeEncodeError:
        raise UserInputError(f"{place!r} cannot be opened: expected a path in UTF-8; rename its folder") from None


def shut(connection: duckdb.DuckDBPyConnection, also: Iterable[Path] = ()) -> None:
    """Let the connection open nothing but what is attached, what it spills, and these files, for good.

    The files may be attached later, to be read.
    """
    allowed = [str(path) + suffix for path in also for suffix in ("", ".wal")]
    connection.execute(f"set global allowed_paths = [{', '.join(map(ddl.literal, allowed))}]")
    connection.execute("set global enable_external_access = false")


def lock(connection: duckdb.DuckDBPyConnection) -> None:
    """Let no statement change a setting any more."""
    connection.execute("set global lock_configuration = true")


@contextmanager
def single_threaded(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Let the connection, which is not locked, use one thread while the block lasts."""
    connection.execute("set global threads = 1").fetchall()
    try:
        yield
    finally:
        connection.execute("reset global threads").fetchall()


def reaches_out(sql: str) -> str | None:
    """The function that a question calls by its name and that reaches beyond it, or None."""
    return next((name for name in _CALLED.findall(sql.lower()) if name in _REACHES_OUT), None)


def foreign_program(connection: duckdb.DuckDBPyConnection, catalog: str) -> str | None:
    """What an attached file holds that no file of this program does, and that would run when it is asked; or None.

    The connection's default catalog must not yet be one that may hold macros.
    """
    refused = _REACHES_OUT | _PUTS_SQL_TOGETHER
    found = (row for query in _PROGRAMS for row in connection.execute(query, {"catalog": catalog}).fetchall())
    for name, sql in found:
        if not sql:
            return f"{name}, which does not say what it is"
        if called := next((each for each in _CALLED.findall(sql.lower()) if each in refused), None):
            return f"{name}, which calls {called}"
    return None


def words_of(error: Exception) -> str:
    """What DuckDB says, in one line: without its advice, which is for its own users, the statement and its trace."""
    return " ".join(str(error).partition("\n\n")[0].split())


def holder_of(error: duckdb.Error) -> str | None:
    """The program that holds a file which DuckDB could not open, with its process id; None where no other one does."""
    found = _HOLDER.search(str(error))
    return f"{found['program']} (pid {found['pid']})" if found else None
