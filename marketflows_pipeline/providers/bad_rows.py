"""One bad row never spoils an answer: it is left out, counted and named, and the others are used.

A row is left out as *malformed* where a field that tells what it is about, or a figure that is measured, is not what
the service documents: of another type, no finite number, missing where it never is. Null, zero and -1 are what
services write for "not known", and are no faults of a row. A field that only describes is read as null instead. A row
is left out as *untimely* where its time cannot be (``transforms/time_span.py``).

Beyond a share of rows it is the answer that is wrong: more than 5 % of its rows malformed, and more than one, or more
than half of them untimely. So is a history, or the first page of a list, of which nothing is left.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from marketflows_pipeline.providers.http.responses import ParseError, one_line
from marketflows_pipeline.providers.json_fields import Fields, kind
from marketflows_pipeline.system.printable import visible

logger = logging.getLogger(__name__)

T = TypeVar("T")

MALFORMED, UNTIMELY = "malformed", "untimely"
MALFORMED_SHARE = 0.05
UNTIMELY_SHARE = 0.5
# As many are named in a warning; the others are counted.
NAMED = 3

_counts: ContextVar[Counter[str] | None] = ContextVar("left_out_counts", default=None)


class UntimelyError(ParseError):
    """A row whose time cannot be."""


class BadRows:
    """What is left out of one answer, told in one warning.

    Args:
        what: the answer, for messages, such as ``coingecko /coins/markets``.
        unit: what its rows are called.
    """

    def __init__(self, what: str, unit: str = "rows") -> None:
        self._what = what
        self._unit = unit
        self._named: list[str] = []
        self._blanked: list[str] = []
        self._reason_of: dict[object, str] = {}
        self._in_list: dict[object, str] = {}
        self._first: dict[str, str] = {}

    def add(self, place: object, name: str, fault: ParseError) -> None:
        """Leave out a row.

        Args:
            place: tells it from the other rows; where several lists of an answer say parts of the same row, the
                row counts once.
            name: how a person finds it, such as ``row 3 (bitcoin)``.
            fault: what is wrong with it.
        """
        reason = UNTIMELY if isinstance(fault, UntimelyError) else MALFORMED
        said = f"{name}: {fault}"
        self._in_list.setdefault(place, reason)
        self._first.setdefault(reason, said)
        if place not in self._reason_of:
            self._reason_of[place] = reason
            if len(self._named) < NAMED:
                self._named.append(said)

    def blank(self, name: str, fault: ParseError) -> None:
        """Read a field that only describes as null."""
        self._blanked.append(f"{name}: {fault}")

    @property
    def places(self) -> list[object]:
        """Where the rows are that are left out."""
        return list(self._reason_of)

    @property
    def count(self) -> int:
        """How many rows are left out."""
        return len(self._reason_of)

    def judge(self, n_rows: int, *, is_of_many: bool = False) -> None:
        """Say that one list of the answer is read to its end.

        Args:
            n_rows: how many rows it has, those left out included.
            is_of_many: whether each row is about something else, so that a single one may be left out though it is
                all there is; a history of one thing of which nothing is left is no answer.

        Raises:
            ParseError: too many of them are left out; the message names the first fault and the share.
        """
        counts = Counter(self._in_list.values())
        n_malformed, n_untimely = counts[MALFORMED], counts[UNTIMELY]
        is_spoilt = n_malformed > 0 and n_malformed + n_untimely == n_rows and not is_of_many
        if is_spoilt or n_malformed > max(1, MALFORMED_SHARE * n_rows):
            raise ParseError(
                f"{n_malformed:,} of {n_rows:,} {self._unit} are malformed, more than {MALFORMED_SHARE:.0%}; the "
                f"first: {self._first[MALFORMED]}"
            )
        if n_untimely > max(is_of_many, UNTIMELY_SHARE * n_rows):
            raise ParseError(
                f"{n_untimely:,} of {n_rows:,} {self._unit} have a time that cannot be, more than half; the first: "
                f"{self._first[UNTIMELY]}"
            )
        self._in_list.clear()
        self._first.clear()

    def tell(self, n_rows: int | None = None) -> None:
        """Warn of what was left out, if anything was, and count it for who asked (``counting_left_out``).

        Args:
            n_rows: how many rows the answer has, those left out included, where that is one number.
        """
        if self._reason_of:
            more = self.count - len(self._named)
            logger.warning(
                "%s: %s%s %s left out: %s%s",
                self._what,
                self.count,
                "" if n_rows is None else f" of {n_rows:,}",
                self._unit,
                "; ".join(self._named),
                f"; and {more} more" if more else "",
            )
            if (counts := _counts.get()) is not None:
                counts.update(self._reason_of.values())
        if self._blanked:
            more = len(self._blanked) - NAMED
            logger.warning(
                "%s: %d values read as null: %s%s",
                self._what,
                len(self._blanked),
                "; ".join(self._blanked[:NAMED]),
                f"; and {more} more" if more > 0 else "",
            )


def accept_rows(body: object, read: Callable[[Fields], T], *, what: str, key: str = "id") -> list[T]:
    """Read the objects of a list, row by row; a malformed or untimely one is left out, with a warning.

    Args:
        body: the parsed JSON.
        read: makes a row of an object; raises ParseError where it is malformed, UntimelyError where its time cannot be.
        what: the answer, for messages.
        key: the field that names a row.

    Raises:
        ParseError: it is no list, or too many rows would be left out.
    """
    if not isinstance(body, list):
        raise ParseError(f"expected a list, found {kind(body)}")
    left_out = BadRows(what)
    accepted: list[T] = []
    for at, row in enumerate(body):
        if not isinstance(row, dict):
            left_out.add(at, f"row {at}", ParseError(f"should be an object, found {kind(row)}"))
            continue
        fields = Fields(row)
        try:
            accepted.append(read(fields))
        except ParseError as fault:
            left_out.add(at, row_name(at, row.get(key)), fault)
        else:
            for doubt in fields.doubts:
                left_out.blank(row_name(at, row.get(key)), doubt)
    left_out.judge(len(body), is_of_many=True)
    left_out.tell(len(body))
    return accepted


def refuse_empty(rows: Sequence[object], what: str) -> None:
    """Refuse a list without a single row that can be used, where the service always lists something.

    Raises:
        ParseError: it is empty.
    """
    if not rows:
        raise ParseError(f"an empty {what}")


def row_name(at: int, identity: object) -> str:
    """How a person finds a row: by its number, from 0, and by what it is about where that is text."""
    is_legible = isinstance(identity, str) and identity.strip() and visible(identity) == identity
    return f"row {at} ({one_line(str(identity))})" if is_legible else f"row {at}"


@contextmanager
def counting_left_out() -> Iterator[Counter[str]]:
    """How many rows are left out within the block, by reason; those of a block within it are counted in both."""
    counts: Counter[str] = Counter()
    token = _counts.set(counts)
    try:
        yield counts
    finally:
        _counts.reset(token)
        if (outer := _counts.get()) is not None:
            outer.update(counts)
