"""Taking typed values out of parsed JSON, or saying which row and field is not what a service documents.

What belongs here: rows, texts, numbers, amounts of money and times, whoever sends them. What does not: the fields of
one service, and frames.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeAlias, TypeGuard

from marketflows_pipeline.providers.faults import ShapeError, one_line

Row: TypeAlias = Mapping[str, object]

DECIMAL = re.compile(r"[+-]?\d+(\.\d*)?(e[+-]?\d+)?", re.IGNORECASE)
MONEY = re.compile(r"(-?)\$?((?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d*)?(?:e[+-]?\d+)?)", re.IGNORECASE)
# Prices with many zeros were once written for a browser: $0.0<sub title="0.0000015">5</sub>15.
SPELT_OUT = re.compile(r'<sub title="([^"]+)"')


def rows_of(body: object) -> list[Row]:
    """The objects of a list.

    Raises:
        ShapeError: it is not a list, or something else than an object is in it.
    """
    if not isinstance(body, list):
        raise ShapeError(f"expected a list, found {kind(body)}")
    for at, row in enumerate(body):
        if not isinstance(row, dict):
            raise ShapeError(f"row {at} should be an object, found {kind(row)}")
    return body


def texts(rows: Sequence[Row], key: str) -> list[str]:
    """A field that is text in every row.

    Raises:
        ShapeError: it is missing, null or not text.
    """
    for at, row in enumerate(rows):
        if not isinstance(row.get(key), str):
            raise ShapeError(f"`{key}` of row {at} should be text, found {kind(row.get(key))}")
    return [str(row[key]) for row in rows]


def texts_or_none(rows: Sequence[Row], key: str) -> list[str | None]:
    """A field that is text or nothing: missing, null and blank are all None.

    Raises:
        ShapeError: it is something else.
    """
    return [_text_or_none(row, at, key) for at, row in enumerate(rows)]


def numbers(rows: Sequence[Row], key: str) -> list[float | None]:
    """A field that is a number or null in every row, and never missing.

    Raises:
        ShapeError: it is missing or something else.
    """
    for at, row in enumerate(rows):
        if key not in row:
            raise ShapeError(f"`{key}` of {_name(row, at)} is missing")
    return numbers_or_none(rows, key)


def numbers_or_none(rows: Sequence[Row], key: str) -> list[float | None]:
    """A field that is a number or nothing: missing and null are None.

    Raises:
        ShapeError: it is something else.
    """
    return [_number_or_none(row, at, key) for at, row in enumerate(rows)]


def flags_or_none(rows: Sequence[Row], key: str) -> list[bool | None]:
    """A field that is true, false or nothing: missing and null are None.

    Raises:
        ShapeError: it is something else.
    """
    return [_flag_or_none(row, at, key) for at, row in enumerate(rows)]


def amounts_or_none(rows: Sequence[Row], key: str) -> list[float | None]:
    """A field that is money as a number or as text (see ``amount``), or nothing: missing, null and blank are None.

    Raises:
        ShapeError: it is something else.
    """
    return [_amount_or_none(row, at, key) for at, row in enumerate(rows)]


def times(rows: Sequence[Row], key: str) -> list[datetime | None]:
    """A field that is an ISO time or nothing, in UTC.

    Raises:
        ShapeError: it is something else.
    """
    return [_time_or_none(row, at, key) for at, row in enumerate(rows)]


def decimal(text: str) -> float | None:
    """The number that a text such as ``76327.6889417086372104`` is, or None where it is none."""
    return float(text) if DECIMAL.fullmatch(text) else None


def amount(text: str) -> float | None:
    """Dollars in a text such as ``$521,967,819``, ``-$0.00000123`` or ``$1.2e-7``, or None where there are none."""
    spelt_out = SPELT_OUT.search(text)
    match = MONEY.fullmatch((spelt_out[1] if spelt_out else text).strip())
    return float(match[1] + match[2].replace(",", "")) if match else None


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether a parsed value is a number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def as_float(value: float) -> float:
    """A JSON number as a float; a whole one too long for a float is infinite, as 1e400 is."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def kind(value: object) -> str:
    """What a value is, for a message."""
    match value:
        case None:
            return "nothing"
        case dict():
            return f"an object with keys {sorted(map(str, value))[:5]}"
        case list():
            return "a list"
        case _:
            return f"{type(value).__name__} {one_line(str(value))!r}"


def _text_or_none(row: Row, at: int, key: str) -> str | None:
    value = row.get(key)
    if value is None:
        return None
    if not isinstance(value, str):
        raise ShapeError(f"`{key}` of {_name(row, at)} should be text or null, found {kind(value)}")
    return value.strip() or None


def _number_or_none(row: Row, at: int, key: str) -> float | None:
    value = row.get(key)
    if value is None:
        return None
    if not is_number(value):
        raise ShapeError(f"`{key}` of {_name(row, at)} should be a number or null, found {kind(value)}")
    return as_float(value)


def _flag_or_none(row: Row, at: int, key: str) -> bool | None:
    value = row.get(key)
    if value is None or isinstance(value, bool):
        return value
    raise ShapeError(f"`{key}` of {_name(row, at)} should be true, false or null, found {kind(value)}")


def _amount_or_none(row: Row, at: int, key: str) -> float | None:
    value = row.get(key)
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    read = as_float(value) if is_number(value) else amount(value) if isinstance(value, str) else None
    if read is None:
        raise ShapeError(f"`{key}` of {_name(row, at)} should be an amount of money, found {kind(value)}")
    return read


def _time_or_none(row: Row, at: int, key: str) -> datetime | None:
    value = row.get(key)
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None:
        raise ShapeError(f"`{key}` of {_name(row, at)} should be an ISO time, found {kind(value)}")
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _name(row: Row, at: int) -> str:
    return str(row.get("id") or f"row {at}")
