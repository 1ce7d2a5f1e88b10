"""Excel workbooks (xlsx) as grids of text, whoever sent them.

python-calamine reads them, in a process of its own with limits: it makes a rectangle out to the furthest cell, so
that a workbook of 1.4 KB with one cell at SF1048576 takes 16 GB.
"""

from __future__ import annotations

import json
import subprocess
import sys
import zlib
from fnmatch import fnmatchcase
from io import BytesIO
from zipfile import BadZipFile, ZipFile

from marketflows_pipeline.providers.fund_issuers.grids import MAX_CELLS, MAX_LETTERS, Grid
from marketflows_pipeline.providers.http.responses import (
    EXCERPT_LENGTH,
    FailedResponseError,
    ParseError,
    bad_response,
    one_line,
)

ZIP_START = b"PK\x03\x04"
ZIP_ENTRY = b"PK\x01\x02"
MAX_PARTS = 1000
MAX_UNPACKED_BYTES = 1 << 27
PROLOGUE_BYTES = 1 << 12
# What the reader's process may take, many times what the longest history of a fund needs.
MEMORY_BYTES = 1 << 30
CPU_S = 10
_READER = f"{__package__}.workbook_process"


def xlsx_sheet(content: bytes, name: str) -> Grid:
    """The first sheet of a workbook whose name fits, with ``*`` for any characters; errors as of `xlsx_sheets`."""
    sheets = xlsx_sheets(content)
    for found, sheet in sheets.items():
        if fnmatchcase(found, name):
            return sheet
    raise ParseError(f"expected a sheet `{name}`, found {one_line(', '.join(sheets)) or 'none'}")


def xlsx_sheets(content: bytes) -> dict[str, Grid]:
    """Every sheet of a workbook by its name, as text, blank rows kept so that row 1 of a grid is row 1 in Excel.

    Dates are ISO dates; empty cells are empty text.

    Raises:
        FailedResponseError: the file is truncated, which is retried.
        ParseError: it is no workbook, declares a document type, or exceeds a limit.
    """
    if not content.startswith(ZIP_START):
        raise ParseError(f"expected an Excel workbook, found {excerpt(content)}")
    try:
        _refuse_attacks(content)
    except ParseError:
        raise
    except (BadZipFile, EOFError, zlib.error) as error:
        raise truncated(f"{len(content):,} bytes of an Excel workbook: {one_line(str(error))}") from error
    except (LookupError, OSError, RuntimeError, ValueError) as error:
        raise ParseError(f"an Excel workbook that cannot be read: {one_line(str(error))}") from error
    limits = [MEMORY_BYTES, CPU_S, MAX_CELLS, MAX_LETTERS]
    read = subprocess.run(  # noqa: S603 - our own interpreter and a file of ours
        [sys.executable, "-P", "-m", _READER, *map(str, limits)], input=content, capture_output=True, check=False
    )
    if read.returncode < 0:
        raise ParseError("an Excel workbook that takes too much memory or time")
    if read.returncode > 0:
        reason = read.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise ParseError(f"an Excel workbook that cannot be read: {one_line(reason)}")
    sheets: dict[str, Grid] = json.loads(read.stdout)
    return sheets


def truncated(what: str) -> FailedResponseError:
    """The error of a truncated file, which is retried."""
    return bad_response(f"truncated: {what}")


def excerpt(content: bytes) -> str:
    """The beginning of a file that is none, for a message."""
    return repr(one_line(content[:EXCERPT_LENGTH].decode(errors="replace")))


def _refuse_attacks(content: bytes) -> None:
    """Refuse what shows without parsing; the reader's limits are for the rest."""
    if content.count(ZIP_ENTRY) > MAX_PARTS:
        raise ParseError(f"an Excel workbook of more than {MAX_PARTS:,} parts")
    with ZipFile(BytesIO(content)) as parts:
        unpacked = sum(part.file_size for part in parts.infolist())
        if unpacked > MAX_UNPACKED_BYTES:
            raise ParseError(f"an Excel workbook that unpacks to {unpacked:,} bytes")
        for part in parts.infolist():
            with parts.open(part) as opened:
                if b"<!DOCTYPE" in opened.read(PROLOGUE_BYTES):
                    raise ParseError(f"{part.filename} declares a document type, which is refused")
