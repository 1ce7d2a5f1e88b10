"""A table of the user's whose bad rows are left out, as those of a service are, instead of the whole file refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

import polars as pl

from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.providers.bad_rows import BadRows, UntimelyError
from marketflows_pipeline.providers.http.responses import ParseError
from marketflows_pipeline.providers.local_files.csv_errors import number_hint
from marketflows_pipeline.providers.local_files.tables import OwnTable
from marketflows_pipeline.providers.parsing import iso_moment
from marketflows_pipeline.providers.protocols.market_caps import UTC_TIME
from marketflows_pipeline.system.printable import IDENTITY_LENGTH, is_identity, presentable_name

_DAY = re.compile(r"\d{4}-\d\d-\d\d")


class CheckedTable:
    """The columns of one file, each checked as it is taken; `good` gives the rows of which nothing was wrong.

    The bad rows are those with which the file was read.
    """

    def __init__(self, table: OwnTable, bad_rows: BadRows) -> None:
        self._table = table
        self._bad_rows = bad_rows

    def ids(self, column: str) -> pl.Series:
        """A column of ids, none missing, each of at most 200 characters that can be shown."""
        ids = self._table.cells[column]
        is_bad = ids.is_null() | ids.is_in(
            [each for each in ids.unique() if each is not None and not is_identity(each)]
        )
        self._leave_out(column, is_bad, f"an id of at most {IDENTITY_LENGTH} printable characters")
        return ids

    def names(self, column: str) -> pl.Series:
        """A column of text to be shown, made presentable; null where missing."""
        return _mapped(self._table.written(column), presentable_name, pl.String())

    def moments(self, column: str, *, since: datetime) -> pl.Series:
        """A column of dates, each its midnight, or ISO times, in UTC; none missing, none before ``since``."""
        # Of many coins' rows the times are few.
        moments = _mapped(self._table.cells[column], _moment, UTC_TIME)
        self._leave_out(column, moments.is_null(), "a date or an ISO time, such as 2026-01-05T13:00:00Z")
        is_early = (moments < since).fill_null(value=False)
        self._leave_out(column, is_early, f"a time from {since:%Y-%m-%d} on", UntimelyError)
        return moments

    def figures(self, column: str, *, at_most: float | None = None) -> pl.Series:
        """A column of numbers as they stand, zero and negative ones too; null where missing."""
        text = self._table.written(column)
        numbers = text.cast(pl.Float64(), strict=False)
        is_finite = numbers.is_finite().fill_null(value=False)
        is_bad = text.is_not_null() & ~is_finite
        self._leave_out(column, is_bad, f"a number or an empty cell{number_hint(text.filter(is_bad).first())}")
        if at_most is not None:
            self._leave_out(column, is_finite & (numbers > at_most), f"a number up to {at_most:g}")
        return numbers

    def refuse_other_words(self, column: str, word: str) -> None:
        """Go on only if a column, where there is one, holds this word alone.

        Raises:
            UserInputError: it holds another one.
        """
        self._table.choices(column, (word,))

    def good(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows, one a row of the file, without the bad ones, which are counted and logged.

        Raises:
            UserInputError: too many of them are bad.
        """
        lines, places = self._table.lines, self._bad_rows.places
        n_rows = len({*lines, *places})
        try:
            self._bad_rows.check_share(n_rows)
        except ParseError as error:
            raise UserInputError(f"{self._table.file}: {error}") from error
        self._bad_rows.log(n_rows)
        return rows.filter(~lines.is_in(pl.Series(places, dtype=lines.dtype).implode())) if places else rows

    def _leave_out(self, column: str, is_bad: pl.Series, expected: str, kind: type[ParseError] = ParseError) -> None:
        table = self._table
        for at in is_bad.arg_true():
            self._bad_rows.add(table.lines[at], table.place(at), kind(table.problem(at, column, expected)))


def _mapped(texts: pl.Series, change: Callable[[str], object], dtype: pl.DataType) -> pl.Series:
    """Each text changed, each different one once; a missing one stays missing."""
    different = texts.drop_nulls().unique()
    changed = pl.Series([change(text) for text in different], dtype=dtype)
    return texts.replace_strict(different, changed, default=None, return_dtype=dtype)


def _moment(text: str) -> datetime | None:
    # Python would take 20260105 and 2026-W02 for dates too.
    return iso_moment(text) if _DAY.match(text) else None
