"""What the page's template does to figures, sentences and cards: their words, places and small lines."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl
from markupsafe import Markup

from marketflows_pipeline.charts.style.diverging_colours import symmetric_limit
from marketflows_pipeline.charts.style.wording import UNKNOWN, day_text, moment, value_text
from marketflows_pipeline.report.model import Card, FigureColumn, GainRow, Section

MOST_ROWS = 400
_HEAT_STEPS = 3
_FIGURE = re.compile(r"((?<![\w.])[+\u2212-]?(?:\$\d[\d,.]*\d?\s?[TBMK]?(?!\w)|\d[\d,.]*\s?(?:%|pp\b)))")
# Height of an axis below a plot, px.
_AXIS = 34
# Of the grid that cards stand in.
COLUMNS = 6
# Of a small line: its values, and px around it.
_SPARK_POINTS, _SPARK_MARGIN = 90, 2.5


def chart_height(card: Card) -> int | None:
    """Height of a card's plot with its axis, px; None where it is not known before it is drawn."""
    height = (card.spec or {}).get("height")
    return round(height) + _AXIS if isinstance(height, int | float) else None


def heat_of(rows: Sequence[GainRow]) -> Callable[[str, float | None], str]:
    """The step of heat of a gain by its column: full at the 90 % quantile of the column's magnitudes."""
    names = dict.fromkeys(name for row in rows for name in row.gains)
    limits = {
        name: symmetric_limit(pl.Series([row.gains.get(name) for row in rows], dtype=pl.Float64)) for name in names
    }

    def heat(name: str, percent: float | None) -> str:
        if percent is None:
            return "heat-none"
        if abs(percent) < 0.05:
            return "heat-0"
        step = min(_HEAT_STEPS, max(1, math.ceil(_HEAT_STEPS * abs(percent) / limits[name])))
        return f"heat-{'p' if percent > 0 else 'n'}{step}"

    return heat


def gain_text(percent: float | None) -> str:
    """A gain without its sign of percent, which the table's note names."""
    return UNKNOWN if percent is None else value_text(percent, 1 if abs(percent) < 99.95 else 0, signed=True)


def place_of(href: str, anchors: Collection[str]) -> str:
    """A place in this page, or that of the section which a card that is not here would stand in; empty for none."""
    words = href.removeprefix("#").split("-")
    places = ("-".join(words[:most]) for most in range(len(words), 0, -1))
    return next((f"#{place}" for place in places if place in anchors), "")


def emphasised(sentence: str, label: str = "") -> Markup:
    """A sentence with its amounts and percentages in bold, but not those in the name of what it is about."""
    before, named, after = sentence.partition(label) if label and label in sentence else ("", "", sentence)
    parts = _FIGURE.split(after)
    bold = (Markup("<b>{}</b>").format(part) if at % 2 else part for at, part in enumerate(parts))
    return Markup("").join((before + named, *bold))


def unbroken(title: str) -> Markup:
    """A title whose amounts stay on one line each: a browser may break between a minus and its dollar sign."""
    parts = _FIGURE.split(title)
    kept = (Markup('<span class="amount">{}</span>').format(part) if at % 2 else part for at, part in enumerate(parts))
    return Markup("").join(kept)


def placed(section: Section) -> list[tuple[Card, int, int]]:
    """The cards of a section, each with the columns it takes on a wide and on a middling screen."""
    widths = [card.width for card in section.cards]
    return list(zip(section.cards, spans(widths), spans_on_two(widths), strict=True))


@dataclass(frozen=True)
class Cell:
    """One figure.

    Attributes:
        text: as shown.
        key: what it is sorted by.
        is_number: whether it stands at the right.
    """

    text: str
    key: str
    is_number: bool


def rows_of(card: Card) -> Iterator[list[Cell]]:
    """The first rows of a card's table, which stands in the page without scripts, a cell for each column."""
    rows = card.dataset.rows.head(MOST_ROWS)
    columns = [(column, rows[column.key].to_list()) for column in card.columns]
    for place in range(rows.height):
        yield [_cell(column, values[place]) for column, values in columns]


def _cell(column: FigureColumn, value: object) -> Cell:
    if value is None:
        return Cell(UNKNOWN, "", is_number=column.digits is not None)
    if isinstance(value, bool):
        return Cell("yes" if value else "no", str(int(value)), is_number=False)
    if isinstance(value, int | float):
        shown = value / column.divisor
        digits = column.digits if column.digits is not None else 0
        return Cell(value_text(shown, digits, signed=column.signed), repr(value), is_number=True)
    if isinstance(value, datetime):
        return Cell(moment(value), value.isoformat(), is_number=False)
    if isinstance(value, date):
        return Cell(day_text(value), value.isoformat(), is_number=False)
    return Cell(str(value), str(value), is_number=False)


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


def sparkline(values: Sequence[float | None], *, width: int = 120, height: int = 32) -> Markup:
    """A line with its last value as a dot; unknown values are gaps, and less than two known ones give nothing.

    Args:
        values: oldest first.
        width: px.
        height: px.
    """
    short = _shortened(values)
    known = [value for value in short if value is not None]
    if len(known) < 2:
        return Markup("")
    low, high = min(known), max(known)
    step = (width - 2 * _SPARK_MARGIN) / (len(short) - 1)
    room = height - 2 * _SPARK_MARGIN

    def point(place: int, value: float) -> tuple[float, float]:
        share = 0.5 if high == low else (value - low) / (high - low)
        return round(_SPARK_MARGIN + place * step, 1), round(height - _SPARK_MARGIN - share * room, 1)

    points = [None if value is None else point(place, value) for place, value in enumerate(short)]
    path = "".join(_path_of(points))
    x, y = next(each for each in reversed(points) if each is not None)
    return Markup(
        '<svg class="spark" viewBox="0 0 {width} {height}" width="{width}" height="{height}" aria-hidden="true" '
        'focusable="false"><path d="{path}"/><circle cx="{x:g}" cy="{y:g}" r="2.2"/></svg>'
    ).format(width=width, height=height, path=path, x=x, y=y)


def _shortened(values: Sequence[float | None]) -> list[float | None]:
    """No more values than the line can show; first and last one are kept."""
    if len(values) <= _SPARK_POINTS:
        return list(values)
    last = len(values) - 1
    return [values[round(place * last / (_SPARK_POINTS - 1))] for place in range(_SPARK_POINTS)]


def _path_of(points: Sequence[tuple[float, float] | None]) -> Iterator[str]:
    is_drawing = False
    for point, following in zip(points, [*points[1:], None], strict=True):
        if point is not None:
            # A value between two gaps is a line of no length, whose round ends are a dot.
            place = f"{point[0]:g} {point[1]:g}"
            yield f"L{place}" if is_drawing else f"M{place}" if following else f"M{place}L{place}"
        is_drawing = point is not None
