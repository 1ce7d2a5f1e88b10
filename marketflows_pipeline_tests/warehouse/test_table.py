"""Tables for people: they fit the page, and say what they leave out."""

from __future__ import annotations

import os
import sys

import pytest
from rich.cells import cell_len

from marketflows_pipeline.warehouse import table
from marketflows_pipeline.warehouse.table import PAGE_WIDTH, table_text

ROWS = [["bitcoin", "1,234,567.50", "a text of several words " * 4], ["東京", "-2", "short"]]


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "page_width", lambda: 40)


def test_what_fits_is_as_wide_as_it_has_to_be() -> None:
    text = table_text(["coin", "volume 24 h (BTC)"], [False, True], [row[:2] for row in ROWS])
    assert text.splitlines() == [
        "coin     volume 24 h (BTC)",
        "──────────────────────────",
        "bitcoin       1,234,567.50",
        "東京                    -2",
    ]


@pytest.mark.usefixtures("narrow")
def test_headers_and_texts_are_wrapped_and_numbers_never() -> None:
    """Lines of 200 characters once ran over each other in a terminal of 80."""
    lines = table_text(["coin", "volume 24 h (BTC)", "note"], [False, True, False], ROWS).splitlines()
    assert max(map(cell_len, lines)) <= 40
    assert any("1,234,567.50" in line for line in lines)
    words = " ".join(lines).split()
    assert words.count("several") == 4
    assert {"volume", "(BTC)", "note"} <= set(words)


@pytest.mark.usefixtures("narrow")
def test_columns_without_a_place_are_named() -> None:
    rows = [[*row, "1,000,000,000"] for row in ROWS]
    text = table_text(["coin", "volume", "note", "cap (USD)"], [False, True, False, True], rows)
    assert text.endswith("\nToo wide to be shown: cap (USD); --format csv has every column.\n")
    assert "1,000,000,000" not in text


@pytest.mark.usefixtures("narrow")
def test_one_column_that_is_wider_than_the_page_is_folded() -> None:
    assert "".join(table_text(["n"], [True], [["9" * 50]]).split()).endswith("9" * 50)


def test_the_page_is_the_terminal_and_else_of_one_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "72")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert table.page_width() == 72
    with open(os.devnull, "w") as pipe:  # noqa: PTH123
        monkeypatch.setattr(sys, "stdout", pipe)
        assert table.page_width() == PAGE_WIDTH
