"""Parser of CSV files with the closes of a volatility index."""

from __future__ import annotations

import csv
import logging
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from marketflows_pipeline.providers.bad_rows import BadRows, UntimelyError, refuse_empty
from marketflows_pipeline.providers.complete_sessions import last_complete_session
from marketflows_pipeline.providers.http.responses import ParseError, bad_response, one_line
from marketflows_pipeline.providers.parsing import finite
from marketflows_pipeline.providers.protocols.cross_asset import VOLATILITY_SCHEMA
from marketflows_pipeline.transforms.time_span import FUNDS_SINCE, TimeSpan

logger = logging.getLogger(__name__)

VIX, VIX3M = "VIX", "VIX3M"
# Rows that a file may have before its header, such as a title.
PREAMBLE_ROWS = 10
# Every session since 1990 is 10,000 lines and half a megabyte.
MAX_BYTES = 1 << 23
MAX_LINES = 1 << 17
MAX_LINE_LETTERS = 1 << 12


@dataclass(frozen=True)
class Layout:
    """How a file is laid out.

    Names of columns are in lower case, the format of dates is strptime's; ``missing`` stands for no value, beside
    nothing.
    """

    date_columns: Collection[str]
    value_columns: Collection[str]
    date_format: str
    missing: Collection[str] = ()


def read_closes(text: str, layout: Layout, *, index_name: str, source: str, now: datetime) -> pl.DataFrame:
    """Closes of a volatility index in VOLATILITY_SCHEMA, by session: what `read_values` gives, if it is above 0.

    Raises:
        ParseError: as of `read_values`.
        FailedResponseError: as of `read_values`.
    """
    values = read_values(text, layout, what=f"{source} {index_name}", now=now)
    if n_not_positive := values.filter(pl.col("value") <= 0).height:
        logger.warning("%s %s: %d sessions left out whose close is not above 0", source, index_name, n_not_positive)
    return (
        values.filter(pl.col("value") > 0)
        .with_columns(index_name=pl.lit(index_name), source=pl.lit(source), close="value")
        .select(VOLATILITY_SCHEMA.names())
    )


def read_values(text: str, layout: Layout, *, what: str, now: datetime, since: datetime = FUNDS_SINCE) -> pl.DataFrame:
    """The values of a file as ``session, value``, by session; of two rows of one session the later one.

    A row without a value is left out, and so is a session still open. A row without a date or a finite number, and one
    of a day that cannot be, are left out with a warning. The present moment tells the open session from complete ones.

    Raises:
        ParseError: there is no such header, no row below it, or too many rows would be left out.
        FailedResponseError: the file ends within a line.
    """
    table = _rows_of(text)
    at_line, date_at, value_at, width = _header(table, layout)
    if not text.endswith("\n") and _is_cut(table, value_at, width):
        last = one_line(",".join(table[-1][1]))
        raise bad_response(f"truncated in line {table[-1][0]}: {last}")
    rows = [(line, cells) for line, cells in table if line > at_line and any(cells)]
    refuse_empty(rows, "table")
    span, last_complete = TimeSpan.ever(since, now=now), last_complete_session(now)
    bad_rows = BadRows(what)

    def parse(row: tuple[int, list[str]]) -> tuple[date, float | None]:
        cells = row[1]
        if len(cells) <= max(date_at, value_at):
            raise ParseError(f"{len(cells)} cells, the header has {width}")
        return _date(cells[date_at], layout, span), _number(cells[value_at], layout)

    good = bad_rows.keep(rows, parse, lambda _, row: f"line {row[0]}")
    bad_rows.log(len(rows))
    return (
        pl.DataFrame(good, schema={"session": pl.Date(), "value": pl.Float64()}, orient="row")
        .filter(pl.col("value").is_not_null(), pl.col("session") <= last_complete)
        .unique("session", keep="last")
        .sort("session")
    )


def _rows_of(text: str) -> list[tuple[int, list[str]]]:
    lines = text.removeprefix("\ufeff").splitlines()
    if len(lines) > MAX_LINES:
        raise ParseError(f"more than {MAX_LINES:,} lines")
    if max(map(len, lines), default=0) > MAX_LINE_LETTERS:
        raise ParseError(f"a line of more than {MAX_LINE_LETTERS:,} letters")
    return [(at, _cells(line)) for at, line in enumerate(lines, start=1)]


def _cells(line: str) -> list[str]:
    """The cells of one line by itself: a quotation mark that nothing closes would swallow all lines below it."""
    return [cell.strip() for cell in next(csv.reader([line]), [])]


def _header(table: list[tuple[int, list[str]]], layout: Layout) -> tuple[int, int, int, int]:
    """Line of the header, places of dates and values in it, and how many cells it has."""
    for line, cells in table[:PREAMBLE_ROWS]:
        names = [cell.lower() for cell in cells]
        dates = [at for at, name in enumerate(names) if name in layout.date_columns]
        values = [at for at, name in enumerate(names) if name in layout.value_columns]
        if dates and values:
            return line, dates[0], values[0], len(cells)
    wanted = " and ".join("/".join(sorted(names)) for names in (layout.date_columns, layout.value_columns))
    start = one_line(" | ".join(",".join(cells) for _, cells in table[:2]))
    raise ParseError(f"no header with {wanted} in the first {PREAMBLE_ROWS} lines, which begin {start!r}")


def _is_cut(table: list[tuple[int, list[str]]], value_at: int, width: int) -> bool:
    """Whether the last line has fewer cells than the header, or fewer decimals than the line before it."""
    before, last = table[max(0, len(table) - 2)][1], table[-1][1]
    return len(last) < width or _decimals(last, value_at) < _decimals(before, value_at)


def _decimals(cells: list[str], at: int) -> int:
    return len(cells[at].partition(".")[2]) if at < len(cells) else 0


def _date(cell: str, layout: Layout, span: TimeSpan) -> date:
    try:
        day = datetime.strptime(cell, layout.date_format).date()  # noqa: DTZ007 - a date has no zone
    except ValueError:
        raise ParseError(f"{one_line(cell)!r} is no date such as {layout.date_format}") from None
    if not span.holds_day(day):
        raise UntimelyError(f"{day} should be from {span.first_day} to {span.last_day}")
    return day


def _number(cell: str, layout: Layout) -> float | None:
    if not cell or cell in layout.missing:
        return None
    try:
        number = float(cell)
    except ValueError:
        raise ParseError(f"{one_line(cell)!r} is no number") from None
    return finite(number, "close")
