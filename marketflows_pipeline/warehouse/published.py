"""Answers from the published file, read-only.

Imports little, so that a command which only answers starts about as fast as duckdb itself.

A question, and the views and macros of a file that was received from elsewhere, reach that file and nothing else: no
other file, no address, no extension, no setting.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import duckdb

from marketflows_pipeline.errors import MarketflowsError, UserInputError
from marketflows_pipeline.system.stopping import stopped_by
from marketflows_pipeline.warehouse import ddl, engine, render
from marketflows_pipeline.warehouse.render import Format

if TYPE_CHECKING:
    import polars as pl

_BATCH = 10_000
_CATALOG = "marketflows"
_HOLDER = re.compile(r"Conflicting lock is held in (?P<program>.+?) \(PID (?P<pid>\d+)\)")
_HOW_TO_ALLOW = "; a query may read and write other files with `marketflows sql --allow-files`"


@dataclass(frozen=True)
class QueryResult:
    """Rows of one query; times are aware, in UTC.

    Attributes:
        columns: their names.
        types: their DuckDB types.
        rows: the rows, in order.
    """

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: list[tuple[Any, ...]]


@contextmanager
def open_published(path: Path, *, allow_files: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """A read-only connection to the published file as it is now, its session in UTC.

    Args:
        path: the link, such as ``warehouse/marketflows.duckdb``.
        allow_files: whether statements, and the views of the file, may read and write other files.

    Raises:
        MarketflowsError: if nothing has been published there yet, or another program holds the file for writing.
    """
    with ExitStack() as stack:
        connection = _opened(stack, path, _spill_folder(stack), allow_files=allow_files)
        yield connection


def _opened(stack: ExitStack, path: Path, spill: str, *, allow_files: bool) -> duckdb.DuckDBPyConnection:
    if not path.exists():
        raise MarketflowsError(f"nothing is published at {path} yet; run `marketflows` first")
    if not path.is_file():
        raise MarketflowsError(
            f"{path} is no file: expected the published database; move it away, then run `marketflows`"
        )
    connection = stack.enter_context(engine.connect(spill))
    stack.enter_context(stopped_by(connection.interrupt))
    try:
        # The version behind the link: DuckDB would answer a second open of the link from the file it knows already.
        engine.attach(connection, path.resolve(), _CATALOG, "read_only")
    except duckdb.Error as fault:
        raise _explain_open(path, fault) from fault
    if not allow_files:
        engine.shut(connection)
        if program := engine.foreign_program(connection, _CATALOG):
            raise MarketflowsError(
                f"{path} was not published by this program: it holds {program}; run `marketflows` to publish it anew, "
                "or ask with `marketflows sql --allow-files` if you trust it"
            )
    connection.execute(f"use {_CATALOG}")
    engine.lock(connection)
    return connection


def _spill_folder(stack: ExitStack) -> str:
    """A folder of this question's own, which nobody else can put a file into; empty where there is no place for one."""
    try:
        return stack.enter_context(tempfile.TemporaryDirectory(prefix="marketflows-"))
    except OSError:
        return ""


def query_rows(path: Path, sql: str) -> QueryResult:
    """All rows of a query.

    Raises:
        MarketflowsError: if nothing has been published yet.
        UserInputError: if DuckDB refuses the SQL.
    """
    with open_published(path) as connection, _asked(connection, sql) as (columns, types):
        return QueryResult(columns, types, [row for batch in _batches(connection) for row in batch])


