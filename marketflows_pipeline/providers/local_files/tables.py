"""Tables that people keep themselves, as CSV or Parquet: read whole, or refused in one line that says what to mend."""

from __future__ import annotations

import csv
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import polars as pl
from pyarrow import ArrowException

from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.providers.bad_rows import BadRows
from marketflows_pipeline.providers.http.responses import one_line
from marketflows_pipeline.providers.local_files import csv_errors
from marketflows_pipeline.providers.local_files.cells import LINE, MAX_BYTES, read_csv, read_parquet
from marketflows_pipeline.providers.local_files.service_files import ISO_DATE
from marketflows_pipeline.providers.parsing import iso_moment
from marketflows_pipeline.transforms.time_span import TimeSpan

logger = logging.getLogger(__name__)

BRACKETS = r"^\(([\d.,]+)\)$"
EVERY_THOUSANDS = r"^-?\d{1,3}(,\d{3})+(\.\d+)?$"
SURE_THOUSANDS = r"^-?\d{1,3}(,\d{3})*(,\d{3}\.\d+|,\d{3},\d{3})$"
# A day that another program made a moment of.
MIDNIGHT = r"[T ]00:00(:00(\.0+)?)?(Z|[+-]\d\d:?\d\d)?$"


def read_file(
    file: Path,
    *,
    required: Collection[str],
    optional: Collection[str] = (),
    called: Mapping[str, str] | None = None,
    has_thousands: bool = False,
    may_be_empty: bool = False,
    bad_rows: BadRows | None = None,
) -> OwnTable:
    """The columns of a file that are known, as text; others are ignored, with a line in the log.

    Names of columns are taken in any case, with spaces for underscores. ``called`` leads from other names to the known
    ones; with ``has_thousands``, a file that has one of them may write commas at thousands. A row that has not one
    value for each column is left out, with a line in ``bad_rows``; without these the file is refused.

    Raises:
        UserInputError: the file cannot be read, has no rows, lacks a column, or has one twice.
    """
    if not file.is_file():
        raise UserInputError(f"{file}: expected a file, found something else")
    if (size := file.stat().st_size) > MAX_BYTES:
        raise UserInputError(f"{file}: expected at most {MAX_BYTES:,} bytes, found {size:,}")
    try:
        cells = read_parquet(file) if file.suffix == ".parquet" else read_csv(file, bad_rows)
    except UnicodeDecodeError as error:
        if file.suffix == ".parquet":
            raise UserInputError(f"{file}: cannot be read: the name of a column is not UTF-8") from error
        raise csv_errors.no_text(file, error) from error
    except (OSError, csv.Error, ArrowException, pl.exceptions.PolarsError) as error:
        raise UserInputError(f"{file}: cannot be read: {one_line(str(error))}") from error
    foreign = {name: (called or {})[name] for name in cells.columns if name in (called or {})}
    for meant in foreign.values():
        alike = [f"`{name}`" for name in cells.columns if foreign.get(name, name) == meant]
        if len(alike) > 1:
            raise UserInputError(f"{file}: expected one column of {' and '.join(alike)}")
    cells = cells.rename(foreign)
    found = [name for name in cells.columns if name != LINE]
    if not found:
        raise UserInputError(f"{file}: is empty; expected the columns {', '.join(required)}")
    if missing := [name for name in required if name not in found]:
        listed = ", ".join(f"`{name}`" for name in missing)
        raise UserInputError(f"{file}: expected a column {listed}, found {one_line(', '.join(found))}")
    if cells.is_empty() and not may_be_empty:
        raise UserInputError(f"{file}: expected rows below the names of the columns, found none")
    known = [name for name in found if name in {*required, *optional}]
    if unknown := [name for name in found if name not in known]:
        logger.warning("%s: ignored columns that mean nothing here: %s", file, one_line(", ".join(unknown)))
    return OwnTable(file, cells.select(LINE, *known), has_thousands=has_thousands and bool(foreign))


