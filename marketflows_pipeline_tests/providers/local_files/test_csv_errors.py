"""CSV files as spreadsheets and other programs write them: what is told of those that are not as expected."""

from __future__ import annotations

from pathlib import Path

import pytest

from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.providers.local_files.tables import OwnTable, read_file

PLAIN = "date,close,volume\n2026-01-05,1.5,10\n"


def written(folder: Path, content: str | bytes) -> Path:
    file = folder / "SPY.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def read(file: Path) -> OwnTable:
    return read_file(file, required=("date", "close"), optional=("volume",))


def told(folder: Path, content: str | bytes) -> str:
    """What is said of a file, without its folder; whatever is wrong, it is one line and an exit code of 2."""
    file = written(folder, content)
    with pytest.raises(UserInputError) as raised:
        read(file).numbers("close")
    assert raised.value.exit_code == 2
    assert "\n" not in str(raised.value)
    return str(raised.value).removeprefix(f"{folder}/")


@pytest.mark.parametrize(
    "content",
    [
        '"date","close","volume"\n"2026-01-05","1.5","10"\n',
        'date, "close", volume\n2026-01-05, "1.5", 10\n',
        "\ufeffDate,Close,Volume\r\n2026-01-05,1.5,10\r\n",
        "\n\ndate,close,volume\n\n2026-01-05,1.5,10\n,,\n\n",
    ],
)
def test_quotes_blanks_byte_order_marks_and_empty_lines_change_nothing(tmp_path: Path, content: str) -> None:
    """A blank before a quoted name once made it another column."""
    table = read(written(tmp_path, content))
    assert table.numbers("close").to_list() == [1.5]
    assert table.numbers("volume").to_list() == [10]


@pytest.mark.parametrize(("sign", "name"), [(";", "semicolons"), ("\t", "tabs"), ("|", "bars")])
@pytest.mark.parametrize("number", ["1.5", "1,5"])
def test_other_separators_are_named(tmp_path: Path, sign: str, name: str, number: str) -> None:
    """A file of a European spreadsheet was told "expected 1 values, one a column, found 2"."""
    assert told(tmp_path, f"date{sign}close\n2026-01-05{sign}{number}\n") == (
        f"SPY.csv, line 1: expected the names of the columns with commas between them, found {name}; save the file "
        "with commas, and decimals with points"
    )


def test_decimal_commas_between_commas_are_named(tmp_path: Path) -> None:
    assert told(tmp_path, "date,close,volume\n2026-01-05,1,5,10\n") == (
        "SPY.csv, line 2: expected 3 values, one a column, found 4; a comma within a number? Decimals have a point, "
        "thousands no sign"
    )


@pytest.mark.parametrize("number", ["1,5", "1.234,5", "1,234,567", "1,234.5"])
def test_commas_in_quoted_numbers_are_named(tmp_path: Path, number: str) -> None:
    assert told(tmp_path, f'date,close\n2026-01-05,"{number}"\n') == (
        "SPY.csv, line 2, column `close`: expected a number above 0 or an empty cell "
        f"(decimals with a point, thousands without a sign), found '{number}'"
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("# of my broker\n" + PLAIN, "line 1: expected the names of the columns, found a comment, '# of my broker'"),
        ("# a, b; c\n" + PLAIN, "line 1: expected the names of the columns, found a comment"),
        (PLAIN + "# corrected\n", "line 3: expected values, found a comment, '# corrected'; take it out"),
        ("sep=,\n" + PLAIN, "line 1: expected the names of the columns, found 'sep='; take the line out"),
        ("sep=;\ndate;close\n", "line 1: expected the names of the columns, found 'sep=;'; take the line out"),
        ("Prices of SPY\n\n" + PLAIN, "expected the names of the columns first, found 'Prices of SPY'; take out"),
        ('"date,close"\n"2026-01-05,1"\n', "found all of them within one pair of quotes, 'date,close'"),
    ],
)
def test_lines_that_are_no_table_are_shown(tmp_path: Path, content: str, words: str) -> None:
    """A comment above the names of the columns gave "expected 1 values, one a column, found 3" for the line below."""
    assert words in told(tmp_path, content)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (PLAIN.encode("utf-16"), "text in UTF-16; save it as CSV in UTF-8"),
        (PLAIN.encode("utf-16-be"), "bytes of 0, as in UTF-16; save it as CSV in UTF-8"),
        ((PLAIN + "gr\u00f6\u00dfer,1,1\n").encode("latin-1"), "the byte 0xf6; save it as CSV in UTF-8"),
        (b"PK\x03\x04workbook", "a workbook or ZIP archive; save it as CSV in UTF-8"),
        (b"\xd0\xcf\x11\xe0workbook", "a workbook of an older Excel; save it as CSV in UTF-8"),
        (b"\x1f\x8bpacked", "a gzip archive; save it as CSV in UTF-8"),
        (b"\r\n<!doctype html><html>", "a web page or XML; fetch the file itself"),
    ],
)
def test_what_is_no_csv_is_named(tmp_path: Path, content: bytes, what: str) -> None:
    """A file in UTF-16 gave "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"."""
    assert told(tmp_path, content).endswith(f", found {what}")


def test_too_few_values_are_counted(tmp_path: Path) -> None:
    assert told(tmp_path, PLAIN + "2026-01-06\n") == "SPY.csv, line 3: expected 3 values, one a column, found 1"
