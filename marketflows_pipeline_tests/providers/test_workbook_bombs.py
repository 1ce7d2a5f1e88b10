"""Workbooks made in bad faith are refused in one line, in little memory."""

from __future__ import annotations

import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from subprocess import run
from zipfile import ZIP_STORED, ZipFile

import pytest

from marketflows_pipeline.providers import grids, workbooks
from marketflows_pipeline.providers.faults import RefusedError, ShapeError
from marketflows_pipeline.providers.spreadsheetml import spreadsheetml_sheet
from marketflows_pipeline.providers.workbooks import xlsx_sheets
from marketflows_pipeline_tests.fakes.workbook_bombs import SPREADSHEETML, XLSX, book

ROOT = Path(__file__).parents[2]
IN_LITTLE_MEMORY = """
import resource
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
from marketflows_pipeline.providers.faults import ShapeError
from marketflows_pipeline.providers.spreadsheetml import spreadsheetml_sheet
from marketflows_pipeline.providers.workbooks import xlsx_sheets
from marketflows_pipeline_tests.fakes.workbook_bombs import SPREADSHEETML, XLSX

for name in ("one cell far away", "wide rows to the limit", "a million cells that show one long text"):
    try:
        xlsx_sheets(XLSX[name]())
    except ShapeError as fault:
        print(fault)
for name in ("blanks to the limit", "a row of three million cells", "ampersands without end"):
    try:
        spreadsheetml_sheet(SPREADSHEETML[name](), "Historical")
    except ShapeError as fault:
        print(fault)
"""


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits at which the tests need not wait for a million cells."""
    monkeypatch.setattr(grids, "MAX_CELLS", 20_000)
    monkeypatch.setattr(workbooks, "MAX_CELLS", 20_000)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("make", [pytest.param(make, id=name) for name, make in XLSX.items()])
def test_a_workbook_made_in_bad_faith_is_refused_in_one_line(make: Callable[[], bytes]) -> None:
    """A workbook of 1.4 KB with one cell at SF1048576 took 16 GB, and the process was killed."""
    with pytest.raises((ShapeError, RefusedError)) as fault:
        xlsx_sheets(make())

    assert len(str(fault.value)) < 300
    assert str(fault.value).isprintable()


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("make", [pytest.param(make, id=name) for name, make in SPREADSHEETML.items()])
def test_a_document_made_in_bad_faith_is_refused_in_one_line(make: Callable[[], bytes]) -> None:
    """65,536 rows with a cell at column 256 each were 16 million blanks."""
    with pytest.raises((ShapeError, RefusedError)) as fault:
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


def test_kinds_of_cells_are_shown_as_excel_shows_them() -> None:
    cells = [
        '<c t="s"><v>1</v></c>',
        '<c t="s"><v>7</v></c>',
        '<c t="inlineStr"><is><r><t>in</t></r><r><t>line</t></r></is></c>',
        '<c t="str"><f>A1</f><v> formula </v></c>',
        '<c t="b"><v>1</v></c>',
        '<c t="e"><v>#N/A</v></c>',
        '<c t="d"><v>2026-01-05T00:00:00</v></c>',
        '<c s="1"><v>46027.75</v></c>',
        '<c s="2"><v>46027</v></c>',
        '<c s="3"><v>1.5E-3</v></c>',
        '<c s="1"><v>soon</v></c>',
        "<c/>",
        '<c r="N1"><v>7</v></c>',
    ]
    styles = (
        b'<styleSheet><numFmts><numFmt numFmtId="164" formatCode="dd\\-mmm\\-yyyy"/>'
        b'<numFmt numFmtId="165" formatCode="[Red]0.00&quot;days&quot;"/></numFmts>'
        b'<cellStyleXfs><xf numFmtId="14"/></cellStyleXfs>'
        b'<cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/><xf numFmtId="165"/></cellXfs></styleSheet>'
    )
    texts = b"<si><t>zero</t></si><si><r><t>ri</t></r><r><t>ch </t></r><rPh><t>spoken</t></rPh></si>"

    content = book("<row>" + "".join(cells) + "</row>", texts=texts, extra={"xl/styles.xml": styles})

    assert xlsx_sheets(content)["navhist"] == [
        ["rich", "", "inline", "formula", "True", "#N/A", *["2026-01-05"] * 3, "1.5E-3", "soon", "", "", "7"]
    ]


def test_a_part_that_ends_before_its_size_is_worth_asking_again() -> None:
    content = bytearray(book("<row/>"))
    with ZipFile(BytesIO(content), "a") as parts:
        assert all(part.compress_type != ZIP_STORED for part in parts.infolist())
    at = content.index(b"xl/worksheets/sheet0.xml") + 40
    content[at : at + 20] = b"\xff" * 20

    with pytest.raises(RefusedError, match="cut off"):
        xlsx_sheets(bytes(content))
