"""Bad rows of a response: left out, counted and named in one warning; too many of them spoil the response.

A row is *malformed* where an id, a name or a measured figure is not what the service documents: of another type, not a
finite number, missing where it never is. Null, zero and -1 are what services write for "not known", and no errors. A
field that only describes is read as null instead. A row is *untimely* where its time is impossible
(``transforms/time_span.py``).

The response is unexpected where more than 5 % of its rows, and more than one, are malformed, or more than half of them
untimely. So is a history, or the first page of a list, of which nothing is left.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from marketflows_pipeline.providers.http.responses import ParseError

logger = logging.getLogger(__name__)

R = TypeVar("R")
T = TypeVar("T")

MALFORMED, UNTIMELY = "malformed", "untimely"
MALFORMED_SHARE = 0.05
UNTIMELY_SHARE = 0.5
# As many are named in a warning; the others are counted.
NAMED = 3

# A row of a list that answers several questions, counted for a question that it concerns.
OF_LIST = "of a list"

_counts: ContextVar[Counter[str] | None] = ContextVar("left_out_counts", default=None)
_outermost: ContextVar[Counter[str] | None] = ContextVar("outermost_left_out_counts", default=None)


class UntimelyError(ParseError):
    """A row with an impossible time."""


class BadRows:
    """The bad rows of one response, logged in one warning.

    Messages name the response, such as ``coingecko /coins/markets``, and what its rows are called, the unit.
    """

    def __init__(self, what: str, unit: str = "rows") -> None:
        self._what = what
        self._unit = unit
        self._named: list[str] = []
        self._nulls: list[str] = []
        self._reason_of: dict[object, str] = {}
        self._in_list: dict[object, str] = {}
        self._first: dict[str, str] = {}

    def keep(
        self,
        rows: Sequence[R],
        parse: Callable[[R], T | None],
        name: Callable[[int, R], str],
        *,
        array: str = "",
        is_of_many: bool = False,
    ) -> list[T]:
        """Parse a list of the response and leave out its bad rows.

        ``parse`` gives None where a row is not wanted, and raises ParseError for a bad one. ``name`` says what a row is
        called in messages, by its place and itself; ``array`` tells lists apart whose rows are not parts of the same
        rows.

        Raises:
            ParseError: too many rows are bad.
        """
        kept, n_unwanted = [], 0
        for at, row in enumerate(rows):
            try:
                result = parse(row)
            except ParseError as error:
                self.add((array, at), name(at, row), error)
                continue
            if result is None:
                n_unwanted += 1
            else:
                kept.append(result)
        self.check_share(len(rows) - n_unwanted, is_of_many=is_of_many)
        return kept

    def add(self, place: object, name: str, error: ParseError) -> None:
        """Leave out a row.

        Its ``place`` tells it from other rows: where several lists of a response have parts of one row, it counts once.
        A person finds it by its name, such as ``row 3 (bitcoin)``.
        """
        reason = UNTIMELY if isinstance(error, UntimelyError) else MALFORMED
        message = f"{name}: {error}"
        self._in_list.setdefault(place, reason)
        self._first.setdefault(reason, message)
        if place not in self._reason_of:
            self._reason_of[place] = reason
            if len(self._named) < NAMED:
                self._named.append(message)

    def add_null(self, name: str, error: ParseError) -> None:
        """Record a descriptive field that is read as null."""
        self._nulls.append(f"{name}: {error}")

    @property
    def places(self) -> list[object]:
        """Places of the bad rows."""
        return list(self._reason_of)

    @property
    def count(self) -> int:
        """Number of bad rows."""
        return len(self._reason_of)

    def check_share(self, n_rows: int, *, is_of_many: bool = False) -> None:
        """Check the share of bad rows at the end of a list.

        ``n_rows`` counts bad ones too. Where each row is about something else (``is_of_many``) the only row may be bad;
        a history of one thing of which nothing is left is no history.

        Raises:
            ParseError: too many rows are bad; the message names the first error and the share.
        """
        counts = Counter(self._in_list.values())
        n_malformed, n_untimely = counts[MALFORMED], counts[UNTIMELY]
        is_nothing_left = n_malformed > 0 and n_malformed + n_untimely == n_rows and not is_of_many
        if is_nothing_left or n_malformed > max(1, MALFORMED_SHARE * n_rows):
            raise ParseError(
                f"{n_malformed:,} of {n_rows:,} {self._unit} are malformed, more than {MALFORMED_SHARE:.0%}; the "
                f"first: {self._first[MALFORMED]}"
            )
        if n_untimely > max(is_of_many, UNTIMELY_SHARE * n_rows):
            raise ParseError(
                f"{n_untimely:,} of {n_rows:,} {self._unit} have an impossible time, more than half; the first: "
                f"{self._first[UNTIMELY]}"
            )
        self._in_list.clear()
        self._first.clear()

    def log(self, n_rows: int | None = None) -> None:
        """Warn of bad rows, if there are any, and count them for the caller (``counting_left_out``).

        ``n_rows`` are those of the response, bad ones included, where that is one number.
        """
        if self._reason_of:
            of_rows = "" if n_rows is None else f" of {n_rows:,}"
            named = _listed(self._named, self.count)
            logger.warning("%s: %s%s %s left out: %s", self._what, self.count, of_rows, self._unit, named)
            if (counts := _counts.get()) is not None:
                counts.update(self._reason_of.values())
        if self._nulls:
            n_nulls = len(self._nulls)
            logger.warning("%s: %d values read as null: %s", self._what, n_nulls, _listed(self._nulls[:NAMED], n_nulls))


def refuse_empty(rows: Sequence[object], what: str) -> None:
    """Refuse a list without a single good row, where the service always lists something.

    Raises:
        ParseError: it is empty.
    """
    if not rows:
        raise ParseError(f"an empty {what}")


@contextmanager
def counting_left_out() -> Iterator[Counter[str]]:
    """Count the rows left out within the block, by reason; those of a nested block are counted in both."""
    counts: Counter[str] = Counter()
    outer = _counts.get()
    try:
        with _counting_in(_outermost, counts if outer is None else _outermost.get()), _counting_in(_counts, counts):
            yield counts
    finally:
        if outer is not None:
            outer.update({reason: count for reason, count in counts.items() if reason != OF_LIST})


@contextmanager
def counting_for_all() -> Iterator[None]:
    """Count the rows left out within the block in the outermost block only: those of a list that others use, too.

    Which question such a row concerns is said by `count_of_list`.
    """
    with _counting_in(_counts, _outermost.get()):
        yield


def count_of_list(n_rows: int) -> None:
    """Count rows for the caller that were left out of a list which others use, too; blocks around it know of them."""
    counts = _counts.get()
    if n_rows and counts is not None and counts is not _outermost.get():
        counts[OF_LIST] += n_rows


@contextmanager
def _counting_in(variable: ContextVar[Counter[str] | None], counts: Counter[str] | None) -> Iterator[None]:
    token = variable.set(counts)
    try:
        yield
    finally:
        variable.reset(token)


def _listed(named: Sequence[str], count: int) -> str:
    more = count - len(named)
    return "; ".join(named) + (f"; and {more} more" if more else "")
