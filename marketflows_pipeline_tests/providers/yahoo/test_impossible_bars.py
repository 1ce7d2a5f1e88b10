"""Rows that no session can have: of the user's refused by file, line, column and value, of a service left out."""

from __future__ import annotations

import logging
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.providers.local_files.folder import Folder
from marketflows_pipeline_tests.providers.yahoo.bodies import UTC_ZONE, body, opening, read, stamp

CLOCK = FixedClock(datetime(2026, 10, 20, 12, tzinfo=UTC))
EVER = (date(1900, 1, 1), date(2100, 1, 1))
BARS = "date,open,high,low,close,volume"
RANGE = "expected a price from the low of 9.0 to the high of 12.0"
NO_TRADING = "`date`: expected a day on which New York trades, which no"
NO_DAY = "`shares`: expected a count of shares, which no net assets beside it vouch for; it reads as a day"
CLOSED = "`published_at`: expected a time after the session's close at 16:00 in New York"


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path, clock=CLOCK, universe={"SPY": "SPY", "BTC": "BTC-USD"}, funds=["SPY"])


def write(folder: Path, name: str, *lines: str) -> None:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("header", "row", "said"),
    [
        (BARS, "2026-10-09,10,12,9,12.5,1", f"`close`: {RANGE}, found '12.5'"),
        (BARS, "2026-10-09,8,12,9,10,1", f"`open`: {RANGE}, found '8'"),
        (BARS, "2026-10-10,10,12,9,11,1", f"{NO_TRADING} Saturday is, found '2026-10-10'"),
        (BARS, "2026-10-11,10,12,9,11,1", f"{NO_TRADING} Sunday is, found '2026-10-11'"),
        (f"{BARS},currency", "2026-10-09,10,12,9,11,1,EUR", "`currency`: expected USD, found 'EUR'"),
    ],
)  # fmt: skip
def test_a_bar_that_cannot_be_is_refused_with_its_line_column_and_value(
    folder: Folder, tmp_path: Path, header: str, row: str, said: str
) -> None:
    """A close outside its range gave a CMF of -3, and prices in euros were taken for dollars."""
    sound = "2026-10-08,10,12,9,11,1" + ",USD" * ("currency" in header)
    write(tmp_path, "bars/SPY.csv", header, sound, row)
    with pytest.raises(UserInputError) as fault:
        folder.daily_bars("SPY", "SPY", *EVER)

    assert str(fault.value) == f"{tmp_path / 'bars/SPY.csv'}, line 3, column {said}"


def test_a_coin_trades_on_weekends_and_rounded_prices_are_within_their_range(folder: Folder, tmp_path: Path) -> None:
    """Only what trades in New York rests."""
    write(tmp_path, "bars/BTC.csv", BARS, "2026-10-10,10,12,9,12.0005,1", "2026-10-11,10,,,11,1")

    assert folder.daily_bars("BTC", "BTC-USD", *EVER).bars.height == 2


@pytest.mark.parametrize(
    ("header", "row", "said"),
    [
        ("date,shares", "2026-03-31,20260331", f"{NO_DAY}, found '20260331'"),
        ("date,shares", "2026-04-02,20260331.0", f"{NO_DAY}, found '20260331.0'"),
        ("date,shares,published_at", "2026-03-31,5000000,2026-03-31T09:00:00-04:00",
         f"{CLOSED}, found '2026-03-31T09:00:00-04:00'"),
        ("date,shares,published_at", "2026-03-31,5000000,2026-03-31T19:59:59Z",
         f"{CLOSED}, found '2026-03-31T19:59:59Z'"),
        ("date,shares,currency", "2026-03-31,5000000,GBP", "`currency`: expected USD, found 'GBP'"),
        ("date,shares", "2026-03-28,5000000", f"{NO_TRADING} Saturday is, found '2026-03-28'"),
    ],
)  # fmt: skip
def test_a_count_that_cannot_be_is_refused_with_its_line_column_and_value(
    folder: Folder, tmp_path: Path, header: str, row: str, said: str
) -> None:
    """A date became 20 million shares; figures published in the morning of their own session looked ahead."""
    write(tmp_path, "shares/SPY.csv", header, row)
    with pytest.raises(UserInputError) as fault:
        folder.shares_outstanding("SPY", "")

    assert str(fault.value) == f"{tmp_path / 'shares/SPY.csv'}, line 2, column {said}"


