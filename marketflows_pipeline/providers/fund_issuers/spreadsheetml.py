"""Sheets of Excel's older XML (SpreadsheetML) as grids of text, whoever sent them.

Source: Microsoft's "XML Spreadsheet Reference", where ``ss:Index`` on a row or cell says its place and skips those
before it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from marketflows_pipeline.providers.fund_issuers.grids import Grid, GridBuilder, Room
from marketflows_pipeline.providers.fund_issuers.limited_xml import read_xml
from marketflows_pipeline.providers.fund_issuers.workbooks import excerpt, truncated
from marketflows_pipeline.providers.http.responses import ParseError, one_line

PROLOGUE_BYTES = 1 << 16
END_BYTES = 1 << 12
MAX_SHEET_BYTES = 1 << 25
# Each is looked at by itself.
MAX_AMPERSANDS = 1 << 20
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

# Each looks no further than the next tag, so that a document without ends takes no longer than another.
WORKBOOK = re.compile(rb"<(?:\w{1,64}:)?Workbook\b[^<>]*>")
WORKBOOK_END = re.compile(rb"</((?:\w{1,64}:)?Workbook)\s*>\s*\Z")
WORKSHEET = re.compile(rb"<(?:\w{1,64}:)?Worksheet\b([^<>]{0,1024})>")
WORKSHEET_END = re.compile(rb"</(?:\w{1,64}:)?Worksheet\s{0,64}>")
NAME = re.compile(rb"\bName=\"([^\"]*)\"")
BARE_AMPERSAND = re.compile(rb"&(?!(?:amp|lt|gt|quot|apos|#\d{1,7}|#x[0-9a-fA-F]{1,6});)")


def spreadsheetml_sheet(content: bytes, name: str) -> Grid:
    """One sheet of a SpreadsheetML document, as text.

    The rest of the document, which is most of it, is not parsed, so that an error there does no harm. Ampersands
    that begin no entity of XML are taken as they are meant. A document type, and with it every entity of its own, is
    refused.

    Raises:
        FailedResponseError: the document is truncated, which is retried.
        ParseError: it is no such document, lacks the sheet, declares a document type, or exceeds a
            limit.
    """
    document = content.lstrip(BYTE_ORDER_MARK)
    start = WORKBOOK.search(document, 0, PROLOGUE_BYTES)
    if start is None:
        raise ParseError(f"expected a SpreadsheetML workbook, found {excerpt(document)}")
    end = WORKBOOK_END.search(document[-END_BYTES:])
    if end is None:
        raise truncated(f"{len(document):,} bytes of a SpreadsheetML workbook without its end")
    sheet = _sheet(document, name)
    repaired = BARE_AMPERSAND.sub(b"&amp;", b"".join([document[: start.end()], sheet, b"</", end[1], b">"]))
    reader = _Rows(GridBuilder(Room()))
    read_xml([repaired.lstrip()], reader, f"sheet `{name}`")
    return reader.grid.rows


def _sheet(document: bytes, name: str) -> bytes:
    starts = {
        named[1].decode(errors="replace"): tag
        for tag in WORKSHEET.finditer(document)
        if (named := NAME.search(tag[1])) is not None
    }
    if name not in starts:
        raise ParseError(f"expected a sheet `{name}`, found {one_line(', '.join(starts)) or 'none'}")
    start = starts[name]
    end = WORKSHEET_END.search(document, start.end())
    if end is None:
        raise ParseError(f"sheet `{name}` does not end")
    if end.end() - start.start() > MAX_SHEET_BYTES:
        raise ParseError(f"sheet `{name}` has more than {MAX_SHEET_BYTES:,} bytes")
    sheet = document[start.start() : end.end()]
    if sheet.count(b"&") > MAX_AMPERSANDS:
        raise ParseError(f"sheet `{name}` has more than {MAX_AMPERSANDS:,} ampersands")
    return sheet


class _Rows:
    """The cells of the sheet, put where they say that they are."""

    def __init__(self, grid: GridBuilder) -> None:
        self.grid = grid
        self._column = 0
        self._merged = 0
        self._pieces: list[str] = []
        self._is_within = False

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "Row":
            self.grid.begin_row(_place(attributes, len(self.grid.rows)))
        elif name == "Cell" and self.grid.rows:
            self._column = _place(attributes, self.grid.column)
            self._merged = _number(attributes, "MergeAcross", 0)
            self._pieces.clear()
        elif name == "Data":
            self._is_within = True

    def text(self, text: str) -> None:
        if self._is_within:
            self._pieces.append(text)

    def end(self, name: str) -> None:
        if name == "Data":
            self._is_within = False
        elif name == "Cell" and self.grid.rows:
            self.grid.put("".join(self._pieces).strip(), self._column, self._merged)


def _place(attributes: Mapping[str, str], before: int) -> int:
    """Number of a row or cell, from 1: what ``ss:Index`` says, or that of its neighbour and one."""
    place = _number(attributes, "Index", before + 1)
    if place <= before:
        raise ParseError(f"ss:Index {place} comes after {before}")
    return place


def _number(attributes: Mapping[str, str], name: str, default: int) -> int:
    said = attributes.get(name, str(default))
    if not re.fullmatch(r"[0-9]{1,9}", said):
        raise ParseError(f"ss:{name} should be a number, found {one_line(said)!r}")
    return int(said)
