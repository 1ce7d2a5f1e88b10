"""Reading closes out of CSV, each file made to be checked by eye."""

from __future__ import annotations

import logging
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.errors import BadResponseError
from marketflows_pipeline.providers.http.responses import FailedResponseError, ParseError
from marketflows_pipeline.providers.protocols.cross_asset import VOLATILITY_SCHEMA
from marketflows_pipeline.providers.volatility.client import Cboe, Fred
from marketflows_pipeline.providers.volatility.csv_parser import Layout, read_closes

CBOE, FRED = Cboe.layout("VIX"), Fred.layout("VIXCLS")
LAST = date(2026, 9, 17)
HEADER = "DATE,OPEN,HIGH,LOW,CLOSE\n"


def closes(text: str, layout: Layout = CBOE, last: date = LAST) -> list[tuple[date, float]]:
    """The closes in a file that is asked for an hour before the session after `last` opens."""
    now = datetime.combine(last + timedelta(days=1), time(12, 30), UTC)
    frame = read_closes(text, layout, index_name="VIX", source="test:file", now=now)
    assert frame.schema == VOLATILITY_SCHEMA
    assert set(frame["index_name"]) <= {"VIX"}
    assert set(frame["source"]) <= {"test:file"}
    return frame.select("session", "close").rows()


def test_american_dates_and_the_last_column_are_read() -> None:
    text = HEADER + "01/02/1990,17.000000,18.000000,16.000000,17.240000\n12/11/2025,15.0,16.0,14.0,15.250000\n"

    assert closes(text) == [(date(1990, 1, 2), 17.24), (date(2025, 12, 11), 15.25)]


@pytest.mark.parametrize(
    "text",
    [
        HEADER + "09/16/2026,1,1,1,20.5\n",
        "\ufeff" + HEADER + "09/16/2026,1,1,1,20.5\n",
        HEADER.replace("\n", "\r\n") + "09/16/2026,1,1,1,20.5\r\n",
        "New methodology,,,,\n\n" + HEADER + "09/16/2026,1,1,1,20.5\n",
        "Date,VIX Open,VIX High,VIX Low,VIX Close\n9/16/2026,1,1,1,20.5\n",
        " Date , Open , Close \n 09/16/2026 , 1 , 20.5 \n\n\n",
        HEADER + '"09/16/2026","1","1","1","20.5"\n',
    ],
    ids=["plain", "marked as UTF-8", "Windows lines", "preamble", "old names", "blanks", "quotes"],
)
def test_the_header_is_found_however_it_is_dressed(text: str) -> None:
    assert closes(text) == [(date(2026, 9, 16), 20.5)]


@pytest.mark.parametrize("header", ["observation_date,VIXCLS", "DATE,VIXCLS", "DATE,VALUE"])
def test_fred_s_dots_and_blanks_are_missing_and_left_out(header: str) -> None:
    text = f"{header}\n2026-09-04,15.10\n2026-09-07,.\n2026-09-08,\n2026-09-09,16.20\n"

    assert closes(text, FRED) == [(date(2026, 9, 4), 15.1), (date(2026, 9, 9), 16.2)]


def test_of_two_rows_of_one_session_the_later_counts_and_the_order_is_by_session() -> None:
    text = HEADER + "09/16/2026,1,1,1,20.5\n09/15/2026,1,1,1,19.5\n09/16/2026,1,1,1,20.7\n"

    assert closes(text) == [(date(2026, 9, 15), 19.5), (date(2026, 9, 16), 20.7)]


def test_a_session_that_is_not_over_is_left_out() -> None:
    text = HEADER + "09/17/2026,1,1,1,20.5\n09/18/2026,1,1,1,21.5\n"

    assert closes(text) == [(date(2026, 9, 17), 20.5)]


def test_a_close_that_cannot_be_is_left_out_and_told(caplog: pytest.LogCaptureFixture) -> None:
    text = HEADER + "09/11/2026,1,1,1,-1\n09/14/2026,1,1,1,0\n09/15/2026,1,1,1,0.0\n09/16/2026,1,1,1,20.5\n"

    with caplog.at_level(logging.WARNING):
        assert closes(text) == [(date(2026, 9, 16), 20.5)]
    assert "3 sessions left out" in caplog.text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "hello\nworld\n",
            "no header with date and close/vix close in the first 10 lines, which begin 'hello | world'",
        ),
        ("\n" * 10 + HEADER, "no header"),
        ("DATE,OPEN\n09/16/2026,1\n", "no header"),
        (HEADER, "an empty table"),
    ],
)
def test_another_layout_is_refused(text: str, message: str) -> None:
    with pytest.raises(ParseError, match=message):
        closes(text)


@pytest.mark.parametrize(
    "tail", ["09/17", "09/17/2026,1.00,1.00,1.00", "09/17/2026,1.00,1.00,1.00,2", "09/17/2026,1.00,1.00,1.00,20.5"]
)
def test_a_file_that_ends_within_a_line_is_worth_asking_again(tail: str) -> None:
    text = HEADER + "09/16/2026,1.00,1.00,1.00,20.50\n" + tail

    with pytest.raises(FailedResponseError, match="truncated in line 3") as refused:
        closes(text)
    assert refused.value.classification.kind is BadResponseError


def test_a_last_line_with_too_few_cells_is_cut_off_also_where_there_are_no_decimals() -> None:
    with pytest.raises(FailedResponseError, match="truncated in line 3"):
        closes(HEADER + "09/16/2026,1,1,1,20\n09/17/2026,1,1")


def test_a_whole_last_line_needs_no_line_end() -> None:
    text = HEADER + "09/16/2026,1.00,1.00,1.00,20.50\n09/17/2026,1.00,1.00,1.00,21.50"

    assert closes(text)[-1] == (date(2026, 9, 17), 21.5)


days = st.dates(date(1990, 1, 2), LAST)


@given(st.dictionaries(days, st.integers(500, 9000), min_size=1, max_size=30))
def test_what_is_written_is_read(written: dict[date, int]) -> None:
    rows = "".join(
        f"{day.month:02}/{day.day:02}/{day.year},1,1,1,{cents / 100:.6f}\n" for day, cents in written.items()
    )

    assert closes(HEADER + rows) == [(day, cents / 100) for day, cents in sorted(written.items())]


@given(st.dictionaries(days, st.integers(500, 9000), min_size=3, max_size=8), st.integers(1, 400))
def test_a_shorter_file_never_gives_a_close_that_was_not_written(written: dict[date, int], length: int) -> None:
    rows = "".join(
        f"{day.month:02}/{day.day:02}/{day.year},1,1,1,{cents / 100:.6f}\n" for day, cents in sorted(written.items())
    )
    whole = HEADER + rows
    cut = whole[: max(len(HEADER) + 35, len(whole) - length)]

    try:
        found = closes(cut, last=LAST + timedelta(days=1))
    except (FailedResponseError, ParseError):
        return
    assert set(found) <= {(day, cents / 100) for day, cents in written.items()}


def test_a_quotation_mark_that_nothing_closes_costs_its_own_line(caplog: pytest.LogCaptureFixture) -> None:
    """It swallowed every line below it, and a first answer was stored as a history that ended there."""
    lines = [f"09/{day:02d}/2026,1,1,1,20.5\n" for day in (8, 9, 10, 11)]
    lines[1] = '09/09/2026,"1,1,1,20.5\n'

    found = closes(HEADER + "".join(lines))

    assert [session.day for session, _ in found] == [8, 10, 11]
    assert "1 of 4 rows left out: line 3: 2 cells, the header has 5" in caplog.text
