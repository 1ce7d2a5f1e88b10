"""Cells out of workbooks that others made, some of them badly or in bad faith."""

from __future__ import annotations

import tracemalloc
from datetime import UTC, date, datetime
from io import BytesIO
from typing import Any
from zipfile import ZIP_DEFLATED, ZipExtFile, ZipFile

import pytest

from marketflows_pipeline.providers.fund_issuers import spreadsheetml
from marketflows_pipeline.providers.fund_issuers.spreadsheetml import read_xml, spreadsheetml_sheet
from marketflows_pipeline.providers.fund_issuers.workbooks import MAX_UNPACKED_BYTES, PROLOGUE_BYTES, xlsx_sheets
from marketflows_pipeline.providers.http.responses import FailedResponseError, ParseError
from marketflows_pipeline_tests.fakes.fund_issuers.fund_history import (
    BOMB,
    Row,
    fund_document,
    make_rows,
    navhist,
    weekdays,
    with_bomb,
    workbook,
)

TODAY = date(2026, 11, 20)
HEAD = b'<?xml version="1.0"?><ss:Workbook xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet">'
TAIL = b"</ss:Workbook>"


def document(table: str, name: str = "Historical", prologue: bytes = b"") -> bytes:
    sheet = f'<ss:Worksheet ss:Name="{name}"><ss:Table>{table}</ss:Table></ss:Worksheet>'.encode()
    return HEAD.replace(b"?>", b"?>" + prologue) + sheet + TAIL


def row(*cells: str, at: str = "") -> str:
    return f"<ss:Row{at}>" + "".join(cells) + "</ss:Row>"


def cell(text: str, at: str = "") -> str:
    return f'<ss:Cell{at}><ss:Data ss:Type="String">{text}</ss:Data></ss:Cell>'


def test_cells_of_a_workbook_are_text_and_rows_keep_their_numbers() -> None:
    book = workbook(
        {
            "first": [
                [],
                ["Date", "NAV"],
                [date(2026, 1, 2), 767.436258],
                [datetime(2026, 1, 5, 16, 0, tzinfo=UTC).replace(tzinfo=None), 818687275737.58],
            ],
            "second": [["a", None, "c"]],
        }
    )

    sheets = xlsx_sheets(book)

    assert [list(cells) for cells in sheets["first"]] == [
        ["", ""],
        ["Date", "NAV"],
        ["2026-01-02", "767.436258"],
        ["2026-01-05", "818687275737.58"],
    ]
    assert [list(cells) for cells in sheets["second"]] == [["a", "", "c"]]