@dataclass(frozen=True)
class OwnTable:
    """One file of the user's.

    Cells are text, null where missing: LINE (of the file, or row where lines are none) and the known columns.
    Numbers may have commas at their thousands where the file is one of a service that writes them.
    """

    file: Path
    cells: pl.DataFrame
    has_thousands: bool = False

    def __contains__(self, column: str) -> bool:
        return column in self.cells.columns

    @property
    def lines(self) -> pl.Series:
        """Where each row stands."""
        return self.cells[LINE]

    def written(self, column: str) -> pl.Series:
        """The cells of a column as text; all missing where the file has no such column."""
        return self.cells[column] if column in self else pl.Series(column, [None] * self.cells.height, pl.String())

    def dates(self, column: str, span: TimeSpan, *, formats: Sequence[str] = (ISO_DATE,)) -> pl.Series:
        """A column of dates in one of the formats, ISO unless others are given, none of them missing.

        Raises:
            UserInputError: a value is missing, no date, or one that cannot be.
        """
        text = pl.col(column).str.replace(MIDNIGHT, "")
        dates = self.cells.select(pl.coalesce(text.str.to_date(each, strict=False) for each in formats)).to_series()
        self.refuse_where(dates.is_null(), column, "a date such as 2026-01-05")
        untimely = ~dates.is_between(span.first_day, span.last_day)
        self.refuse_where(untimely, column, f"a date from {span.first_day} to {span.last_day}")
        return dates

    def numbers(self, column: str, *, may_be_zero: bool = False) -> pl.Series:
        """A column of numbers above zero, or missing; all missing where the file has no such column.

        Raises:
            UserInputError: a value is something else.
        """
        text = self.written(column)
        numbers = (_without_commas(text) if self.has_thousands else text).cast(pl.Float64(), strict=False)
        is_fine = numbers.is_finite() & ((numbers >= 0) if may_be_zero else (numbers > 0))
        expected = "a number that is not negative" if may_be_zero else "a number above 0"
        wrong = text.is_not_null() & ~is_fine.fill_null(value=False)
        hint = csv_errors.number_hint(text.filter(wrong).first())
        self.refuse_where(wrong, column, f"{expected} or an empty cell{hint}")
        return numbers

    def amounts(self, column: str) -> pl.Series:
        """A column of numbers of either sign, or missing: those in brackets are below 0, thousands may have commas.

        A comma is one of thousands only beside a point or another comma: 1,234 alone may mean 1.234.

        Raises:
            UserInputError: a value is something else.
        """
        text = self.cells[column]
        plain = text.str.replace(BRACKETS, "-${1}").str.replace("\u2212", "-", literal=True)
        numbers = _without_commas(plain, pattern=EVERY_THOUSANDS if self.has_thousands else SURE_THOUSANDS).cast(
            pl.Float64(), strict=False
        )
        wrong = text.is_not_null() & ~numbers.is_finite().fill_null(value=False)
        hint = csv_errors.number_hint(text.filter(wrong).first())
        self.refuse_where(wrong, column, f"a number, one below 0 in brackets or with a minus, or an empty cell{hint}")
        return numbers

    def choices(self, column: str, allowed: Sequence[str]) -> pl.Series:
        """A column of one of a few words; the first of them where a value or the column is missing.

        Raises:
            UserInputError: a value is another word.
        """
        words = self.written(column).fill_null(allowed[0])
        self.refuse_where(~words.is_in(allowed), column, " or ".join(allowed))
        return words

    def texts(self, column: str) -> pl.Series:
        """A column of text, none missing.

        Raises:
            UserInputError: a value is missing.
        """
        self.refuse_where(self.cells[column].is_null(), column, "text")
        return self.cells[column]

    def moments(self, column: str, span: TimeSpan) -> pl.Series:
        """A column of ISO times with their offset from UTC, or missing, in UTC.

        Raises:
            UserInputError: a value is something else, such as a time without an offset, or a time that cannot be.
        """
        texts = self.written(column)
        moments = pl.Series(
            column, [iso_moment(text or "", needs_offset=True) for text in texts], dtype=pl.Datetime("us", "UTC")
        )
        wrong = texts.is_not_null() & moments.is_null()
        self.refuse_where(wrong, column, "a time with its offset, such as 2026-01-06T13:30:00Z")
        untimely = ~moments.is_between(span.earliest, span.latest)
        self.refuse_where(untimely.fill_null(value=False), column, f"a time from {span}")
        return moments

    def refuse_twice(self, key: pl.DataFrame, column: str) -> None:
        """Refuse a key that stands in two rows.

        Raises:
            UserInputError: one does; both places are named.
        """
        rows = key.with_row_index("at").with_columns(first=pl.col("at").min().over(key.columns))
        for at, first in rows.filter(pl.col("at") > pl.col("first")).select("at", "first").iter_rows():
            self.refuse(at, column, f"each date once; it is in {self.place(first)} too")

    def place(self, at: int) -> str:
        """How to find a row in the file."""
        return f"{'row' if self.file.suffix == '.parquet' else 'line'} {self.lines[at]}"

    def problem(self, at: int, column: str, expected: str) -> str:
        """What is wrong in one row."""
        value = self.cells[column][at]
        found = "an empty cell" if value is None else repr(one_line(value))
        return f"column `{column}`: expected {expected}, found {found}"

    def refuse(self, at: int, column: str, expected: str) -> NoReturn:
        """Say what is wrong in one row.

        Raises:
            UserInputError: always.
        """
        raise UserInputError(f"{self.file}, {self.place(at)}, {self.problem(at, column, expected)}")

    def refuse_where(self, wrong: pl.Series, column: str, expected: str) -> None:
        """Say what is wrong in the first of the wrong rows.

        Raises:
            UserInputError: there is one.
        """
        if (at := wrong.arg_true()).len():
            self.refuse(at[0], column, expected)


def _without_commas(text: pl.Series, pattern: str = EVERY_THOUSANDS) -> pl.Series:
    return pl.select(
        pl.when(text.str.contains(pattern)).then(text.str.replace_all(",", "", literal=True)).otherwise(text)
    ).to_series()
