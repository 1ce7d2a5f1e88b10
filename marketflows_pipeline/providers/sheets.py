"""Sheets as grids of text: Excel workbooks (xlsx) and Excel's older XML (SpreadsheetML), whoever sent them.

What belongs here: getting the cells out, and refusing what is no workbook, is cut off, or would unpack into an attack.
What does not: what the cells mean (share_figures.py).
Sources: ECMA-376 for xlsx, which python-calamine reads; Microsoft's "XML Spreadsheet Reference" for SpreadsheetML,
where ``ss:Index`` on a row or cell says its place and skips those before it.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Sequence
from datetime import date
from io import BytesIO
from typing import TypeAlias
from xml.etree.ElementTree import Element, ParseError
from zipfile import BadZipFile, ZipFile

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse
from python_calamine import CalamineError, CalamineWorkbook

from marketflows_pipeline.errors import BadAnswerError
from marketflows_pipeline.providers.faults import EXCERPT_LENGTH, Fault, RefusedError, ShapeError, one_line

Grid: TypeAlias = Sequence[Sequence[str]]

MAX_UNPACKED_BYTES = 1 << 27
# The size of a sheet in the Excel of that time; what claims to lie beyond would only fill memory with blanks.
MAX_ROWS = 1 << 16
MAX_COLUMNS = 1 << 8
PROLOGUE_BYTES = 1 << 12
ZIP_START = b"PK\x03\x04"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
SPREADSHEET = "{urn:schemas-microsoft-com:office:spreadsheet}"

WORKBOOK = re.compile(rb"<(?:\w+:)?Workbook\b[^>]*>")
WORKBOOK_END = re.compile(rb"</((?:\w+:)?Workbook)\s*>\s*\Z")
BARE_AMPERSAND = re.compile(rb"&(?!(?:amp|lt|gt|quot|apos|#\d+|#x[0-9a-fA-F]+);)")


def xlsx_sheets(content: bytes) -> dict[str, Grid]:
    """Every sheet of a workbook by its name, as text, blank rows kept so that row 1 of a grid is row 1 in Excel.

    Dates are ISO dates; empty cells are empty text.

    Raises:
        RefusedError: the file is cut off, which is worth asking again.
        ShapeError: it is no workbook, declares a document type, or unpacks to more than 128 MB.
    """
    if not content.startswith(ZIP_START):
        raise ShapeError(f"expected an Excel workbook, found {_excerpt(content)}")
    try:
        _refuse_attacks(content)
        with CalamineWorkbook.from_filelike(BytesIO(content)) as workbook:
            sheets = {name: workbook.get_sheet_by_name(name) for name in workbook.sheet_names}
            return {
                name: [[_text(cell) for cell in row] for row in sheet.to_python(skip_empty_area=False)]
                for name, sheet in sheets.items()
            }
    except (BadZipFile, EOFError, zlib.error) as fault:
        raise _cut_off(f"{len(content):,} bytes of an Excel workbook: {fault}") from fault
    except CalamineError as fault:
        raise ShapeError(f"an Excel workbook that cannot be read: {one_line(str(fault))}") from fault


def spreadsheetml_sheet(content: bytes, name: str) -> Grid:
    """One sheet of a SpreadsheetML document, as text.

    The rest of the document, which is most of it, is passed over unread, so that a fault there does no harm. Ampersands
    that begin no entity of XML are taken as they are meant. A document type, and with it every entity of its own, is
    refused.

    Raises:
        RefusedError: the document is cut off, which is worth asking again.
        ShapeError: it is no such document, lacks the sheet, or declares a document type.
    """
    document = content
    while document.startswith(BYTE_ORDER_MARK):
        document = document.removeprefix(BYTE_ORDER_MARK)
    start = WORKBOOK.search(document, 0, PROLOGUE_BYTES * 16)
    if start is None:
        raise ShapeError(f"expected a SpreadsheetML workbook, found {_excerpt(document)}")
    end = WORKBOOK_END.search(document[-PROLOGUE_BYTES:])
    if end is None:
        raise _cut_off(f"{len(document):,} bytes of a SpreadsheetML workbook without its end")
    sheet = _sheet(document, name)
    repaired = BARE_AMPERSAND.sub(b"&amp;", b"".join([document[: start.end()], sheet, b"</", end[1], b">"]))
    try:
        return list(_rows(repaired.lstrip()))
    except DefusedXmlException as attack:
        raise ShapeError("it declares a document type or entities of its own, which is refused") from attack
    except ParseError as fault:
        raise ShapeError(f"sheet `{name}` is not well-formed XML: {fault}") from fault


def _sheet(document: bytes, name: str) -> bytes:
    starts = {
        match[1].decode(errors="replace"): match
        for match in re.finditer(rb"<(?:\w+:)?Worksheet\b[^>]*?\bName=\"([^\"]*)\"[^>]*>", document)
    }
    if name not in starts:
        raise ShapeError(f"expected a sheet `{name}`, found {', '.join(starts) or 'none'}")
    start = starts[name]
    end = re.compile(rb"</(?:\w+:)?Worksheet\s*>").search(document, start.end())
    if end is None:
        raise ShapeError(f"sheet `{name}` does not end")
    return document[start.start() : end.end()]


def _rows(document: bytes) -> Iterator[list[str]]:
    at = 0
    for _, element in iterparse(BytesIO(document), events=("end",), forbid_dtd=True):
        if element.tag == f"{SPREADSHEET}Row":
            place = _place(element, at, MAX_ROWS)
            yield from ([] for _ in range(place - at - 1))
            at = place
            yield _cells(element)
            element.clear()


def _cells(row: Element) -> list[str]:
    cells: list[str] = []
    for cell in row.iterfind(f"{SPREADSHEET}Cell"):
        place = _place(cell, len(cells), MAX_COLUMNS)
        cells += [""] * (place - len(cells) - 1)
        data = cell.find(f"{SPREADSHEET}Data")
        cells.append("" if data is None else "".join(data.itertext()).strip())
        cells += [""] * _number(cell, "MergeAcross", 0, MAX_COLUMNS)
    return cells


def _place(element: Element, before: int, limit: int) -> int:
    """Number of a row or cell, from 1: what ``ss:Index`` says, or that of its neighbour and one."""
    place = _number(element, "Index", before + 1, limit)
    if place <= before:
        raise ShapeError(f"ss:Index {place} comes after {before}")
    return place


def _number(element: Element, attribute: str, default: int, limit: int) -> int:
    said = element.get(f"{SPREADSHEET}{attribute}", str(default))
    if not re.fullmatch(r"\d{1,9}", said) or int(said) > limit:
        raise ShapeError(f"ss:{attribute} should be a number up to {limit:,}, found {one_line(said)!r}")
    return int(said)


def _refuse_attacks(content: bytes) -> None:
    with ZipFile(BytesIO(content)) as parts:
        unpacked = sum(part.file_size for part in parts.infolist())
        if unpacked > MAX_UNPACKED_BYTES:
            raise ShapeError(f"an Excel workbook that unpacks to {unpacked:,} bytes")
        for part in parts.infolist():
            with parts.open(part) as opened:
                if b"<!DOCTYPE" in opened.read(PROLOGUE_BYTES):
                    raise ShapeError(f"{part.filename} declares a document type, which is refused")


def _text(cell: object) -> str:
    # A moment is a date too, and what the time of day is does not matter.
    return cell.isoformat()[:10] if isinstance(cell, date) else str(cell).strip()


def _cut_off(what: str) -> RefusedError:
    return RefusedError(Fault(BadAnswerError, f"cut off: {what}"), {})


def _excerpt(content: bytes) -> str:
    return repr(one_line(content[:EXCERPT_LENGTH].decode(errors="replace")))
