"""Records of a JSON document as a grid of text, so that they are read and checked as the rows of a sheet are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain

from marketflows_pipeline.providers.fund_issuers.grids import MAX_COLUMNS, MAX_ROWS, Grid
from marketflows_pipeline.providers.http.responses import ParseError
from marketflows_pipeline.providers.parsing import described


def record_grid(records: Sequence[object]) -> Grid:
    """A header with the keys of all records, and a row of texts for each.

    Null, and a key that a record lacks, are empty text. What is no record is a blank row, as a notice below a table is.
    What is no text or number is described, so that it is read as neither a date nor a figure.

    Raises:
        ParseError: there are too many records or keys.
    """
    if len(records) >= MAX_ROWS:
        raise ParseError(f"{len(records):,} rows, beyond the {MAX_ROWS:,} that a history may have")
    names = list(dict.fromkeys(chain.from_iterable(record for record in records if isinstance(record, Mapping))))
    if len(names) > MAX_COLUMNS:
        raise ParseError(f"{len(names):,} different keys, beyond the {MAX_COLUMNS} that rows may have")
    return [names, *([_cell(record, name) for name in names] for record in records)]


def _cell(record: object, name: str) -> str:
    match record.get(name) if isinstance(record, Mapping) else None:
        case None:
            return ""
        case str() as text:
            return text
        case int() | float() as number if not isinstance(number, bool):
            return repr(number)
        case other:
            return described(other)
