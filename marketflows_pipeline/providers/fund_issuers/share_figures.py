"""Shares outstanding from the sheets of fund issuers: columns found by name, figures checked against each other."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Literal, TypeAlias

import polars as pl

from marketflows_pipeline.providers.bad_rows import BadRows, UntimelyError
from marketflows_pipeline.providers.fund_issuers.grids import Grid
from marketflows_pipeline.providers.http.responses import ParseError, one_line
from marketflows_pipeline.providers.protocols.cross_asset import SHARES_SCHEMA
from marketflows_pipeline.transforms.time_span import FUNDS_SINCE, TimeSpan

Convention: TypeAlias = Literal["as_traded", "split_adjusted"]

AS_TRADED: Convention = "as_traded"
SPLIT_ADJUSTED: Convention = "split_adjusted"

FIGURES = ("shares", "nav_usd", "net_assets_usd")
# Shares times net asset value is what the fund holds; issuers round both, and little more.
NET_ASSETS_TOLERANCE = 0.02
# A net asset value that moves further in a session, with shares moving the other way, is a split: 3:2 is the smallest.
SPLIT_RATIO = 1.4
SPLIT_TOLERANCE = 0.2
# Titles and notices stand above the table.
HEADER_WITHIN = 60

# What stands for a figure that is not there, or for a day on which none is made.
ABSENT = r"(?i)^(|[-\u2013\u2014]+|n/?a|null|none|.*(holiday|closed|awaited).*)$"
DATE_FORMATS = ("%Y-%m-%d", "%d-%b-%Y", "%b %d, %Y")
# Excel counts days from here; a date without the format of one comes as that count.
EXCEL_EPOCH = pl.date(1899, 12, 30)


def read_figures(
    grid: Grid,
    columns: Mapping[str, str],
    bad_rows: BadRows,
    now: datetime,
    date_formats: Sequence[str] = DATE_FORMATS,
) -> pl.DataFrame:
    """The rows of the first table in a sheet that has all the columns wanted.

    Names are compared by their letters and digits alone, in any case. Rows without any figure, such as blank ones and
    notices below the table, are no rows. What stands for an absent figure is null, and so is zero: no fund has none. A
    row whose date or figure is none, or whose day cannot be, is left out. ``columns`` are names in the sheet by names
    here: ``session`` and some of FIGURES.

    Returns:
        row (its number in the sheet, from 1), session and the requested figures, in the order of the sheet.

    Raises:
        ParseError: a column is missing, no row is there, or too many would be left out.
    """
    wanted = {here: _plain(there) for here, there in columns.items()}
    header, places = _header(grid, columns, wanted)
    cells = {
        here: [one_line(row[place]) if place < len(row) else "" for row in islice(grid, header + 1, None)]
        for here, place in places.items()
    }
    figures = [name for name in FIGURES if name in columns]
    values = {"session": _date("session", date_formats), **{name: _figure(name) for name in figures}}
    is_blank = pl.all_horizontal(pl.col(figures).str.contains(ABSENT))
    is_notice = pl.all_horizontal(value.is_null() for value in values.values())
    table = (
        pl.DataFrame(cells, schema=dict.fromkeys(columns, pl.String))
        .with_row_index("row", offset=header + 2)
        .filter(~is_blank, ~is_notice)
    )
    if table.is_empty():
        raise ParseError(f"no row with figures below {', '.join(columns.values())}")
    parsed = table.with_columns(**values)
    span = TimeSpan.ever(FUNDS_SINCE, now=now)
    is_wrong = {name: parsed[name].is_null() & ~table[name].str.contains(ABSENT) for name in figures}
    for name, wrong in {"session": parsed["session"].is_null(), **is_wrong}.items():
        expected = "a date" if name == "session" else "a number that is not negative"
        for row, said in table.filter(wrong).select("row", name).iter_rows():
            bad_rows.add(row, f"row {row}", ParseError(f"`{columns[name]}` should be {expected}, found {said!r}"))
    untimely = parsed.filter(~pl.col("session").is_between(span.first_day, span.last_day))
    for row, day in untimely.select("row", "session").iter_rows():
        bad_rows.add(row, f"row {row}", UntimelyError(f"{day} should be from {span.first_day} to {span.last_day}"))
    bad_rows.check_share(table.height)
    return parsed.filter(~pl.col("row").is_in(bad_rows.places)).with_columns(pl.col(figures).replace(0.0, None))


def share_history(
    figures: pl.DataFrame, bad_rows: BadRows, *, symbol: str, convention: Convention, source: str
) -> pl.DataFrame:
    """What an issuer publishes, without the rows whose figures contradict each other.

    Of two rows for a session the later one in the file stands. Figures are as ``read_figures`` gives them; their bad
    rows are logged here.

    Returns:
        In SHARES_SCHEMA, by session; ``published_at`` is null, as no issuer's file says it.

    Raises:
        ParseError: in too many rows shares are no plausible count.
    """
    complete = figures.with_columns(
        pl.lit(None, pl.Float64()).alias(name) for name in FIGURES if name not in figures.columns
    )
    for is_wrong, what in ((_contradicts_net_assets(), "times net asset value is not"), (is_date(), "is a date, not")):
        for row, session, *found in complete.filter(is_wrong).select("row", "session", *FIGURES).iter_rows():
            shares, nav, net_assets = ("null" if value is None else f"{value:,.2f}" for value in found)
            error = ParseError(
                f"{shares} shares {what} what the fund holds: net asset value {nav}, net assets {net_assets}"
            )
            bad_rows.add(row, f"row {row} ({session})", error)
    bad_rows.check_share(complete.height)
    bad_rows.log()
    return (
        complete.filter(~pl.col("row").is_in(bad_rows.places))
        .unique("session", keep="last", maintain_order=True)
        .sort("session")
        .with_columns(
            symbol=pl.lit(symbol),
            convention=pl.lit(convention),
            published_at=pl.lit(None, SHARES_SCHEMA["published_at"]),
            source=pl.lit(source),
        )
        .select(SHARES_SCHEMA.names())
        .cast(SHARES_SCHEMA)
    )


def convention_shown(figures: pl.DataFrame) -> Convention:
    """The convention of an issuer who does not say which: as traded where a split shows in the figures.

    A split shows where net asset value falls to a half, say, while shares double. Where none shows, the figures are in
    present shares: either they were adjusted, or there was nothing to adjust, and then both conventions say the same.
    Figures are session, shares and nav_usd, in any order.
    """
    both = figures.drop_nulls(["shares", "nav_usd"]).sort("session")
    nav_ratio = pl.col("nav_usd") / pl.col("nav_usd").shift()
    assets_ratio = nav_ratio * pl.col("shares") / pl.col("shares").shift()
    is_split = ~nav_ratio.is_between(1 / SPLIT_RATIO, SPLIT_RATIO) & assets_ratio.is_between(
        1 - SPLIT_TOLERANCE, 1 + SPLIT_TOLERANCE
    )
    return AS_TRADED if both.select(is_split.any()).item() else SPLIT_ADJUSTED


def _header(grid: Grid, columns: Mapping[str, str], wanted: Mapping[str, str]) -> tuple[int, dict[str, int]]:
    for at, row in enumerate(islice(grid, HEADER_WITHIN)):
        names = [_plain(cell) for cell in row]
        if set(wanted.values()) <= set(names):
            return at, {here: names.index(there) for here, there in wanted.items()}
    widest = max(islice(grid, HEADER_WITHIN), key=lambda row: sum(map(bool, row)), default=())
    found = one_line(", ".join(filter(None, widest))) or "none"
    raise ParseError(f"expected the columns {', '.join(columns.values())}, found {found}")


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _date(name: str, formats: Sequence[str]) -> pl.Expr:
    text = pl.col(name).str.replace(r"[T ]\d\d:\d\d(:\d\d(\.\d+)?)?Z?$", "")
    days = text.str.extract(r"^(\d{5})(?:\.0)?$").cast(pl.Int32())
    return pl.coalesce(
        *(text.str.to_date(form, strict=False) for form in formats), EXCEL_EPOCH + pl.duration(days=days)
    )


def _figure(name: str) -> pl.Expr:
    number = pl.col(name).str.replace_all(r"[$,\s]", "").cast(pl.Float64(), strict=False)
    return pl.when(number.is_finite() & (number >= 0)).then(number)


def _contradicts_net_assets() -> pl.Expr:
    ratio = pl.col("shares") * pl.col("nav_usd") / pl.col("net_assets_usd")
    return (ratio - 1).abs() > NET_ASSETS_TOLERANCE


def is_date() -> pl.Expr:
    """Whether ``shares`` reads as a day about that of its row, such as 20260331, and nothing else vouches for it."""
    as_day = pl.col("shares").cast(pl.Int64(), strict=False).cast(pl.String()).str.to_date("%Y%m%d", strict=False)
    is_near = (as_day - pl.col("session")).dt.total_days().abs() <= 366
    return is_near & pl.col("net_assets_usd").is_null()
