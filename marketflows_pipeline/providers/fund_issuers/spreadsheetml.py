"""Sheets of Excel's older XML (SpreadsheetML) as grids of text, whoever sent them.

The XML is read event by event in bounded memory: no tree is built, and nothing in it may be of any size.

Source: Microsoft's "XML Spreadsheet Reference", where ``ss:Index`` on a row or cell says its place and skips those
before it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from xml.etree.ElementTree import ParseError as XmlSyntaxError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import XMLParser

from marketflows_pipeline.providers.fund_issuers.grids import Grid, GridBuilder, Room
from marketflows_pipeline.providers.fund_issuers.workbooks import excerpt, truncated
from marketflows_pipeline.providers.http.responses import ParseError, one_line

PROLOGUE_BYTES = 1 << 16
END_BYTES = 1 << 12
MAX_SHEET_BYTES = 1 << 25
# Each is looked at by itself.
MAX_AMPERSANDS = 1 << 20
PIECE_BYTES = 1 << 16
MAX_DEPTH = 64
# A tag with its attributes, a comment or an instruction; it is in memory as a whole, several times over.
MAX_TOKEN_BYTES = 1 << 20
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
    rows = _Rows(GridBuilder(Room()))
    read_xml(repaired.lstrip(), rows, f"sheet `{name}`")
    return rows.grid.rows


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
    """The cells of the sheet, put where they say that they are; a parser's target, which counts what it is told."""

    def __init__(self, grid: GridBuilder) -> None:
        self.grid = grid
        self.n_events = 0
        self._depth = 0
        self._column = 0
        self._merged = 0
        self._pieces: list[str] = []
        self._is_within = False

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self.n_events += 1
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ParseError(f"XML nested more than {MAX_DEPTH} deep")
        name, said = _local(tag), {_local(key): value for key, value in attributes.items()}
        if name == "Row":
            self.grid.begin_row(_place(said, len(self.grid.rows)))
        elif name == "Cell" and self.grid.rows:
            self._column = _place(said, self.grid.column)
            self._merged = _number(said, "MergeAcross", 0)
            self._pieces.clear()
        elif name == "Data":
            self._is_within = True

    def data(self, text: str) -> None:
        self.n_events += 1
        if self._is_within:
            self._pieces.append(text)

    def end(self, tag: str) -> None:
        self.n_events += 1
        self._depth -= 1
        name = _local(tag)
        if name == "Data":
            self._is_within = False
        elif name == "Cell" and self.grid.rows:
            self.grid.put("".join(self._pieces).strip(), self._column, self._merged)

    def close(self) -> None:
        """The document is read."""


def read_xml(document: bytes, rows: _Rows, what: str) -> None:
    """Put all elements of a document, which messages call `what`, into rows.

    Raises:
        ParseError: it declares a document type, is not well-formed, or is nested or has a tag beyond measure.
    """
    parser = XMLParser(target=rows, forbid_dtd=True)
    waiting = 0
    try:
        for at in range(0, len(document), PIECE_BYTES):
            seen = rows.n_events
            piece = document[at : at + PIECE_BYTES]
            parser.feed(piece)
            waiting = waiting + len(piece) if rows.n_events == seen else 0
            if waiting > MAX_TOKEN_BYTES:
                raise ParseError(f"{what} has a tag of more than {MAX_TOKEN_BYTES:,} bytes")
        parser.close()
    except DefusedXmlException as attack:
        raise ParseError(f"{what} declares a document type or entities of its own, which is refused") from attack
    except ParseError:
        raise
    except (XmlSyntaxError, ValueError) as error:
        raise ParseError(f"{what} is not well-formed XML: {error}") from error


def _local(name: str) -> str:
    return name.rpartition("}")[2]


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
