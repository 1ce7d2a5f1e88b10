"""What funds hold from session to session: net asset values that wander, shares that come and go in baskets.

Layouts are those that issuers were seen to publish; the figures are made up.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile

import openpyxl

NOTICE = "Before investing, consider the funds' investment objectives, risks, charges and expenses."
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
BOMB = b'<!DOCTYPE bomb [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>'


@dataclass(frozen=True)
class Row:
    """A fund at one session; None is a figure that the issuer lacks."""

    session: date
    nav: float | None
    shares: int | None

    @property
    def net_assets(self) -> float | None:
        return None if self.nav is None or self.shares is None else round(self.nav * self.shares, 2)


def weekdays(last: date, count: int) -> list[date]:
    """The last sessions up to a date, in order."""
    days = (last - timedelta(days=back) for back in range(2 * count + 7))
    return sorted([day for day in days if day.weekday() < 5][:count])


def make_rows(seed: int, sessions: Sequence[date], *, nav: float, baskets: int, basket: int = 50_000) -> list[Row]:
    """A fund's history, by session; on every other session or so no share comes or goes."""
    rng = random.Random(seed)
    rows = []
    for session in sessions:
        nav = round(nav * (1 + rng.gauss(0, 0.01)), 6)
        baskets = max(20, baskets + rng.choice((0, 0, 0, 1, -1, 4, -3)))
        rows.append(Row(session, nav, baskets * basket))
    return rows


def split(rows: Iterable[Row], on: date, ratio: int) -> list[Row]:
    """The same fund after a split, as it was traded: from that session on more shares, each worth less."""
    return [
        replace(row, nav=round(row.nav / ratio, 6), shares=row.shares * ratio)
        if row.session >= on and row.nav is not None and row.shares is not None
        else row
        for row in rows
    ]


def day_month_year(day: date) -> str:
    return f"{day.day:02}-{MONTHS[day.month - 1]}-{day.year}"


def month_day_year(day: date) -> str:
    return f"{MONTHS[day.month - 1]} {day.day:02}, {day.year}"


def workbook(sheets: dict[str, list[list[object]]]) -> bytes:
    """An xlsx file."""
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    file = BytesIO()
    book.save(file)
    return file.getvalue()


def navhist(ticker: str, rows: Iterable[Row], *, has_excel_dates: bool = False) -> bytes:
    """State Street's workbook: newest first, blank rows and a notice below."""
    table: list[list[object]] = [
        [row.session if has_excel_dates else day_month_year(row.session), row.nav, row.shares, row.net_assets]
        for row in reversed(list(rows))
    ]
    head: list[list[object]] = [
        ["Fund Name:", f"State Street® SPDR® {ticker.upper()} ETF"],
        ["Ticker Symbol:", ticker.upper()],
        [],
        ["Date", "NAV", "Shares Outstanding", "Total Net Assets"],
    ]
    return workbook({"navhist": [*head, *table, [], [], [NOTICE], ["Past performance is no reliable indicator."]]})


def gold_archive(rows: Iterable[Row], holidays: Iterable[date] = (), *, holiday: str = "US Holiday") -> bytes:
    """SPDR Gold's workbook: a disclaimer, then the archive, oldest first, days off among the others."""
    table: dict[date, list[object]] = {
        row.session: [day_month_year(row.session), row.nav, 0.0917, row.nav, row.nav, 7_000_000, row.net_assets]
        for row in rows
    }
    table |= {day: [day_month_year(day), *[holiday] * 6] for day in holidays}
    head: list[object] = [
        "Date",
        "Closing Price",
        "Ounces of Gold per Share",
        "NAV/Share at 10:30am NYT",
        "Indicative Price per Share at 4:15pm NYT",
        "Daily Share Volume",
        "Total Net Asset Value in the Trust",
    ]
    sheet = [head, *(table[day] for day in sorted(table))]
    return workbook({"Disclaimer": [["HISTORICAL DATA"], [NOTICE]], "US GLD Historical Archive": sheet})


def fund_document(
    name: str,
    rows: Iterable[Row],
    *,
    holdings: int = 40,
    prologue: bytes = b"",
    has_sparse_cells: bool = False,
    extra_columns: Sequence[str] = (),
) -> bytes:
    """BlackRock's document: two byte order marks, bare ampersands everywhere, ``--`` for what is missing.

    Args:
        name: of the fund.
        rows: its history.
        holdings: rows of another sheet, which are most of a real document.
        prologue: what stands before the root, such as a document type.
        has_sparse_cells: whether absent figures are left out and the next cell says its place.
        extra_columns: more columns of the history, all empty.
    """
    history = [["As Of", "NAV per Share", "Ex-Dividends", "Shares Outstanding", *extra_columns]]
    for row in reversed(list(rows)):
        figures = [None if figure is None else f"{figure}" for figure in (row.nav, None, row.shares)]
        history.append(
            [month_day_year(row.session), *(figure or "--" for figure in figures), *["--"] * len(extra_columns)]
        )
    held = [["Fund Holdings as of", "Nov 20, 2026"], [], ["Ticker", "Name", "Weight (%)"]]
    held += [[f"T{at}", f"Procter & Gamble & Sons {at} ] & <>", "0.01"] for at in range(holdings)]
    sheets = [_sheet("Holdings", held), _sheet("Historical", history, is_sparse=has_sparse_cells)]
    sheets.append(_sheet("Distributions", [["Record Date", "Ex-Date"], ["AT&T", "M&M's"]]))
    return b"".join(
        [
            b"\xef\xbb\xbf" * 2,
            b'<?xml version="1.0"?>\n',
            prologue,
            b'<ss:Workbook xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet">\n',
            b'<ss:Styles><ss:Style ss:ID="Default" ss:HRef="https://example.com/?a=1&b=2"></Style></ss:Styles>\n',
            f"<!-- {name} & others -->\n".encode(),
            *(sheet.encode() for sheet in sheets),
            b"</ss:Workbook>\n",
        ]
    )


def _sheet(name: str, rows: Iterable[Sequence[str]], *, is_sparse: bool = False) -> str:
    lines = [f'<ss:Worksheet ss:Name="{name}">', "<ss:Table>"]
    lines += ["<ss:Row>" + "".join(_cells(row, is_sparse)) + "</ss:Row>" for row in rows]
    return "\n".join([*lines, "</ss:Table>", "</ss:Worksheet>", ""])


def _cells(row: Sequence[str], is_sparse: bool) -> Iterable[str]:
    is_skipped = False
    for place, text in enumerate(row, start=1):
        if is_sparse and text == "--":
            is_skipped = True
            continue
        index = f' ss:Index="{place}"' if is_skipped else ""
        kind = "Number" if text.replace(".", "", 1).isdigit() else "String"
        yield f'<ss:Cell{index}><ss:Data ss:Type="{kind}">{text}</ss:Data></ss:Cell>'
        is_skipped = False


def with_bomb(book: bytes) -> bytes:
    """An xlsx file whose parts declare entities that grow."""
    file = BytesIO()
    with ZipFile(BytesIO(book)) as parts, ZipFile(file, "w", ZIP_DEFLATED) as bombed:
        for part in parts.infolist():
            content = parts.read(part)
            if part.filename.startswith("xl/worksheets/"):
                content = content.replace(b"<worksheet", BOMB + b"<worksheet", 1)
            bombed.writestr(part.filename, content)
    return file.getvalue()
