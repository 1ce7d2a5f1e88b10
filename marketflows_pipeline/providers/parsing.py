"""Parsing of JSON into msgspec structs, row by row: bad rows are left out and named, the others are kept."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime
from functools import cache
from mmap import mmap
from typing import Annotated, Any, ClassVar, TypeAlias, TypeVar

import msgspec

from marketflows_pipeline.providers.bad_rows import BadRows
from marketflows_pipeline.providers.http.responses import ParseError, bad_response, one_line
from marketflows_pipeline.system.printable import IDENTITY_LENGTH, is_identity, presentable_name, visible

T = TypeVar("T")

Figure: TypeAlias = float | None
NotBlank: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"\S")]

HALF_A_CHARACTER = re.compile("[\ud800-\udfff]")
# ASCII only, as URLs are sent.
WEB_ADDRESS = re.compile(r"https?://[!#-;=?-\[\]_a-z~%]{1,2000}", re.IGNORECASE)
# A string is matched as a whole, so that a token called NaN keeps its name. Possessive (++, *+): backtracking through a
# long string would take a thousand times its memory.
_PIECE = re.compile(rb'"(?:[^"\\]++|\\.)*+"|-?\bInfinity\b|\bNaN\b', re.DOTALL)
_PAIR_OR_HALF = re.compile(
    rb"(\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)


class Row(msgspec.Struct):
    """One row of a response; ``parse_row`` checks that its figures are finite.

    Fields of an id, or of several (``ids``), must be printable where they are given; ``names`` are made presentable;
    ``optional`` fields, which only describe, are null, with a warning, where they are not what is documented.
    """

    ids: ClassVar[Collection[str]] = ()
    names: ClassVar[Collection[str]] = ()
    optional: ClassVar[Collection[str]] = ()


R = TypeVar("R", bound=Row)


def parse_list(
    body: object, parse: Callable[[Any, list[ParseError]], T | None], *, what: str, key: str = "id"
) -> list[T]:
    """Parse the rows of a list; bad ones are left out, with a warning.

    Rows may be raw JSON. ``parse`` gives None where a row is not wanted, raises ParseError for a bad one, and appends
    an error for each field that it reads as null. ``key`` is the field that names a row.

    Raises:
        ParseError: it is no list, or too many rows would be left out.
    """
    if not isinstance(body, list):
        raise ParseError(f"expected a list, found {described(body)}")
    bad_rows = BadRows(what)

    def parse_numbered(row: tuple[int, object]) -> T | None:
        nulls: list[ParseError] = []
        result = parse(row[1], nulls)
        for null in nulls:
            bad_rows.add_null(_row_name(*row, key), null)
        return result

    numbered = list(enumerate(body))
    kept = bad_rows.keep(numbered, parse_numbered, lambda _, row: _row_name(*row, key), is_of_many=True)
    bad_rows.log(len(kept) + bad_rows.count)
    return kept


def parse_row(row: object, row_type: type[R], nulls: list[ParseError]) -> R:
    """A row as a struct.

    The row is a decoded object or raw JSON. What is wrong with optional fields that are read as null is appended to
    ``nulls``.

    Raises:
        ParseError: a field is not what is documented; the message names field and value.
    """
    while True:
        try:
            parsed = _decoder(row_type).decode(row) if isinstance(row, msgspec.Raw) else msgspec.convert(row, row_type)
        except (msgspec.DecodeError, UnicodeEncodeError) as error:  # half a character is no key of a struct
            row = _decoded(row)
            key, problem = _located(error, row)
        else:
            key, problem = next(_problems(parsed), ("", ""))
            if not problem:
                return parsed
        if key not in row_type.optional or not isinstance(row, dict):
            raise ParseError(problem)
        nulls.append(ParseError(problem))
        row = {**row, key: None}


def decode(decoder: msgspec.json.Decoder[T], content: str | bytes | mmap) -> T:
    """What JSON holds; ``NaN``, ``Infinity`` and half characters spoil only the values that they stand for.

    Raises:
        ParseError: it is of another shape.
        FailedResponseError: it is truncated or not JSON, which is retried.
    """
    try:
        try:
            # A copy of a mapped file: raw rows point into it, and a file that is pointed into can't be closed.
            return decoder.decode(content[:] if isinstance(content, mmap) else content)
        except msgspec.ValidationError:
            raise
        except msgspec.DecodeError:
            return decoder.decode(strict_json(content.encode() if isinstance(content, str) else content))
    except msgspec.ValidationError as error:
        raise ParseError(one_line(str(error))) from error
    except msgspec.DecodeError as error:
        raise bad_response(f"truncated or not JSON: {one_line(str(error))}") from error


def strict_json(content: bytes | mmap) -> bytes:
    """The same JSON with ``NaN`` and ``Infinity`` as text, which is no number, and half characters replaced."""
    return _PIECE.sub(_strict_piece, content)


def finite(value: float, key: str) -> float:
    """The number, unless it is NaN or infinite.

    Raises:
        ParseError: it is not finite.
    """
    if not math.isfinite(value):
        raise ParseError(f"`{key}` should be a finite number, found {value}")
    return value


def is_address(text: str) -> bool:
    """Whether a text is the URL of a web page, and no script or other thing that a browser would follow."""
    return WEB_ADDRESS.fullmatch(text) is not None


def iso_moment(text: str, *, needs_offset: bool = False) -> datetime | None:
    """An ISO time, in UTC where it has no offset; None where it is none, or lacks an offset that it needs."""
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):  # the first hours of year 1 are before it in UTC
        return None
    return None if needs_offset else moment.replace(tzinfo=UTC)


def described(value: object) -> str:
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


@cache
def _decoder(row_type: type[R]) -> msgspec.json.Decoder[R]:
    return msgspec.json.Decoder(row_type)


def _problems(row: Row) -> Iterator[tuple[str, str]]:
    """Key and problem of each field that its type alone lets pass; names are made presentable."""
    for field, key in zip(row.__struct_fields__, row.__struct_encode_fields__, strict=True):
        value = getattr(row, field)
        if isinstance(value, float):
            if not math.isfinite(value):
                yield key, f"`{key}` should be a finite number, found {value}"
        elif value and field in row.ids:
            if not all(map(is_identity, [value] if isinstance(value, str) else value)):
                yield key, f"`{key}` should be at most {IDENTITY_LENGTH} printable characters, found {described(value)}"
        elif value is not None and field in row.names:
            if not value.isascii() and HALF_A_CHARACTER.search(value):
                yield key, f"`{key}` should be text, found {described(value)}"
            setattr(row, field, presentable_name(value))


def _located(error: Exception, row: object) -> tuple[str, str]:
    """The top-level key that msgspec's error is about, and the error with the value that was found."""
    problem, _, path = str(error).partition(" - at `$.")
    keys = path.rstrip("`").split(".")
    value = row
    for key in keys:
        if not isinstance(value, dict) or key not in value:
            whole = str(error).replace("Object missing required field", "missing field")
            return "", one_line(f"{whole[:1].lower()}{whole[1:]}")
        value = value[key]
    expected = problem.partition(", got ")[0]
    # Of a number for which one text may stand msgspec says the value, at any length, and not what it should be.
    expected = "Expected a number" if expected.startswith("Invalid enum value") else expected
    return keys[0], f"`{'.'.join(keys)}`: {expected[:1].lower()}{expected[1:]}, found {described(value)}"


def _row_name(at: int, row: object, key: str) -> str:
    """How a person finds a row: by its number, from 0, and by its id where that is printable."""
    decoded = _decoded(row)
    name = decoded.get(key) if isinstance(decoded, dict) else None
    is_printable = isinstance(name, str) and name.strip() and visible(name) == name
    return f"row {at} ({one_line(str(name))})" if is_printable else f"row {at}"


def _decoded(row: object) -> object:
    try:
        return msgspec.json.decode(row) if isinstance(row, msgspec.Raw) else row
    except msgspec.DecodeError:
        return None


def _strict_piece(piece: re.Match[bytes]) -> bytes:
    text = piece[0]
    if not text.startswith(b'"'):
        return b'"' + text + b'"'
    return _PAIR_OR_HALF.sub(lambda found: found[1] or rb"\ufffd", text) if b"\\u" in text else text
