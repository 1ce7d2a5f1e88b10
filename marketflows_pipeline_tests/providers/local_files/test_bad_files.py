"""Files that are not as documented are refused in one line that names file, line, column and value."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from marketflows_pipeline.errors import NotFoundError, UserInputError
from marketflows_pipeline.providers.local_files.folder import Folder
from marketflows_pipeline_tests.providers.local_files.conftest import BARS, CLOCK, EVER, write


@pytest.mark.parametrize("ratio", [10, 2, 0.2])
def test_prices_that_fall_with_a_split_are_refused(folder: Folder, tmp_path: Path, ratio: float) -> None:
    after = 171 / ratio
    rows = f"2026-01-05,170,170,170,170,5\n2026-01-06,170,171,170,171,5\n2026-01-08,{after},{after},{after},{after},5\n"
    file = write(tmp_path, "bars/SLV.csv", BARS + rows)
    write(tmp_path, "splits.csv", f"symbol,date,ratio\nSLV,2026-01-07,{ratio}\n")

    with pytest.raises(UserInputError) as fault:
        folder.daily_bars("SLV", "", *EVER)

    assert str(fault.value).startswith(
        f"{file}, column `close`: expected prices adjusted for the split of 2026-01-07 in splits.csv"
    )
    assert f"by {ratio:g}" in str(fault.value)


@pytest.mark.parametrize("ratio", [1.25, 0.8])
def test_prices_that_fall_with_a_small_split_are_refused(folder: Folder, tmp_path: Path, ratio: float) -> None:
    """Closes of 125, then 100 at a 5:4 split were accepted, and all caps before it were a quarter too high."""
    write(tmp_path, "splits.csv", f"symbol,date,ratio\nSPY,2026-01-07,{ratio}\n")
    for closes, is_refused in (([100 * ratio, 100 * ratio, 100, 100], True), ([100, 100, 100, 100], False)):
        days = zip((5, 6, 7, 8), closes, strict=True)
        rows = "".join(f"2026-01-0{day},{close},{close},{close},{close},5\n" for day, close in days)
        write(tmp_path, "bars/SPY.csv", BARS + rows)
        if is_refused:
            with pytest.raises(UserInputError, match=rf"the split of 2026-01-07 .* by {ratio:g}"):
                folder.daily_bars("SPY", "", *EVER)
        else:
            assert folder.daily_bars("SPY", "", *EVER).bars.height == 4


@pytest.mark.parametrize(
    ("kept", "hint"),
    [("", ""), ("bars/SPY.txt", "SPY.txt is there"), ("bars/SPYG.csv", "")],
)
def test_a_symbol_without_a_file_is_not_found(folder: Folder, tmp_path: Path, kept: str, hint: str) -> None:
    if kept:
        write(tmp_path, kept, BARS)

    with pytest.raises(NotFoundError, match=r"no bars/SPY\.csv or \.parquet in ") as fault:
        folder.daily_bars("SPY", "SPY", *EVER)

    assert hint in str(fault.value)
    assert ("named as the symbol" in str(fault.value)) == bool(hint)


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "bars/../../secret"])
def test_no_name_leads_out_of_the_folder(folder: Folder, tmp_path: Path, name: str) -> None:
    write(tmp_path.parent, "secret.csv", "date,shares\n2026-01-05,1\n")
    write(tmp_path, "shares/SPY.csv", "date,shares\n2026-01-05,1\n")

    with pytest.raises(NotFoundError):
        folder.shares_outstanding("SPY", name)


def test_a_folder_that_is_missing_is_the_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(UserInputError, match=r"nowhere: expected a folder, as `folder` in \[cross_asset\] names it"):
        Folder(tmp_path / "nowhere", clock=CLOCK).volatility_index("VIX")


def test_two_files_of_one_symbol_are_refused(folder: Folder, tmp_path: Path) -> None:
    write(tmp_path, "volatility/VIX.csv", "date,close\n2026-01-06,17.5\n")
    write(tmp_path, "volatility/VIX.parquet", "")

    with pytest.raises(UserInputError, match=r"VIX\.csv: VIX\.parquet is there too"):
        folder.volatility_index("VIX")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "{file}: is empty; expected the columns date, open, high, low, close, volume"),
        ("\n\n", "{file}: is empty; expected the columns date, open, high, low, close, volume"),
        (BARS, "{file}: expected rows below the names of the columns, found none"),
        (
            "date,open,close\n2026-01-05,1,1\n",
            "{file}: expected a column `high`, `low`, `volume`, found date, open, close",
        ),
        ("date,close,Close\n2026-01-05,1,1\n", "{file}: expected each column once, found `close` twice"),
        (
            BARS + "05.01.2026,1,2,1,1,5\n",
            "line 2, column `date`: expected a date such as 2026-01-05, found '05.01.2026'",
        ),
        (
            BARS + "2026-02-30,1,2,1,1,5\n",
            "line 2, column `date`: expected a date such as 2026-01-05, found '2026-02-30'",
        ),
        (BARS + ",1,2,1,1,5\n", "line 2, column `date`: expected a date such as 2026-01-05, found an empty cell"),
        (
            BARS + "2026-01-05T16:00:00,1,2,1,1,5\n",
            "line 2, column `date`: expected a date such as 2026-01-05, found '2026-01-05T16:00:00'",
        ),
        (
            BARS + "2026-01-05,1,2,1,1,5\n\n2026-01-06,1,2,1,-3,5\n",
            "line 4, column `close`: expected a number above 0 or an empty cell, found '-3'",
        ),
        (
            BARS + "2026-01-05,1,2,1,0,5\n",
            "line 2, column `close`: expected a number above 0 or an empty cell, found '0'",
        ),
        (
            BARS + '2026-01-05,1,2,1,"1,5",5\n',
            "line 2, column `close`: expected a number above 0 or an empty cell "
            "(decimals with a point, thousands without a sign), found '1,5'",
        ),
        (
            BARS + "2026-01-05,1,2,1,inf,5\n",
            "line 2, column `close`: expected a number above 0 or an empty cell, found 'inf'",
        ),
        (
            BARS + "2026-01-05,1,2,1,1,-5\n",
            "line 2, column `volume`: expected a number that is not negative or an empty cell, found '-5'",
        ),
        (BARS + "2026-01-05,1,2,3,1,5\n", "line 2, column `high`: expected at least the low of 3, found '2'"),
        (
            BARS + "2026-01-05,1,2,1,1,5\n2026-01-06,1,2,1,1,5\n2026-01-05,1,2,1,1,6\n",
            "line 4, column `date`: expected each date once; it is in line 2 too, found '2026-01-05'",
        ),
        (BARS + "2026-01-05,1,2,1\n", "{file}, line 2: expected 6 values, one a column, found 4"),
        (
            BARS + "2026-01-05,1,2,1,1,5,7\n",
            "{file}, line 2: expected 6 values, one a column, found 7; a comma within a "
            "number? Decimals have a point, thousands no sign",
        ),
        (BARS + '2026-01-05,1,2,1,1,"5\n', "{file}: cannot be read: unexpected end of data"),
    ],
)
def test_a_bad_file_is_refused_in_one_line(folder: Folder, tmp_path: Path, text: str, said: str) -> None:
    file = write(tmp_path, "bars/SPY.csv", text)

    with pytest.raises(UserInputError) as fault:
        folder.daily_bars("SPY", "SPY", *EVER)

    expected = said.format(file=file) if said.startswith("{file}") else f"{file}, {said}"
    assert str(fault.value) == expected
    assert fault.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("date,nav\n2026-01-05,1\n", ": expected a column `shares` or `net_assets`, found neither"),
        ("day,shares\n2026-01-05,1\n", ": expected a column `date`, found day, shares"),
        (
            "date,shares,nav,net_assets\n2026-01-05,100,10,1000\n2026-01-06,20260106,10,1000\n",
            ", line 3, column `net_assets`: expected 202,601,060 within 2 %, which is shares times nav, found '1000'",
        ),
        (
            "date,shares,convention\n2026-01-05,1,adjusted\n",
            ", line 2, column `convention`: expected as_traded or split_adjusted, found 'adjusted'",
        ),
        (
            "date,shares,published_at\n2026-01-05,1,2026-01-06\n",
            ", line 2, column `published_at`: expected a time with its offset, such as 2026-01-06T13:30:00Z, "
            "found '2026-01-06'",
        ),
        (
            "date,shares,published_at\n2026-01-05,1,2026-01-04T13:30:00Z\n",
            ", line 2, column `published_at`: expected a time after the session's close at 16:00 in New York, "
            "found '2026-01-04T13:30:00Z'",
        ),
        (
            "date,shares\n2026-01-05,0\n",
            ", line 2, column `shares`: expected a number above 0 or an empty cell, found '0'",
        ),
    ],
)
def test_a_bad_file_of_shares_is_refused_in_one_line(folder: Folder, tmp_path: Path, text: str, said: str) -> None:
    file = write(tmp_path, "shares/SPY.csv", text)

    with pytest.raises(UserInputError) as fault:
        folder.shares_outstanding("SPY", "")

    assert str(fault.value) == f"{file}{said}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "symbol,date,ratio\nSPY,2026-01-05,\n",
            "line 2, column `ratio`: expected a number above 0, found an empty cell",
        ),
        (
            "symbol,date,ratio\nSPY,2026-01-05,10:1\n",
            "line 2, column `ratio`: expected a number above 0 or an empty cell, found '10:1'",
        ),
        ("symbol,date,ratio\n,2026-01-05,2\n", "line 2, column `symbol`: expected text, found an empty cell"),
        (
            "symbol,date,ratio\nA,2026-01-05,2\nB,2026-01-05,2\nA,2026-01-05,3\n",
            "line 4, column `date`: expected each date once; it is in line 2 too, found '2026-01-05'",
        ),
    ],
)
def test_a_bad_file_of_splits_is_refused_whichever_symbol_is_asked_for(
    folder: Folder, tmp_path: Path, text: str, said: str
) -> None:
    write(tmp_path, "bars/QQQ.csv", BARS + "2026-01-05,1,2,1,1,5\n")
    file = write(tmp_path, "splits.csv", text)

    with pytest.raises(UserInputError) as fault:
        folder.daily_bars("QQQ", "", *EVER)

    assert str(fault.value) == f"{file}, {said}"


def test_text_in_another_encoding_and_files_that_are_no_parquet_are_refused(folder: Folder, tmp_path: Path) -> None:
    write(tmp_path, "volatility/VIX.csv", "date,close,café\n", encoding="latin-1")
    write(tmp_path, "volatility/VIX3M.parquet", "date,close\n")

    with pytest.raises(UserInputError, match=r"VIX\.csv: expected CSV in UTF-8"):
        folder.volatility_index("VIX")
    with pytest.raises(UserInputError, match=r"VIX3M\.parquet: cannot be read: ") as fault:
        folder.volatility_index("VIX3M")
    assert "\n" not in str(fault.value)


def test_a_bad_row_of_parquet_is_counted_from_one(folder: Folder, tmp_path: Path) -> None:
    (tmp_path / "volatility").mkdir()
    frame = pl.DataFrame({"date": [date(2026, 1, 5), date(2026, 1, 6)], "close": [17.0, -1.0]})
    frame.write_parquet(tmp_path / "volatility" / "VIX.parquet")

    with pytest.raises(UserInputError, match=r"VIX\.parquet, row 2, column `close`: expected .*, found '-1\.0'"):
        folder.volatility_index("VIX")


@pytest.mark.parametrize("day", ["1899-12-31", "0001-01-01", "2026-10-11", "9999-12-31"])
def test_a_date_that_cannot_be_is_refused_with_file_line_and_value(folder: Folder, tmp_path: Path, day: str) -> None:
    """A row dated in three days once hid that the newest real one was ten days old."""
    write(tmp_path, "volatility/VIX.csv", f"date,close\n2026-10-09,20\n{day},21\n")

    with pytest.raises(UserInputError) as refusal:
        folder.volatility_index("VIX")
    assert str(refusal.value) == (
        f"{tmp_path}/volatility/VIX.csv, line 3, column `date`: expected a date from 1900-01-01 to 2026-10-10, "
        f"found '{day}'"
    )


@pytest.mark.parametrize("moment", ["1899-12-31T23:59:59Z", "2026-10-10T12:05:01Z", "0001-01-01T00:00:00+05:00"])
def test_a_time_of_publication_that_cannot_be_is_refused(folder: Folder, tmp_path: Path, moment: str) -> None:
    write(tmp_path, "shares/SPY.csv", f"date,shares,published_at\n1900-01-01,100,{moment}\n")

    with pytest.raises(UserInputError, match=r"line 2, column `published_at`: expected a time"):
        folder.shares_outstanding("SPY", "")
