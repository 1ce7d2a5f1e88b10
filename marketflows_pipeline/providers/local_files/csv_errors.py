"""What a CSV file of the user's is, where it is not the one that was expected: in words that say what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.providers.http.responses import one_line

_SAVE_ANEW = "save it as CSV in UTF-8"
_BEGINNINGS = {
    b"\xff\xfe": "text in UTF-16",
    b"\xfe\xff": "text in UTF-16",
    b"PK\x03\x04": "a workbook or ZIP archive",
    b"\xd0\xcf\x11\xe0": "a workbook of an older Excel",
    b"\x1f\x8b": "a gzip archive",
    b"PAR1": "a Parquet file, whose name would end in .parquet",
}
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}
_DECIMAL_COMMA = re.compile(r"[+-]?\d[\d.\s']*,\d+|[+-]?\d{1,3}(,\d{3})+(\.\d+)?")
_SHOWN = 60


def refuse_what_is_no_csv(file: Path) -> None:
    """Go on only if a file begins like text in UTF-8.

    Raises:
        UserInputError: saying what it is instead.
    """
    with file.open("rb") as opened:
        beginning = opened.read(1 << 12)
    for mark, what in _BEGINNINGS.items():
        if beginning.startswith(mark):
            raise UserInputError(f"{file}: expected CSV in UTF-8, found {what}; {_SAVE_ANEW}")
    if b"\0" in beginning:
        raise UserInputError(f"{file}: expected CSV in UTF-8, found bytes of 0, as in UTF-16; {_SAVE_ANEW}")
    if beginning.lstrip()[:1] == b"<":
        raise UserInputError(f"{file}: expected CSV, found a web page or XML; fetch the file itself")


def no_text(file: Path, error: UnicodeDecodeError) -> UserInputError:
    """The fault of a file with bytes that are no UTF-8, such as umlauts of an older Windows."""
    return UserInputError(
        f"{file}: expected CSV in UTF-8, found the byte 0x{error.object[error.start]:02x}; {_SAVE_ANEW}"
    )


def filled(rows: Iterator[list[str]]) -> Iterator[list[str]]:
    """The rows in which something stands."""
    return (row for row in rows if any(cell.strip() for cell in row))


def refuse_what_is_no_header(file: Path, line: int, names: Sequence[str]) -> None:
    """Go on only if a first line can be the names of columns with commas between them.

    Raises:
        UserInputError: saying what it is instead.
    """
    first = names[0].strip() if names else ""
    where = f"{file}, line {line}: expected the names of the columns"
    if first.startswith("#"):
        raise UserInputError(f"{where}, found a comment, {_quoted(first)}; take it out")
    if first.lower().startswith("sep="):
        raise UserInputError(f"{where}, found {_quoted(first)}; take the line out, and separate columns by commas")
    if len(names) == 1 and "," in first:
        raise UserInputError(f"{where}, found all of them within one pair of quotes, {_quoted(first)}")
    for sign, separators in _SEPARATORS.items():
        if any(sign in name for name in names):
            raise UserInputError(
                f"{where} with commas between them, found {separators}; save the file with commas, and decimals with "
                "points"
            )


def wrong_length(file: Path, line: int, names: Sequence[str], row: Sequence[str]) -> UserInputError:
    """The fault of a row that has not one value for each column."""
    if len(names) == 1 and not _is_comment(row):
        return UserInputError(
            f"{file}: expected the names of the columns first, found {_quoted(names[0])}; take out what stands above "
            "them"
        )
    return UserInputError(f"{file}, line {line}: {length_problem(names, row)}")


def length_problem(names: Sequence[str], row: Sequence[str]) -> str:
    """What is wrong with a row that has not one value for each column."""
    if _is_comment(row):
        return f"expected values, found a comment, {_quoted(row[0])}; take it out"
    counted = f"expected {len(names)} values, one a column, found {len(row)}"
    if len(row) > len(names):
        return f"{counted}; a comma within a number? Decimals have a point, thousands no sign"
    return counted


def number_hint(found: object) -> str:
    """What to add where a number was expected and one with commas was found."""
    return " (decimals with a point, thousands without a sign)" if _DECIMAL_COMMA.fullmatch(str(found)) else ""


def _quoted(text: str) -> str:
    return repr(one_line(text)[:_SHOWN])


def _is_comment(row: Sequence[str]) -> bool:
    return row[0].strip().startswith("#")
