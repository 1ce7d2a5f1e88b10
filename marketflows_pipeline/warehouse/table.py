"""A table for people: as wide as the terminal, or as a page where there is none."""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Sequence

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

# Of what is written to a file or a pipe.
PAGE_WIDTH = 160
# Text is not wrapped to less.
_TEXT_WIDTH = 16
# Between columns: the padding of one, and a space that the box draws.
_GAP = 2


def table_text(headers: Sequence[str], is_number: Sequence[bool], rows: Sequence[Sequence[str]]) -> str:
    """The lines of a table; a line below it names the columns for which there was no place.

    Headers and texts are wrapped, numbers never. Where that is not enough, the last columns are left out. Cells hold
    nothing that a terminal acts on.
    """
    page = page_width()
    full = [max(map(cell_len, column)) for column in zip(headers, *rows, strict=True)]
    least = [
        max(map(cell_len, (*header.split(), *cells))) if number else min(width, _TEXT_WIDTH)
        for header, number, width, *cells in zip(headers, is_number, full, *rows, strict=True)
    ]
    n_shown = _n_fitting(least, page)
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    widths = _fitted(full[:n_shown], least[:n_shown], page)
    for header, number, width in zip(headers, is_number, widths, strict=False):
        table.add_column(Text(header), justify="right" if number else "left", width=width, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row[:n_shown]))
    out = io.StringIO()
    Console(file=out, width=page, color_system=None).print(table)
    lines = [line.rstrip() for line in out.getvalue().splitlines()]
    if n_shown < len(headers):
        lines += ["", f"Too wide to be shown: {', '.join(headers[n_shown:])}; --format csv has every column."]
    return "\n".join(lines) + "\n"


def page_width() -> int:
    """Columns of the terminal; of what is written elsewhere always as many."""
    is_terminal = sys.stdout is not None and sys.stdout.isatty()
    return shutil.get_terminal_size().columns if is_terminal else PAGE_WIDTH


def _n_fitting(least: Sequence[int], page: int) -> int:
    """How many of the first columns fit with their least widths; one at least."""
    end = -_GAP
    for place, width in enumerate(least):
        end += _GAP + width
        if end > page:
            return max(place, 1)
    return len(least)


def _fitted(full: Sequence[int], least: Sequence[int], page: int) -> list[int]:
    """The widths of columns on a page: the widest give way first, none below its least."""
    widths = list(full)
    while sum(widths) + _GAP * (len(widths) - 1) > page:
        room = [width if width > low else 0 for width, low in zip(widths, least, strict=True)]
        if not any(room):
            # A single column of a number wider than the page.
            return [page]
        widths[room.index(max(room))] -= 1
    return widths
