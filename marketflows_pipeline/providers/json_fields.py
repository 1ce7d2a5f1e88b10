"""Taking typed values out of parsed JSON, or saying which field is not what a service documents."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TypeAlias, TypeGuard, TypeVar

from marketflows_pipeline.providers.http.responses import ParseError, one_line
from marketflows_pipeline.system.printable import IDENTITY_LENGTH, is_identity, presentable, presentable_name

T = TypeVar("T")
Row: TypeAlias = Mapping[str, object]

DECIMAL = re.compile(r"[+-]?\d+(\.\d*)?(e[+-]?\d+)?", re.IGNORECASE)
MONEY = re.compile(r"(-?)\$?((?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d*)?(?:e[+-]?\d+)?)", re.IGNORECASE)
HALF_A_CHARACTER = re.compile("[\ud800-\udfff]")
# Of ASCII alone, as addresses are sent.
WEB_ADDRESS = re.compile(r"https?://[!#-;=?-\[\]_a-z~%]{1,2000}", re.IGNORECASE)
# Prices with many zeros were once written for a browser: $0.0<sub title="0.0000015">5</sub>15.
SPELT_OUT = re.compile(r'<sub title="([^"]+)"')


class Fields:
    """The fields of one JSON object, each taken as what a service documents it to be.

    Every method raises ParseError, which names field and value, where a field is something else.

    Args:
        row: the object.

    Attributes:
        doubts: faults of fields that were read as null by ``or_null``.
    """

    __slots__ = ("doubts", "row")

    def __init__(self, row: Row) -> None:
        self.row = row
        self.doubts: list[ParseError] = []

    def identity(self, key: str) -> str:
        """An id as it is: text that is there and not blank, of at most 200 characters that can all be shown."""
        value = self.row.get(key)
        if not isinstance(value, str):
            raise _fault(key, "text", value)
        return identity(value, key)

    def name(self, key: str) -> str:
        """What something is called, made presentable; where nothing of it can be shown, a stand-in."""
        value = self.row.get(key)
        if not is_text(value):
            raise _fault(key, "text", value)
        return presentable_name(value)

    def text_or_none(self, key: str) -> str | None:
        """Text, made presentable, or nothing: missing, null and blank are all None."""
        value = self.row.get(key)
        if value is None:
            return None
        if not is_text(value):
            raise _fault(key, "text or null", value)
        return presentable(value) or None

    def address_or_none(self, key: str) -> str | None:
        """The address of a web page, or nothing: what is no such address is None, as missing, null and blank are."""
        address = (self.text_or_none(key) and str(self.row[key]).strip()) or ""
        return address if is_address(address) else None

    def number(self, key: str) -> float | None:
        """A finite number or null, and never missing."""
        if key not in self.row:
            raise ParseError(f"`{key}` is missing")
        return self.number_or_none(key)

    def number_or_none(self, key: str) -> float | None:
        """A finite number or nothing: missing and null are None."""
        value = self.row.get(key)
        if value is None:
            return None
        if not is_number(value):
            raise _fault(key, "a number or null", value)
        return finite(as_float(value), key)

    def flag_or_none(self, key: str) -> bool | None:
        """True, false or nothing: missing and null are None."""
        value = self.row.get(key)
        if value is None or isinstance(value, bool):
            return value
        raise _fault(key, "true, false or null", value)

    def amount_or_none(self, key: str) -> float | None:
        """Money as a number or as text (see ``amount``), or nothing: missing, null and blank are None."""
        value = self.row.get(key)
        if value is None or (isinstance(value, str) and not value.strip()):
            return None
        read = as_float(value) if is_number(value) else amount(value) if isinstance(value, str) else None
        if read is None:
            raise _fault(key, "an amount of money", value)
        return finite(read, key)

    def time_or_none(self, key: str) -> datetime | None:
        """An ISO time, in UTC where it has no offset, or nothing."""
        value = self.row.get(key)
        if value is None:
            return None
        try:
            moment = datetime.fromisoformat(value) if isinstance(value, str) else None
            if moment is not None:
                return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        except (ValueError, OverflowError):  # the first hours of year 1 are before it in UTC
            pass
        raise _fault(key, "an ISO time", value)

    def object_or_empty(self, key: str) -> Fields:
        """The fields of an object within this one, without any where it is missing or null."""
        value = self.row.get(key)
        if value is not None and not isinstance(value, dict):
            raise _fault(key, "an object or null", value)
        return Fields(value or {})

    def or_null(self, take: Callable[[str], T], key: str) -> T | None:
        """A field that only describes, by another method: null where it is not what is documented, which is noted."""
        try:
            return take(key)
        except ParseError as doubt:
            self.doubts.append(doubt)
            return None


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


def is_text(value: object) -> TypeGuard[str]:
    """Whether a parsed value is text, of whole characters: JSON may hold half of one."""
    return isinstance(value, str) and (value.isascii() or not HALF_A_CHARACTER.search(value))


def identity(text: str, key: str) -> str:
    """The text itself, if it can be an id.

    Args:
        text: of the id.
        key: what holds it, for the message.

    Raises:
        ParseError: it is blank, too long, or holds characters that cannot be shown.
    """
    if is_identity(text):
        return text
    if not text.strip():
        raise ParseError(f"`{key}` should be text, found a blank")
    raise _fault(key, f"at most {IDENTITY_LENGTH} printable characters", text)


def is_address(text: str) -> bool:
    """Whether a text is the address of a web page, and no script or other thing that a browser would follow."""
    return WEB_ADDRESS.fullmatch(text) is not None


def as_float(value: float) -> float:
    """A JSON number as a float; a whole one too long for a float is infinite, as 1e400 is."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def finite(value: float, key: str) -> float:
    """The number, unless it is none: JSON knows no NaN or Infinity, and 1e400 is beyond every float.

    Raises:
        ParseError: it is not finite.
    """
    if not math.isfinite(value):
        raise ParseError(f"`{key}` should be a finite number, found {value}")
    return value


def kind(value: object) -> str:
    """What a value is, for a message."""
    match value:
        case None:
            return "nothing"
        case dict():
            return one_line(f"an object with keys {sorted(map(str, value))[:5]}")
        case list():
            return "a list"
        case int() if abs(value) > 1e30:
            return "a number of more than 30 digits"
        case _:
            return f"{type(value).__name__} '{one_line(str(value))}'"


def _fault(key: str, expected: str, value: object) -> ParseError:
    return ParseError(f"`{key}` should be {expected}, found {kind(value)}")
