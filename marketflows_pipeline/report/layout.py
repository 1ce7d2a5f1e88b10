"""Where cards stand: rows of a grid of six columns, none of which is left half empty."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

COLUMNS = 6


def spans(widths: Sequence[int]) -> list[int]:
    """Columns that each card takes: what it asks for, and in a row that is not full its share of what is left.

    Args:
        widths: columns that each card asks for, in reading order.
    """
    return [span for row in _rows(widths) for span in _filled(row)]


def spans_on_two(widths: Iterable[int]) -> list[int]:
    """The same on a screen of two columns: half of it for what asks for at most half, else all of it."""
    return spans([3 if width <= 3 else COLUMNS for width in widths])


def _rows(widths: Sequence[int]) -> Iterator[list[int]]:
    row: list[int] = []
    for width in widths:
        if sum(row) + width > COLUMNS:
            yield row
            row = []
        row.append(width)
    if row:
        yield row


def _filled(row: list[int]) -> list[int]:
    left, count = COLUMNS - sum(row), len(row)
    # The last ones take more, so that the first card never looks like an afterthought of the others.
    return [width + left // count + (place >= count - left % count) for place, width in enumerate(row)]
