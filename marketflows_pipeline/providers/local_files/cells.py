"""Read the cells of CSV and Parquet files of the user's as text, within limits of size."""

from __future__ import annotations

import csv
import logging
import re
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import polars as pl
from pyarrow import parquet

from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.providers.bad_rows import BadRows
from marketflows_pipeline.providers.fund_issuers.grids import MAX_CELL_LETTERS
from marketflows_pipeline.providers.http.responses import ParseError, one_line
from marketflows_pipeline.providers.local_files import csv_errors
from marketflows_pipeline.providers.local_files.service_files import is_event

logger = logging.getLogger(__name__)

# No name of a column can be this one, as blanks become underscores.
LINE = "its line"
# How programs write a figure that is not there; FRED writes a dot, Yahoo a dash.
MISSING = ("", ".", "-", "nan", "null", "none", "n/a")
# A hundred years of sessions are 25,000 rows and two megabytes; what is far beyond would only fill memory.
MAX_BYTES = 1 << 25
MAX_ROWS = 1_000_000
MAX_COLUMNS = 1000
MAX_CELLS = 5_000_000
MAX_UNPACKED_BYTES = 1 << 28


def read_csv(file: Path, bad_rows: BadRows | None = None) -> pl.DataFrame:
    """The cells of a CSV file, with the line of each row; rows of dividends and splits are left out, with a warning.

    A row that has not one value for each column is a bad row, or where none may be, a fault.
    """
    csv_errors.refuse_what_is_no_csv(file)
    with file.open(encoding="utf-8-sig", newline="") as opened:
        reader = csv.reader(opened, strict=True, skipinitialspace=True)
        names = next(csv_errors.filled(reader), [])
        csv_errors.refuse_what_is_no_header(file, reader.line_num, names)
        header, rows, events = _columns(file, names), [], 0
        for row in csv_errors.filled(reader):
            if is_event(row):
                events += 1
                continue
            if len(row) != len(header):
                if bad_rows is None or len(header) == 1:
                    raise csv_errors.wrong_length(file, reader.line_num, names, row)
                problem = csv_errors.length_problem(names, row)
                bad_rows.add(reader.line_num, f"line {reader.line_num}", ParseError(problem))
                continue
            rows.append([str(reader.line_num), *row])
            _refuse_beyond(file, len(rows), len(header))
    if events:
        logger.warning("%s: ignored rows of dividends and splits: %d; splits are taken from splits.csv", file, events)
    return _as_text(pl.DataFrame(rows, schema=dict.fromkeys([LINE, *header], pl.String), orient="row"))


def read_parquet(file: Path) -> pl.DataFrame:
    """The cells of a Parquet file as text, with the number of each row."""
    # By pyarrow: polars panics on some damaged files, on stderr, and aborts the process on others.
    with parquet.ParquetFile(file) as opened:
        # Before anything is decompressed: a kilobyte can hold a billion equal rows.
        _refuse_beyond(file, opened.metadata.num_rows, len(opened.schema_arrow))
        table = opened.read()
    table.validate(full=True)
    frame = pl.DataFrame(table.rename_columns(_columns(file, table.column_names)))
    frame = frame.select(_written(name, dtype) for name, dtype in frame.schema.items())
    lengths = frame.select(pl.all().str.len_bytes().max().fill_null(0)).rows()
    longest: int = max(chain.from_iterable(lengths), default=0)
    if longest > MAX_CELL_LETTERS or frame.estimated_size() > MAX_UNPACKED_BYTES:
        raise UserInputError(f"{file}: expected cells of at most {MAX_CELL_LETTERS:,} bytes, found {longest:,} in one")
    return _as_text(frame.with_row_index(LINE, offset=1))


def _written(name: str, dtype: pl.DataType) -> pl.Expr:
    if isinstance(dtype, pl.Datetime):
        return pl.col(name).dt.strftime("%Y-%m-%dT%H:%M:%S%.6f%:z" if dtype.time_zone else "%Y-%m-%dT%H:%M:%S%.6f")
    if dtype.is_nested():
        return pl.lit("a nested value").alias(name)
    return pl.col(name).cast(pl.String(), strict=False)


def _refuse_beyond(file: Path, n_rows: int, n_columns: int) -> None:
    if n_columns > MAX_COLUMNS:
        raise UserInputError(f"{file}: expected at most {MAX_COLUMNS:,} columns, found {n_columns:,}")
    if n_rows > MAX_ROWS or n_rows * n_columns > MAX_CELLS:
        raise UserInputError(
            f"{file}: expected at most {MAX_ROWS:,} rows and {MAX_CELLS:,} cells, found {n_rows:,} rows of "
            f"{n_columns:,} or more"
        )


def _columns(file: Path, names: Sequence[str]) -> list[str]:
    _refuse_beyond(file, 0, len(names))
    columns = [re.sub(r"\s+", "_", name.strip().lower()) for name in names]
    columns = [name or f"unnamed_{at}" for at, name in enumerate(columns, start=1)]
    if twice := sorted({name for name in columns if columns.count(name) > 1}):
        raise UserInputError(f"{file}: expected each column once, found `{one_line(twice[0])}` twice")
    return columns


def _as_text(frame: pl.DataFrame) -> pl.DataFrame:
    text = pl.exclude(LINE).str.strip_chars()
    return frame.with_columns(
        pl.col(LINE).cast(pl.UInt32()), pl.when(~text.str.to_lowercase().is_in(MISSING)).then(text)
    )
