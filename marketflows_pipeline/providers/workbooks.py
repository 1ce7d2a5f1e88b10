"""Excel workbooks (xlsx) as grids of text, whoever sent them.

What belongs here: the parts of a workbook and its cells, in bounded memory. What does not: what the cells mean
(share_figures.py), and limits that hold for every sheet (grids.py) and every document (limited_xml.py).
Source: ECMA-376. A library that builds a sheet before its size is known is of no use here: a workbook of 1.4 KB with
one cell at SF1048576 takes 16 GB there.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from marketflows_pipeline.errors import BadAnswerError
from marketflows_pipeline.providers.faults import EXCERPT_LENGTH, Fault, RefusedError, ShapeError, one_line
from marketflows_pipeline.providers.grids import MAX_CELLS, MAX_COLUMNS, Grid, GridBuilder, Room
from marketflows_pipeline.providers.limited_xml import PIECE_BYTES, Reader, read_xml

ZIP_START = b"PK\x03\x04"
ZIP_ENTRY = b"PK\x01\x02"
MAX_PARTS = 1000
MAX_SHEETS = 64
MAX_UNPACKED_BYTES = 1 << 27
ENCRYPTED = 1

PLACE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")
# Numbers of the formats of dates that need no description, and what makes a date of one that has it.
DATE_FORMATS = frozenset({*range(14, 23), *range(27, 37), *range(50, 59)})
NOT_FORMAT = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]')
DAY_ZERO, DAY_ZERO_1904 = date(1899, 12, 30), date(1904, 1, 1)
LAST_DAY = (date.max - DAY_ZERO_1904).days
TRUTH = {"0": "False", "1": "True"}


def xlsx_sheets(content: bytes) -> dict[str, Grid]:
    """Every sheet of a workbook by its name, as text, blank rows kept so that row 1 of a grid is row 1 in Excel.

    Dates are ISO dates; empty cells are empty text, and those after the last one of a row are left away.

    Raises:
        RefusedError: the file is cut off, which is worth asking again.
        ShapeError: it is no workbook, declares a document type, or would take more room than any that is asked for.
    """
    if not content.startswith(ZIP_START):
        raise ShapeError(f"expected an Excel workbook, found {excerpt(content)}")
    if content.count(ZIP_ENTRY) > MAX_PARTS:
        raise ShapeError(f"an Excel workbook of more than {MAX_PARTS:,} parts")
    try:
        with ZipFile(BytesIO(content)) as archive:
            return _sheets(_Parts(archive))
    except (BadZipFile, EOFError, zlib.error) as fault:
        raise cut_off(f"{len(content):,} bytes of an Excel workbook: {one_line(str(fault))}") from fault
    except (LookupError, OSError, RuntimeError, struct.error, UnicodeError) as fault:
        raise ShapeError(f"an Excel workbook that cannot be read: {one_line(str(fault))}") from fault


def cut_off(what: str) -> RefusedError:
    """The fault of a file that is worth asking for again."""
    return RefusedError(Fault(BadAnswerError, f"cut off: {what}"), {})


def excerpt(content: bytes) -> str:
    """The beginning of a file that is none, for a message."""
    return repr(one_line(content[:EXCERPT_LENGTH].decode(errors="replace")))


class _Parts:
    """The parts of a workbook, of which no more is unpacked than a workbook has."""

    def __init__(self, archive: ZipFile) -> None:
        self._archive = archive
        self._by_name = {part.filename.lower(): part for part in archive.infolist()}
        self._left = MAX_UNPACKED_BYTES
        # As they say it of themselves; what they are is counted while they are read.
        if (unpacked := sum(part.file_size for part in archive.infolist())) > MAX_UNPACKED_BYTES:
            raise ShapeError(f"an Excel workbook that unpacks to {unpacked:,} bytes")

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._by_name

    def read(self, name: str, reader: Reader) -> None:
        """Tell a reader of all elements of a part."""
        if name not in self:
            raise ShapeError(f"an Excel workbook that cannot be read: it has no {name}")
        part = self._by_name[name.lower()]
        if part.compress_type not in (ZIP_STORED, ZIP_DEFLATED) or part.flag_bits & ENCRYPTED:
            raise ShapeError(f"an Excel workbook whose {name} is encrypted, or packed in an unusual way")
        read_xml(self._pieces(part), reader, name)

    def _pieces(self, part: ZipInfo) -> Iterator[bytes]:
        with self._archive.open(part) as opened:
            while piece := opened.read(PIECE_BYTES):
                self._left -= len(piece)
                if self._left < 0:
                    raise ShapeError(f"an Excel workbook that unpacks to more than {MAX_UNPACKED_BYTES:,} bytes")
                yield piece


def _sheets(parts: _Parts) -> dict[str, Grid]:
    book, targets, texts, styles = _Book(), _Targets(), _Texts(), _Styles()
    parts.read("xl/workbook.xml", book)
    parts.read("xl/_rels/workbook.xml.rels", targets)
    for name, reader in (("xl/sharedStrings.xml", texts), ("xl/styles.xml", styles)):
        if name in parts:
            parts.read(name, reader)
    if len(book.sheets) > MAX_SHEETS:
        raise ShapeError(f"an Excel workbook of more than {MAX_SHEETS} sheets")
    room = Room()
    grids: dict[str, Grid] = {}
    for name, target in book.sheets.items():
        if target in targets.sheets:
            sheet = _Sheet(GridBuilder(room), texts.all, styles.dates, DAY_ZERO_1904 if book.is_1904 else DAY_ZERO)
            parts.read(targets.sheets[target], sheet)
            grids[name] = sheet.grid.rows
    return grids


class _Ignoring:
    """Passes over what a reader has no use for."""

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """Pass over."""

    def end(self, name: str) -> None:
        """Pass over."""

    def text(self, text: str) -> None:
        """Pass over."""


class _Book(_Ignoring):
    """Sheets by name, each with the id of its part, and how days are counted."""

    def __init__(self) -> None:
        self.sheets: dict[str, str] = {}
        self.is_1904 = False

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "sheet" and "name" in attributes:
            self.sheets[attributes["name"]] = attributes.get("id", "")
        elif name == "workbookPr":
            self.is_1904 = attributes.get("date1904") in ("1", "true")


class _Targets(_Ignoring):
    """Names of the parts that are sheets, by id."""

    def __init__(self) -> None:
        self.sheets: dict[str, str] = {}

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "Relationship" and attributes.get("Type", "").endswith("/worksheet"):
            target = attributes.get("Target", "")
            self.sheets[attributes.get("Id", "")] = target[1:] if target.startswith("/") else f"xl/{target}"


class _Texts(_Ignoring):
    """Texts that cells refer to by their number; how they are to be spoken is left away."""

    def __init__(self) -> None:
        self.all: list[str] = []
        self._pieces: list[str] = []
        self._is_within = False
        self._is_spoken = False

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        self._is_within = name == "t" and not self._is_spoken
        self._is_spoken = self._is_spoken or name == "rPh"

    def end(self, name: str) -> None:
        self._is_within = False
        if name == "rPh":
            self._is_spoken = False
        elif name == "si":
            self.all.append("".join(self._pieces).strip())
            self._pieces.clear()
            if len(self.all) > MAX_CELLS:
                raise ShapeError(f"an Excel workbook of more than {MAX_CELLS:,} texts")

    def text(self, text: str) -> None:
        if self._is_within:
            self._pieces.append(text)


class _Styles(_Ignoring):
    """Numbers of the styles that show a number as a date."""

    def __init__(self) -> None:
        self.dates: set[str] = set()
        self._date_formats = {str(number) for number in DATE_FORMATS}
        self._is_within = False
        self._count = 0

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "numFmt":
            letters = NOT_FORMAT.sub("", attributes.get("formatCode", "")[:EXCERPT_LENGTH]).lower()
            if "d" in letters or "y" in letters:
                self._date_formats.add(attributes.get("numFmtId", ""))
        elif name == "cellXfs":
            self._is_within = True
        elif name == "xf" and self._is_within:
            if attributes.get("numFmtId") in self._date_formats:
                self.dates.add(str(self._count))
            self._count += 1

    def end(self, name: str) -> None:
        if name == "cellXfs":
            self._is_within = False


class _Sheet(_Ignoring):
    """The cells of one sheet, put where they say that they are."""

    def __init__(self, grid: GridBuilder, texts: list[str], date_styles: set[str], day_zero: date) -> None:
        self.grid = grid
        self._texts = texts
        self._date_styles = date_styles
        self._day_zero = day_zero
        self._cell: Mapping[str, str] = {}
        self._pieces: list[str] = []
        self._is_within = False

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "row":
            number = attributes.get("r", str(len(self.grid.rows) + 1))
            if not (number.isascii() and number.isdigit() and len(number) <= 9):
                raise ShapeError(f"a row of number {one_line(number)!r}")
            if int(number) <= len(self.grid.rows):
                raise ShapeError(f"row {int(number):,} comes after {len(self.grid.rows):,}")
            self.grid.begin_row(int(number))
        elif name == "c":
            self._cell = attributes
            self._pieces.clear()
        self._is_within = name in ("v", "t")

    def text(self, text: str) -> None:
        if self._is_within:
            self._pieces.append(text)

    def end(self, name: str) -> None:
        self._is_within = False
        if name == "c" and self.grid.rows:
            self.grid.put(self._shown("".join(self._pieces).strip()), self._column())

    def _column(self) -> int:
        """Number of the cell's column, from 1: what it says itself, or that of its neighbour and one."""
        if (said := self._cell.get("r")) is None:
            return self.grid.column + 1
        place = PLACE.fullmatch(said)
        if place is None or int(place[2]) != len(self.grid.rows):
            raise ShapeError(f"a cell at {one_line(said)!r} in row {len(self.grid.rows):,}")
        column = 0
        for letter in place[1]:
            column = 26 * column + ord(letter) - ord("A") + 1
        if column <= self.grid.column:
            raise ShapeError(f"a cell at {said} comes after column {self.grid.column} of {MAX_COLUMNS}")
        return column

    def _shown(self, value: str) -> str:
        """What a person sees in the cell, but for the form of numbers."""
        match self._cell.get("t", "n"):
            case "s":
                is_known = value.isascii() and value.isdigit() and len(value) <= 9 and int(value) < len(self._texts)
                return self._texts[int(value)] if is_known else ""
            case "b":
                return TRUTH.get(value, value)
            case "d":
                return value[:10]
            case "n" if self._cell.get("s") in self._date_styles:
                return self._day(value)
            case _:
                return value

    def _day(self, value: str) -> str:
        # A moment is a date too, and what the time of day is does not matter.
        try:
            days = float(value)
        except ValueError:
            return value
        return (self._day_zero + timedelta(days=int(days))).isoformat() if 0 < days < LAST_DAY else value