def test_a_workbook_that_is_cut_off_is_worth_asking_again() -> None:
    book = workbook({"sheet": [["a"]]})

    with pytest.raises(FailedResponseError, match=r"truncated: .* bytes of an Excel workbook") as refused:
        xlsx_sheets(book[: len(book) // 2])

    assert refused.value.classification.is_transient


@pytest.mark.parametrize("content", [b"%PDF-1.7 gold bar list", b'{"error": "no such fund"}', b"Date,NAV\n"])
def test_what_is_no_workbook_is_shown_as_what_it_is(content: bytes) -> None:
    with pytest.raises(ParseError, match="expected an Excel workbook, found") as fault:
        xlsx_sheets(content)

    assert content.decode().split()[0].strip("'") in str(fault.value)


def test_a_zip_that_is_no_workbook_is_refused() -> None:
    file = BytesIO()
    with ZipFile(file, "w") as parts:
        parts.writestr("readme.txt", "hello")

    with pytest.raises(ParseError, match="an Excel workbook that cannot be read"):
        xlsx_sheets(file.getvalue())


def test_a_workbook_that_declares_entities_is_refused() -> None:
    with pytest.raises(ParseError, match=r"xl/worksheets/sheet1\.xml declares a document type"):
        xlsx_sheets(with_bomb(workbook({"sheet": [["a"]]})))


@pytest.mark.slow
def test_a_workbook_that_unpacks_to_too_much_is_refused_unread() -> None:
    file = BytesIO()
    with ZipFile(file, "w", ZIP_DEFLATED) as parts, parts.open("xl/worksheets/sheet1.xml", "w") as part:
        for _ in range(MAX_UNPACKED_BYTES // (1 << 20) + 1):
            part.write(bytes(1 << 20))

    with pytest.raises(ParseError, match="unpacks to 135,"):
        xlsx_sheets(file.getvalue())


def test_ampersands_that_begin_no_entity_are_taken_as_they_are_meant() -> None:
    table = row(cell("AT&T"), cell("a&amp;b"), cell("&lt;&#65;&#x42;"), cell("x & y;"), cell("&nbsp;&copy"))

    assert spreadsheetml_sheet(document(table), "Historical") == [["AT&T", "a&b", "<AB", "x & y;", "&nbsp;&copy"]]


def test_a_cell_that_says_its_place_skips_those_before_it() -> None:
    table = row(cell("a"), cell("c", ' ss:Index="3"'), cell("d")) + row(cell("wide", ' ss:MergeAcross="2"'), cell("e"))

    assert spreadsheetml_sheet(document(table), "Historical") == [["a", "", "c", "d"], ["wide", "", "", "e"]]


def test_a_row_that_says_its_place_skips_those_before_it() -> None:
    table = row(cell("1")) + row(cell("4"), at=' ss:Index="4"') + row("<ss:Cell/>", cell("5"))

    assert spreadsheetml_sheet(document(table), "Historical") == [["1"], [], [], ["4"], ["", "5"]]


@pytest.mark.parametrize(
    "table",
    [
        row(cell("a"), cell("b", ' ss:Index="99999999"')),
        row(cell("a", ' ss:MergeAcross="-1"')),
        row(cell("a"), at=' ss:Index="16777216"'),
        row(cell("a"), cell("b"), cell("c", ' ss:Index="2"')),
        row(cell("a"), at=' ss:Index="soon"'),
    ],
)
def test_a_place_that_cannot_be_is_refused(table: str) -> None:
    with pytest.raises(ParseError, match=r"ss:|beyond"):
        spreadsheetml_sheet(document(table), "Historical")


def test_byte_order_marks_and_faults_of_other_sheets_do_no_harm() -> None:
    rows = [Row(date(2026, 1, 5), 10.5, 100_000), Row(date(2026, 1, 6), 10.75, None)]

    assert spreadsheetml_sheet(fund_document("A & B", rows), "Historical") == [
        ["As Of", "NAV per Share", "Ex-Dividends", "Shares Outstanding"],
        ["Jan 06, 2026", "10.75", "--", "--"],
        ["Jan 05, 2026", "10.5", "--", "100000"],
    ]
    sparse = spreadsheetml_sheet(fund_document("A & B", rows, has_sparse_cells=True), "Historical")
    assert sparse[1:] == [["Jan 06, 2026", "10.75"], ["Jan 05, 2026", "10.5", "", "100000"]]


@pytest.mark.parametrize(
    "prologue",
    [
        BOMB,
        b"<!DOCTYPE x>",
        b'<!DOCTYPE x SYSTEM "file:///etc/passwd">',
        b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>',
    ],
)
def test_a_document_that_declares_a_type_is_refused(prologue: bytes) -> None:
    with pytest.raises(ParseError, match="declares a document type or entities of its own, which is refused"):
        spreadsheetml_sheet(document(row(cell("&c;")), prologue=prologue), "Historical")


def test_a_document_that_is_cut_off_is_worth_asking_again() -> None:
    whole = fund_document("A", [Row(date(2026, 1, 5), 10.5, 100_000)])

    for end in (len(whole) // 2, len(whole) - 3):
        with pytest.raises(
            FailedResponseError, match=r"truncated: .* bytes of a SpreadsheetML workbook without its end"
        ):
            spreadsheetml_sheet(whole[:end], "Historical")


def test_a_document_without_the_sheet_says_which_it_has() -> None:
    with pytest.raises(ParseError, match="expected a sheet `Historical`, found Holdings"):
        spreadsheetml_sheet(document("", "Holdings"), "Historical")
    with pytest.raises(ParseError, match=r"expected a SpreadsheetML workbook, found '\{.status.: 400\}'"):
        spreadsheetml_sheet(b'{"status": 400}', "Historical")


def test_a_sheet_that_is_not_well_formed_says_where() -> None:
    with pytest.raises(ParseError, match=r"sheet `Historical` is not well-formed XML: .*line 1, column"):
        spreadsheetml_sheet(document("<ss:Row><ss:Cell></ss:Row>"), "Historical")


@pytest.mark.slow
def test_of_the_largest_document_only_the_sheet_is_parsed_in_little_more_memory_than_it_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """This once asserted that it took less than 3 s, and failed on a busy machine."""
    rows = make_rows(1, weekdays(TODAY, 6_600), nav=90.0, baskets=10_000)
    content = fund_document("A", rows, holdings=30_000)
    start = content.index(b'<ss:Worksheet ss:Name="Historical">')
    sheet_bytes = content.index(b"</ss:Worksheet>", start) - start
    while len(content) < 9_000_000:
        content = content.replace(
            b'<ss:Worksheet ss:Name="Historical">',
            b"<!-- and & more -->" * 60_000 + b'<ss:Worksheet ss:Name="Historical">',
        )
    parsed: list[int] = []

    def counted(document: bytes, rows: Any, what: str) -> None:
        parsed.append(len(document))
        read_xml(document, rows, what)

    monkeypatch.setattr(spreadsheetml, "read_xml", counted)

    tracemalloc.start()
    grid = spreadsheetml_sheet(content, "Historical")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(grid) == 6_601
    assert sheet_bytes < sum(parsed) < sheet_bytes + 1_000
    assert peak < 3 * len(content)


@pytest.mark.slow
def test_a_workbook_is_searched_for_attacks_at_the_beginning_of_its_parts_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    book = navhist("spy", make_rows(1, weekdays(TODAY, 5_900), nav=90.0, baskets=10_000))
    wanted: list[int] = []

    class Watched(ZipExtFile):
        def read(self, n: int | None = -1) -> bytes:
            content = super().read(n)
            wanted.append(len(content))
            return content

    monkeypatch.setattr("zipfile.ZipExtFile", Watched)

    assert len(xlsx_sheets(book)["navhist"]) == 4 + 5_900 + 4
    assert wanted
    assert max(wanted) <= PROLOGUE_BYTES
