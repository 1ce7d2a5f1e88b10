"""Answers from the published file, read-only.

Imports little, so that a command which only answers starts about as fast as duckdb itself.

A question, and the views and macros of a file that was received from elsewhere, reach that file and nothing else: no
other file, no address, no extension, no setting.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import duckdb

from marketflows_pipeline.errors import MarketflowsError, UserInputError
from marketflows_pipeline.system.stopping import stopped_by
from marketflows_pipeline.warehouse import ddl, engine

if TYPE_CHECKING:
    import polars as pl

    from marketflows_pipeline.warehouse.remote import RemoteVersion
    from marketflows_pipeline.warehouse.stores.lake_place import LakePlace

_BATCH = 10_000
_CATALOG = "marketflows"


@dataclass(frozen=True)
class LakeSnapshot:
    """A snapshot of what is published in a lake; the newest one where no number is given."""

    place: LakePlace
    number: int | None = None

    def __str__(self) -> str:
        return f"{self.place}, {'newest snapshot' if self.number is None else f'snapshot {self.number}'}"


# A published file, an uploaded version of one, or a snapshot of a lake.
Published: TypeAlias = "Path | RemoteVersion | LakeSnapshot"
HOW_TO_ALLOW = "; a query may read and write other files with `marketflows sql --allow-files`"


@contextmanager
def open_published(path: Published, *, allow_files: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """A read-only connection to the published file as it is now, its session in UTC.

    Args:
        path: the link, such as ``warehouse/marketflows.duckdb``, or an uploaded version.
        allow_files: whether statements, and the views of the file, may read and write other files.

    Raises:
        MarketflowsError: if nothing has been published there yet, or another program holds the file for writing.
    """
    with ExitStack() as stack:
        yield _opened(stack, path, allow_files=allow_files)


def _opened(stack: ExitStack, path: Published, *, allow_files: bool) -> duckdb.DuckDBPyConnection:
    if isinstance(path, Path):
        _require_file(path)
    spill, is_lake = _spill_folder(stack), isinstance(path, LakeSnapshot)
    connection = stack.enter_context(engine.connect_for_lakes(Path(spill)) if is_lake else engine.connect(spill))
    stack.enter_context(stopped_by(connection.interrupt))
    _attach(connection, path)
    if not allow_files:
        engine.shut(connection)
        with _service_faults():
            program = None if is_lake else engine.foreign_program(connection, _CATALOG)
        if program:
            raise MarketflowsError(
                f"{path} was not published by this program: it holds {program}; run `marketflows` to publish it anew, "
                "or ask with `marketflows sql --allow-files` if you trust it"
            )
    connection.execute(f"use {_CATALOG}")
    engine.lock(connection)
    return connection


def _require_file(path: Path) -> None:
    if not path.exists():
        raise MarketflowsError(f"nothing is published at {path} yet; run `marketflows` first")
    if not path.is_file():
        raise MarketflowsError(
            f"{path} is no file: expected the published database; move it away, then run `marketflows`"
        )


def _attach(connection: duckdb.DuckDBPyConnection, path: Published) -> None:
    if isinstance(path, LakeSnapshot):
        from marketflows_pipeline.warehouse.lake_reading import attach_snapshot  # noqa: PLC0415 (see below)

        attach_snapshot(connection, path, _CATALOG)
        return
    if not isinstance(path, Path):
        from marketflows_pipeline.warehouse.remote import attach_version  # noqa: PLC0415 (most commands do without)

        attach_version(connection, path, _CATALOG)
        return
    try:
        # The version behind the link: DuckDB would answer a second open of the link from the file it knows already.
        engine.attach(connection, path.resolve(), _CATALOG, "read_only")
    except duckdb.Error as error:
        raise _cannot_open(path, error) from error


def _spill_folder(stack: ExitStack) -> str:
    """A folder of this question's own, which nobody else can put a file into; empty where there is no place for one."""
    try:
        return stack.enter_context(tempfile.TemporaryDirectory(prefix="marketflows-"))
    except OSError:
        return ""


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
            return [dict(zip(names, row, strict=True)) for batch in batches(self._connection) for row in batch]

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

    def frame(self, sql: str, params: Mapping[str, Any] | None = None) -> pl.DataFrame:
        """All rows of a query as a frame; times are aware, in UTC.

        Args:
            sql: one select, with ``$name`` for each parameter.
            params: its parameters.

        Raises:
            MarketflowsError: if the file does not hold what this program's own questions ask for.
        """
        import polars as pl  # noqa: PLC0415 (most commands do without)

        with self._of_this_version():
            return pl.DataFrame(self._connection.sql(sql, params=params))

    @contextmanager
    def _of_this_version(self) -> Iterator[None]:
        try:
            yield
        except duckdb.InterruptException:
            raise
        except duckdb.Error as error:
            raise MarketflowsError(
                f"{self._path} was published by another version of this program ({engine.words_of(error)}); "
                f"{_what_next(self._path)}"
            ) from error


@contextmanager
def read_published(path: Path) -> Iterator[Reading]:
    """Open the published file once for several questions.

    Raises:
        MarketflowsError: if nothing has been published there yet, or another program holds the file for writing.
    """
    with open_published(path) as connection:
        yield Reading(path, connection)


@contextmanager
def executed(connection: duckdb.DuckDBPyConnection, sql: str) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Run a query: names and types of its columns; within the block its rows wait to be fetched by `batches`."""
    with refusals():
        described = connection.execute(sql).description or []
        yield tuple(column[0] for column in described), tuple(str(column[1]) for column in described)


def batches(connection: duckdb.DuckDBPyConnection) -> Iterator[list[tuple[Any, ...]]]:
    """The rows of what was executed last, some at a time."""
    while batch := connection.fetchmany(_BATCH):
        yield batch


@contextmanager
def _service_faults() -> Iterator[None]:
    """Turn a fault of the service that a version is read from into one line."""
    try:
        yield
    except duckdb.HTTPException as error:
        from marketflows_pipeline.warehouse.remote import of_the_service  # noqa: PLC0415 (most commands do without)

        raise of_the_service(error) from None


@contextmanager
def refusals() -> Iterator[None]:
    """Turn what DuckDB says of a query into one line for the user who wrote it."""
    try:
        with _service_faults():
            yield
    except duckdb.Error as error:
        allow = HOW_TO_ALLOW if isinstance(error, duckdb.PermissionException) else ""
        raise UserInputError(f"the SQL was refused: {engine.words_of(error)}{allow}") from error


def _cannot_open(path: Path, error: duckdb.Error) -> MarketflowsError:
    if holder := engine.holder_of(error):
        return MarketflowsError(
            f"{path} is open for writing in {holder}; close it there, or ask again after the next publish"
        )
    return MarketflowsError(f"{path} could not be opened: {engine.words_of(error)}; {_what_next(path)}")


def _what_next(path: Path) -> str:
    """What helps where a file has no answers: a run replaces the link that a publish made, and no other file."""
    if path.is_symlink():
        return "the next run publishes it anew"
    return "no run replaces it, since it is no link made by this program: move it away, or name another published_path"