class Reading:
    """Several questions to one published file, as it was when it was opened; see `read_published`."""

    def __init__(self, path: Path, connection: duckdb.DuckDBPyConnection) -> None:
        self._path = path
        self._connection = connection

    def rows(self, sql: str, params: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """All rows of a query, each by column name; times are aware, in UTC.

        Args:
            sql: one select, with ``$name`` for each parameter.
            params: its parameters.

        Raises:
            MarketflowsError: if the file does not hold what this program's own questions ask for.
        """
        with self._of_this_version():
            described = self._connection.execute(sql, params).description or []
            names = [column[0] for column in described]
            return [dict(zip(names, row, strict=True)) for batch in _batches(self._connection) for row in batch]

    def table(self, name: str, columns: Sequence[str]) -> pl.DataFrame:
        """Columns of a registered table, typed as the registry says.

        Rows come by Arrow's C interface, which loads neither pyarrow nor numpy.

        Raises:
            MarketflowsError: if the file does not hold the table, or holds it with other columns or types.
        """
        import polars as pl  # noqa: PLC0415 (most commands do without)

        from marketflows_pipeline.schema import TABLES  # noqa: PLC0415

        entry = TABLES[name]
        typed = (
            f"cast({ddl.identifier(column)} as {entry.column(column).dtype.value}) as {ddl.identifier(column)}"
            for column in columns
        )
        with self._of_this_version():
            return pl.DataFrame(self._connection.sql(f"select {', '.join(typed)} from {ddl.qualified(name)}"))

    @contextmanager
    def _of_this_version(self) -> Iterator[None]:
        try:
            yield
        except duckdb.Error as fault:
            message = " ".join(str(fault).partition("\n\nLINE ")[0].split())
            raise MarketflowsError(
                f"{self._path} was published by another version of this program ({message}); "
                "the next run publishes it anew"
            ) from fault


@contextmanager
def read_published(path: Path) -> Iterator[Reading]:
    """Open the published file once for several questions.

    Raises:
        MarketflowsError: if nothing has been published there yet, or another program holds the file for writing.
    """
    with open_published(path) as connection:
        yield Reading(path, connection)


def run_sql(path: Path, sql: str) -> pl.DataFrame:
    """All rows of a query as a polars frame, times as ``Datetime("us", "UTC")``.

    Raises:
        MarketflowsError: if nothing has been published yet.
        UserInputError: if DuckDB refuses the SQL.
    """
    with open_published(path) as connection, _refusals():
        return _relation(connection, sql).pl()


def write_result(
    sql: str,
    path: Path,
    output_format: Format,
    out: BinaryIO,
    *,
    allow_files: bool = False,
    for_spreadsheets: bool = False,
) -> int | None:
    """Write the answer to a query.

    Args:
        sql: the query.
        path: the published file.
        output_format: ``table`` for people (at most `render.TABLE_ROWS` rows, and it says so), ``csv``, ``json`` (a
            list of objects) or ``parquet``; times are ISO 8601 in UTC, missing values ``null`` (empty in CSV).
        out: where the bytes go; text is UTF-8.
        allow_files: whether the query may read and write other files.
        for_spreadsheets: whether CSV is made safe to open in one; else text is exact, but for tables.

    Returns:
        The rows of the answer; null for parquet, whose rows are not counted.

    Raises:
        MarketflowsError: if nothing has been published yet.
        UserInputError: if the SQL is not one statement that gives rows, or DuckDB refuses it.
    """
    with ExitStack() as stack:
        spill = _spill_folder(stack)
        connection = _opened(stack, path, spill, allow_files=allow_files)
        _refuse_all_but_one_question(connection, sql, allow_files=allow_files)
        if output_format == "parquet":
            if not spill:
                raise MarketflowsError("parquet needs a folder for temporary files; name one in TMPDIR")
            _write_parquet(connection, sql, spill, out)
            return None
        n_rows = 0

        def counted(batches: Iterator[list[tuple[Any, ...]]]) -> Iterator[list[tuple[Any, ...]]]:
            nonlocal n_rows
            for batch in batches:
                n_rows += len(batch)
                yield batch

        with _asked(connection, sql) as (columns, types):
            rows = counted(_batches(connection))
            for text in render.lines(output_format, columns, types, rows, for_spreadsheets=for_spreadsheets):
                out.write(text.encode())
        return n_rows


def _refuse_all_but_one_question(connection: duckdb.DuckDBPyConnection, sql: str, *, allow_files: bool) -> None:
    if "\0" in sql:
        raise UserInputError("the SQL holds a NUL character: expected text")
    with _refusals():
        statements = connection.extract_statements(sql)
        # One PIVOT is read as two statements: the first makes the names of its columns and has no text.
        statements = [each for each in statements if each.query or each.type != duckdb.StatementType.CREATE]
        if not statements:
            raise UserInputError("the SQL is empty: expected one statement, such as select * from meta.publish")
        if len(statements) > 1:
            raise UserInputError(f"the SQL holds {len(statements)} statements: expected one")
        if duckdb.ExpectedResultType.QUERY_RESULT not in statements[0].expected_result_type:
            raise UserInputError("the SQL gives no rows; ask with select")
    if allow_files:
        return
    # DuckDB may write to the files that are attached, which the published one is.
    if _copies(statements[0]):
        raise UserInputError(f"the SQL writes a file{_HOW_TO_ALLOW}")
    if function := engine.reaches_out(sql):
        raise UserInputError(f"the SQL calls {function}, which does more than answer{_HOW_TO_ALLOW}")


def _copies(statement: duckdb.Statement) -> bool:
    """Whether a statement is a COPY, or may run one to explain it: then it has that word, as DuckDB tells words."""
    if statement.type != duckdb.StatementType.EXPLAIN:
        return bool(statement.type == duckdb.StatementType.COPY)
    text = statement.query.encode()
    starts = [
        (at, at + len("copy")) for at, kind in duckdb.tokenize(statement.query) if kind == duckdb.token_type.keyword
    ]
    return any(text[start:end].lower() == b"copy" for start, end in starts)


def _write_parquet(connection: duckdb.DuckDBPyConnection, sql: str, spill: str, out: BinaryIO) -> None:
    """By way of the one folder that the connection may write to: DuckDB keeps its types, and takes rows in batches."""
    file = Path(spill) / "answer.parquet"
    with _refusals():
        _relation(connection, sql).write_parquet(str(file))
    with file.open("rb") as written:
        shutil.copyfileobj(written, out)


def _relation(connection: duckdb.DuckDBPyConnection, sql: str) -> duckdb.DuckDBPyRelation:
    relation = connection.sql(sql)
    if relation is None:
        raise UserInputError("the SQL gives no rows; ask with select")
    return relation


@contextmanager
def _asked(connection: duckdb.DuckDBPyConnection, sql: str) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Run a query; within the block its rows wait to be fetched."""
    with _refusals():
        described = connection.execute(sql).description or []
        yield tuple(column[0] for column in described), tuple(str(column[1]) for column in described)


def _batches(connection: duckdb.DuckDBPyConnection) -> Iterator[list[tuple[Any, ...]]]:
    while batch := connection.fetchmany(_BATCH):
        yield batch


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except duckdb.Error as fault:
        # DuckDB repeats the statement below its message; people have it before them. A fault of its own has a trace.
        message = " ".join(str(fault).partition("\n\nLINE ")[0].partition("\n\nStack Trace")[0].split())
        allow = _HOW_TO_ALLOW if isinstance(fault, duckdb.PermissionException) else ""
        raise UserInputError(f"the SQL was refused: {message}{allow}") from fault


def _explain_open(path: Path, fault: duckdb.Error) -> MarketflowsError:
    holder = _HOLDER.search(str(fault))
    if holder:
        return MarketflowsError(
            f"{path} is open for writing in {holder['program']} (pid {holder['pid']}); close it there, or ask again "
            "after the next publish"
        )
    return MarketflowsError(f"{path} could not be opened: {fault}; the next run publishes it anew")
