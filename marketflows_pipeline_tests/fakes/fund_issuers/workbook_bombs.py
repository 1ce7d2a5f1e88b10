"""Workbooks made in bad faith: small files that would fill memory, or keep a reader busy for hours.

Each is a function without arguments; those of `XLSX` and `HARMLESS_XLSX` make zip files, those of `SPREADSHEETML`
documents.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from io import BytesIO
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZIP_LZMA, ZipFile

MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
LINKS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
HEAD = b'<?xml version="1.0"?><ss:Workbook xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet">'
SHEET_HEAD = b'<ss:Worksheet ss:Name="Historical"><ss:Table>'
# A cell so far down that the sheet is 256 columns of 10,000 rows.
LOW = '<row r="10000"><c r="A10000"><v>1</v></c></row>'
MAIN_PART = f'<Relationship Id="r" Type="{LINKS}/officeDocument" Target="xl/workbook.xml"/>'
TAIL = b"</ss:Table></ss:Worksheet></ss:Workbook>"


def book(
    rows: bytes | str,
    *,
    texts: bytes = b"",
    n_sheets: int = 1,
    names: int = 1,
    compression: int = ZIP_DEFLATED,
    extra: Mapping[str, bytes] | None = None,
) -> bytes:
    """A workbook of sheets ``navhist``, ``s1``, … all with these rows.

    Args:
        rows: XML within ``sheetData``.
        texts: XML within ``sst``.
        n_sheets: parts that are sheets.
        names: sheets that are listed for each part.
        compression: of the sheets.
        extra: other parts.
    """
    rows = rows.encode() if isinstance(rows, str) else rows
    listed = "".join(
        f'<sheet name="{"navhist" if at == 0 else f"s{at}"}" sheetId="{at + 1}" r:id="r{at % n_sheets}"/>'
        for at in range(n_sheets * names)
    )
    links = "".join(
        f'<Relationship Id="r{at}" Type="{LINKS}/worksheet" Target="worksheets/sheet{at}.xml"/>'
        for at in range(n_sheets)
    )
    file = BytesIO()
    with ZipFile(file, "w", ZIP_DEFLATED) as parts:
        parts.writestr("[Content_Types].xml", "<Types/>")
        parts.writestr("_rels/.rels", f'<Relationships xmlns="{PACKAGE}">{MAIN_PART}</Relationships>')
        parts.writestr("xl/workbook.xml", f'<workbook {MAIN} xmlns:r="{LINKS}"><sheets>{listed}</sheets></workbook>')
        parts.writestr("xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{PACKAGE}">{links}</Relationships>')
        if texts:
            parts.writestr("xl/sharedStrings.xml", b"<sst>" + texts + b"</sst>")
        for at in range(n_sheets):
            sheet = b"<worksheet><sheetData>" + rows + b"</sheetData></worksheet>"
            parts.writestr(f"xl/worksheets/sheet{at}.xml", sheet, compression)
        for name, content in (extra or {}).items():
            parts.writestr(name, content)
    return file.getvalue()


def far_cell() -> bytes:
    """One cell at SF1048576: 16 GB of blanks in a reader that makes a rectangle of them."""
    return book('<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="SF1048576"><v>1</v></c></row>')


def many_refs_to_one_text(n_cells: int = 1_000_000) -> bytes:
    """A text of 10 MB, shown by a million cells."""
    row = "<row>" + '<c t="s"><v>0</v></c>' * 200 + "</row>"
    return book(row * (n_cells // 200), texts=b"<si><t>" + b"x" * 10_000_000 + b"</t></si>")


def lying_size() -> bytes:
    """A sheet of 20 MB that says of itself that it has a kilobyte."""
    content = bytearray(book(b"<row><c><v>1</v></c></row>" + b" " * 20_000_000))
    at = content.rindex(b"PK\x01\x02", 0, content.rindex(b"xl/worksheets/sheet0.xml"))
    content[at + 24 : at + 28] = struct.pack("<I", 1000)
    return bytes(content)


def overlapping() -> bytes:
    """Ten thousand entries of the directory that are the same bytes."""
    content = book("<row><c><v>1</v></c></row>")
    end = content.rindex(b"PK\x05\x06")
    start = content.index(b"PK\x01\x02")
    directory = content[start:end] * 3000
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, len(directory), start, 0)
    return content[:start] + directory + tail


def other_kind(part: str) -> Callable[[], bytes]:
    """A zip that holds another kind of workbook, which libraries tell by its parts."""

    def make() -> bytes:
        file = BytesIO()
        with ZipFile(file, "w") as parts:
            parts.writestr(part, b"<x/>")
        return file.getvalue()

    return make


XLSX: Mapping[str, Callable[[], bytes]] = {
    "one cell far away": far_cell,
    "one row far away": lambda: book('<row r="999999999"><c><v>1</v></c></row>'),
    "a cell beyond all columns": lambda: book('<row r="1"><c r="ZZZZZ1"><v>1</v></c></row>'),
    "two million cells": lambda: book(("<row>" + "<c><v>1</v></c>" * 250 + "</row>") * 8_000),
    "blanks on sixty sheets": lambda: book(
        '<row r="1"><c r="IV1"><v>1</v></c></row><row r="9999"/>' + LOW, n_sheets=60
    ),
    "wide rows to the limit": lambda: book(
        "".join(f'<row r="{at}"><c r="IV{at}"><v>1</v></c></row>' for at in range(1, 65_000))
    ),
    "one sheet under sixty names": lambda: book(("<row>" + "<c><v>1</v></c>" * 200 + "</row>") * 100, names=60),
    "a hundred thousand sheets": lambda: book("<row/>", names=100_000),
    "a million cells that show one long text": many_refs_to_one_text,
    "a million cells that show one text of 30,000": lambda: book(
        ("<row>" + '<c t="s"><v>0</v></c>' * 200 + "</row>") * 5_000, texts=b"<si><t>" + b"x" * 30_000 + b"</t></si>"
    ),
    "a sheet that lies about its size": lying_size,
    "seven bombs of blanks": lambda: book(b" " * 20_000_000, n_sheets=7),
    "entries that overlap": overlapping,
    "packed by bzip2": lambda: book("<row/>", compression=ZIP_BZIP2),
    "packed by LZMA": lambda: book("<row/>", compression=ZIP_LZMA),
    "a binary workbook": other_kind("xl/workbook.bin"),
    "an OpenDocument sheet": other_kind("content.xml"),
    "names that climb": other_kind("../../../etc/cron.d/x"),
}

# The library passes over what it has no use for.
HARMLESS_XLSX: Mapping[str, Callable[[], bytes]] = {
    "a row of twenty digits": lambda: book('<row r="99999999999999999999"/>'),
    "a row before the last": lambda: book('<row r="5"/><row r="2"/>'),
    "a cell in another row": lambda: book('<row r="1"><c r="A70000"><v>1</v></c></row>'),
    "cells without a place": lambda: book("<row>" + "<c/>" * 300 + "</row>"),
    "five million blank cells": lambda: book(("<row>" + "<c/>" * 250 + "</row>") * 20_000),
    "five million texts": lambda: book("<row/>", texts=b"<si><t>a</t></si>" * 1_100_000),
    "a long text within": lambda: book('<row><c t="inlineStr"><is><t>' + "x" * 10_000_000 + "</t></is></c></row>"),
    "a huge attribute": lambda: book(b'<row x="' + b"y" * 10_000_000 + b'"/>'),
    "many attributes": lambda: book("<row " + " ".join(f'a{at}=""' for at in range(300_000)) + "/>"),
    "nested beyond measure": lambda: book(b"<a>" * 10_000_000),
}


def document(table: bytes) -> bytes:
    """A SpreadsheetML document of one sheet, ``Historical``."""
    return HEAD + SHEET_HEAD + table + TAIL


SPREADSHEETML: Mapping[str, Callable[[], bytes]] = {
    "blanks to the limit": lambda: document(b'<ss:Row><ss:Cell ss:Index="256"/></ss:Row>' * 65_536),
    "merged beyond all columns": lambda: document(b'<ss:Row><ss:Cell ss:MergeAcross="255"/></ss:Row>' * 65_536),
    "merged twice": lambda: document(
        b'<ss:Row><ss:Cell ss:MergeAcross="200"/><ss:Cell ss:MergeAcross="200"/></ss:Row>'
    ),
    "rows far away": lambda: document(b'<ss:Row ss:Index="999999999"/>'),
    "more rows than there are": lambda: document(b"<ss:Row/>" * 1_000_000),
    "a row of three million cells": lambda: document(b"<ss:Row>" + b"<ss:Cell/>" * 3_000_000 + b"</ss:Row>"),
    "nested beyond measure": lambda: document(b"<a>" * 10_000_000),
    "a huge attribute": lambda: document(b'<ss:Row ss:Index="' + b"1" * 30_000_000 + b'"/>'),
    "a huge comment": lambda: document(b"<!--" + b"x" * 30_000_000 + b"-->"),
    "a cell of many letters": lambda: document(
        b"<ss:Row><ss:Cell><ss:Data>" + b"x" * 30_000_000 + b"</ss:Data></ss:Cell></ss:Row>"
    ),
    "ampersands without end": lambda: document(
        b"<ss:Row><ss:Cell><ss:Data>" + b"&" * 30_000_000 + b"</ss:Data></ss:Cell></ss:Row>"
    ),
    "sheets that never begin": lambda: HEAD + b'<ss:Worksheet Name="' * 2_000_000 + TAIL,
    "sheets whose name never ends": lambda: HEAD + b"<ss:Worksheet " + b'Name="" ' * 5_000_000 + TAIL,
    "byte order marks without end": lambda: b"\xef\xbb\xbf" * 15_000_000,
    "a prefix without end": lambda: HEAD + b"<" + b"x" * 40_000_000 + TAIL,
}