@pytest.mark.parametrize(
    "row",
    [
        "2026-03-31,20260331,10,202603310,2026-03-31T16:00:00-04:00",
        "2026-03-31,20280331,,,2026-03-31T20:00:00Z",
        "2026-01-05,5000000,,,2026-01-05T21:00:00Z",
    ],
)
def test_a_count_that_assets_vouch_for_and_a_time_from_the_close_on_are_fine(
    folder: Folder, tmp_path: Path, row: str
) -> None:
    """The close is at 20:00 UTC in summer and 21:00 in winter."""
    write(tmp_path, "shares/SPY.csv", "date,shares,nav,net_assets,published_at", row)

    assert folder.shares_outstanding("SPY", "").height == 1


@pytest.mark.parametrize("name", ["splits", "dividends"])
def test_an_amount_in_another_currency_is_refused(folder: Folder, tmp_path: Path, name: str) -> None:
    """Where a file says what its figures are, that is read."""
    write(tmp_path, "bars/SPY.csv", BARS, "2026-10-08,10,12,9,11,1")
    write(tmp_path, f"{name}.csv", f"symbol,date,{'ratio' if name == 'splits' else 'amount'},currency",
          "SPY,2026-10-08,2,EUR")  # fmt: skip
    with pytest.raises(UserInputError, match=r"line 2, column `currency`: expected USD, found 'EUR'"):
        folder.daily_bars("SPY", "SPY", *EVER)


def test_of_two_rows_of_one_session_in_yahoos_answer_the_later_does_not_undo_the_volume() -> None:
    """The service once told a session twice, the second time with volume 0."""
    stamps = [opening(16), stamp(2026, 7, 16, 20, 0)]
    bars = read(body(stamps, [11.0, 11.5], open=[10.0, 11.5], high=[12.0, 11.5], low=[9.0, 11.5], volume=[9e7, 0])).bars

    assert bars.select("open_usd", "high_usd", "low_usd", "close_usd", "volume").rows() == [(10, 12, 9, 11.5, 9e7)]


def test_a_saturday_row_of_a_fund_is_left_out_and_told(caplog: pytest.LogCaptureFixture) -> None:
    """It counted as a session of its own, with the volume of Friday."""
    with caplog.at_level(logging.WARNING):
        bars = read(body([opening(10), opening(11)], [1.0, 1.0])).bars

    assert bars["session"].to_list() == [date(2026, 7, 10)]
    assert "1 rows left out, of days without trading: 2026-07-11" in caplog.text


def test_a_saturday_of_a_coin_stays() -> None:
    """Coins trade around the clock."""
    assert read(body([stamp(2026, 7, 11)], [1.0], kind="CRYPTOCURRENCY", zone=UTC_ZONE)).bars.height == 1


def test_a_range_that_its_close_contradicts_is_null_and_the_close_stays(caplog: pytest.LogCaptureFixture) -> None:
    """A CMF of -3 came of it; a close is worth more than a range."""
    with caplog.at_level(logging.WARNING):
        bars = read(body([opening(15), opening(16)], [12.5, 11.0], open=[10, 10], high=[12, 12], low=[9, 9])).bars

    assert bars.select("high_usd", "low_usd", "close_usd").rows() == [(None, None, 12.5), (12, 9, 11)]
    assert "low and high left out of 1 sessions whose open or close lies outside: 2026-07-15" in caplog.text
