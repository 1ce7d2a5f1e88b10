"""A query that a user wrote: refused where it is more than a question, else answered in the format asked for."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import duckdb

from marketflows_pipeline.errors import MarketflowsError, UserInputError
from marketflows_pipeline.warehouse import engine, render
from marketflows_pipeline.warehouse.published import (
    HOW_TO_ALLOW,
    LakeSnapshot,
    Published,
    batches,
    executed,
    open_published,
    refusals,
)
from marketflows_pipeline.warehouse.render import Format

# What reaches beyond the tables of a lake: DuckDB's Postgres extension keeps none of the rules that shut it off.
_REACHES_BEYOND_A_LAKE = re.compile(
    r"__ducklake\w*|\b(?:postgres|ducklake)_\w+|\bpg_clear_cache\b|\b(?:query|query_table|json_execute_serialized_sql)\b",
    re.IGNORECASE,
)


def write_result(
    sql: str,
    path: Published,
    output_format: Format,
    out: BinaryIO,
    *,
    allow_files: bool = False,
    for_spreadsheets: bool = False,
) -> int | None:
    """Write the answer to a query.

    Args:
        sql: the query.
        path: the published file, an uploaded version of it, or a snapshot of a lake.
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
    with open_published(path, allow_files=allow_files) as connection:
        _refuse_all_but_one_question(connection, sql, allow_files=allow_files)
        if isinstance(path, LakeSnapshot) and (found := _REACHES_BEYOND_A_LAKE.search(sql)):
            raise UserInputError(f"the SQL holds {found[0]}, which reaches beyond what is published")
        if output_format == "parquet":
            _write_parquet(connection, sql, out)
            return None
        n_rows = 0

        def counted(batches: Iterator[list[tuple[Any, ...]]]) -> Iterator[list[tuple[Any, ...]]]:
            nonlocal n_rows
            for batch in batches:
                n_rows += len(batch)
                yield batch

        with executed(connection, sql) as (columns, types):
            rows = counted(batches(connection))
            for text in render.lines(output_format, columns, types, rows, for_spreadsheets=for_spreadsheets):
                out.write(text.encode())
        return n_rows


def _refuse_all_but_one_question(connection: duckdb.DuckDBPyConnection, sql: str, *, allow_files: bool) -> None:
    if "\0" in sql:
        raise UserInputError("the SQL holds a NUL character: expected text")
    with refusals():
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
    # With httpfs one of these can be made, which other statements then are sent with.
    if _makes_secret(statements[0]):
        raise UserInputError("the SQL makes a secret, which does more than answer")
    # DuckDB may write to the files that are attached, which the published one is.
    if _copies(statements[0]):
        raise UserInputError(f"the SQL writes a file{HOW_TO_ALLOW}")
    if function := engine.reaches_out(sql):
        raise UserInputError(f"the SQL calls {function}, which does more than answer{HOW_TO_ALLOW}")


def _makes_secret(statement: duckdb.Statement) -> bool:
    is_create = statement.type == duckdb.StatementType.CREATE
    return is_create and re.search(r"\bsecret\b", statement.query, re.IGNORECASE) is not None


def _copies(statement: duckdb.Statement) -> bool:
    """Whether a statement is a COPY, or may run one to explain it: then it has that word, as DuckDB tells words."""
    if statement.type != duckdb.StatementType.EXPLAIN:
        return bool(statement.type == duckdb.StatementType.COPY)
    text = statement.query.encode()
    starts = [
        (at, at + len("copy")) for at, kind in duckdb.tokenize(statement.query) if kind == duckdb.token_type.keyword
    ]
    return any(text[start:end].lower() == b"copy" for start, end in starts)


def _write_parquet(connection: duckdb.DuckDBPyConnection, sql: str, out: BinaryIO) -> None:
    """By way of the one folder that the connection may write to: DuckDB keeps its types, and takes rows in batches."""
    ((spill,),) = connection.execute("select current_setting('temp_directory')").fetchall()
    if not spill:
        raise MarketflowsError("parquet needs a folder for temporary files; name one in TMPDIR")
    file = Path(spill) / "answer.parquet"
    with refusals():
        relation = connection.sql(sql)
        # DuckDB has none of what only says how it went, as of a table of this session's own.
        if relation is None:
            raise UserInputError("the SQL gives no rows for parquet; ask with select")
        relation.write_parquet(str(file))
    with file.open("rb") as written:
        shutil.copyfileobj(written, out)
