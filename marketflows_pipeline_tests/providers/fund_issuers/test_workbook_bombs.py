"""Workbooks made in bad faith are refused in one line, in little memory."""

from __future__ import annotations

import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from subprocess import run
from zipfile import ZIP_STORED, ZipFile

import pytest

from marketflows_pipeline.providers.fund_issuers import grids, workbooks
from marketflows_pipeline.providers.fund_issuers.spreadsheetml import spreadsheetml_sheet
from marketflows_pipeline.providers.fund_issuers.workbooks import xlsx_sheets
from marketflows_pipeline.providers.http.responses import FailedResponseError, ParseError
from marketflows_pipeline_tests.fakes.fund_issuers.workbook_bombs import HARMLESS_XLSX, SPREADSHEETML, XLSX, book

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
IN_LITTLE_MEMORY = """
import resource
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
from marketflows_pipeline.providers.http.responses import ParseError
from marketflows_pipeline.providers.fund_issuers.spreadsheetml import spreadsheetml_sheet
from marketflows_pipeline.providers.fund_issuers.workbooks import xlsx_sheets
from marketflows_pipeline_tests.fakes.fund_issuers.workbook_bombs import SPREADSHEETML, XLSX

for name in ("one cell far away", "wide rows to the limit", "a million cells that show one long text"):
    try:
        xlsx_sheets(XLSX[name]())
    except ParseError as fault:
        print(fault)
for name in ("blanks to the limit", "a row of three million cells", "ampersands without end"):
    try:
        spreadsheetml_sheet(SPREADSHEETML[name](), "Historical")
    except ParseError as fault:
        print(fault)
"""


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit at which the tests need not wait for a million cells."""
    monkeypatch.setattr(grids, "MAX_CELLS", 20_000)


@pytest.mark.parametrize("make", [pytest.param(make, id=name) for name, make in XLSX.items()])
def test_a_workbook_made_in_bad_faith_is_refused_in_one_line(make: Callable[[], bytes]) -> None:
    """A workbook of 1.4 KB with one cell at SF1048576 took 16 GB, and the process was killed."""
    with pytest.raises((ParseError, FailedResponseError)) as fault:
        xlsx_sheets(make())

    assert len(str(fault.value)) < 300
    assert str(fault.value).isprintable()


@pytest.mark.parametrize("make", [pytest.param(make, id=name) for name, make in HARMLESS_XLSX.items()])
def test_what_is_odd_but_small_is_read_as_what_it_holds(make: Callable[[], bytes]) -> None:
    grid = xlsx_sheets(make())["navhist"]

    assert sum(map(len, grid)) <= 70_000


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("make", [pytest.param(make, id=name) for name, make in SPREADSHEETML.items()])
def test_a_document_made_in_bad_faith_is_refused_in_one_line(make: Callable[[], bytes]) -> None:
    """65,536 rows with a cell at column 256 each were 16 million blanks."""
    with pytest.raises((ParseError, FailedResponseError)) as fault:
        spreadsheetml_sheet(make(), "Historical")

    assert len(str(fault.value)) < 300
    assert str(fault.value).isprintable()


def test_the_worst_are_refused_within_a_gigabyte_of_memory() -> None:
    """The limit on memory makes a reader fail here that would take what the machine has."""
    outcome = run([sys.executable, "-c", IN_LITTLE_MEMORY], cwd=ROOT, capture_output=True, text=True, check=False)

    assert outcome.returncode == 0, outcome.stderr[-2000:]
    assert len(outcome.stdout.splitlines()) == 6


def test_a_workbook_as_large_as_any_that_is_asked_for_is_read() -> None:
    """The history of a trust over twenty years has 80,000 cells, and may have ten times that."""
    row = "<row>" + "".join(f"<c><v>{at}</v></c>" for at in range(15)) + "</row>"

    assert len(xlsx_sheets(book(row * 6_000))["navhist"]) == 6_000


def test_the_reader_cannot_take_more_than_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a workbook does to the library that reads it, the run goes on."""
    monkeypatch.setattr(workbooks, "MEMORY_BYTES", 1 << 20)

    with pytest.raises(ParseError, match="an Excel workbook that"):
        xlsx_sheets(book("<row><c><v>1</v></c></row>" * 200_000))


def test_a_part_that_ends_before_its_size_is_worth_asking_again() -> None:
    content = bytearray(book("<row/>"))
    with ZipFile(BytesIO(content), "a") as parts:
        assert all(part.compress_type != ZIP_STORED for part in parts.infolist())
    at = content.index(b"xl/worksheets/sheet0.xml") + 40
    content[at : at + 20] = b"\xff" * 20

    with pytest.raises(FailedResponseError, match="truncated"):
        xlsx_sheets(bytes(content))
