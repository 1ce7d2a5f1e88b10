"""Reads one Excel workbook from standard input and writes its sheets as JSON, within limits."""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Iterator
from datetime import date
from io import BytesIO

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook

from marketflows_pipeline.providers.fund_issuers.grids import Room

MAX_SHEETS = 64


def main() -> None:
    """Read; the arguments are the limits: bytes of memory, seconds of CPU, cells, letters."""
    memory_bytes, cpu_s, cells, letters = map(int, sys.argv[1:])
    content = sys.stdin.buffer.read()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
    room = Room(cells, letters)
    try:
        with CalamineWorkbook.from_filelike(BytesIO(content)) as workbook:
            if len(workbook.sheet_names) > MAX_SHEETS:
                raise ValueError(f"more than {MAX_SHEETS} sheets")
            sheets = {name: list(_rows(workbook.get_sheet_by_name(name), room)) for name in workbook.sheet_names}
        sys.stdout.write(json.dumps(sheets))
    except MemoryError:
        sys.exit("it takes too much memory")
    except (CalamineError, ValueError) as error:
        sys.exit(str(error))


def _rows(sheet: CalamineSheet, room: Room) -> Iterator[list[str]]:
    if sheet.end is not None:
        room.take((sheet.end[0] + 1) * (sheet.end[1] + 1))
    for row in sheet.to_python(skip_empty_area=False):
        texts = [_text(cell) for cell in row]
        room.take(0, sum(map(len, texts)))
        yield texts


def _text(cell: object) -> str:
    # A datetime is a date too, and its time of day does not matter.
    return cell.isoformat()[:10] if isinstance(cell, date) else str(cell).strip()


if __name__ == "__main__":
    main()
