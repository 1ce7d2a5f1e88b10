"""Files as Yahoo, Cboe and FRED let them be downloaded, put into the folder as they are; figures are made up."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from marketflows_pipeline.errors import NotFoundError, UserInputError
from marketflows_pipeline.providers.local_files.folder import Folder
from marketflows_pipeline.providers.protocols.cross_asset import REFERENCE_SCHEMA
from marketflows_pipeline_tests.providers.local_files.conftest import EVER, write

CBOE = "DATE,OPEN,HIGH,LOW,CLOSE\n01/02/2026,17.24,18.01,17.05,17.240000\n02/01/2026,16.0,16.0,16.0,16.0\n"
FRED = "observation_date,VIXCLS\n2026-01-01,\n2026-01-02,17.24\n"
FRED_BEFORE = "DATE,VIXCLS\n2026-01-01,.\n2026-01-02,17.24\n"
YAHOO = """Date,Open,High,Low,Close,Adj Close,Volume
2026-01-05,591.25,593.5,590.125,592.5,588.75,41200000
2026-01-06,null,null,null,null,null,null
2026-01-07,592.0,592.0,591.0,591.5,587.75,39100000
"""
# As the page writes its table: days in words, thousands with commas, dividends and splits among the sessions.
YAHOO_PAGE = """Date,Open,High,Low,Close Close price adjusted for splits.,"Adj Close Adjusted close price adjusted for \
splits and dividend and/or capital gain distributions.",Volume
"Jan 7, 2026","5,920.00","5,920.00","5,910.00","5,915.00","5,877.50","39,100,000"
"Jan 6, 2026",1.91 Dividend
"Jan 6, 2026",2:1 Stock Splits
"Jan 5, 2026","5,912.50","5,935.00","5,901.25","5,925.00","5,887.50","964,900"
"Jan 2, 2026","5,912.50","5,935.00","5,901.25","5,925.00","5,887.50",-
"""


@pytest.mark.parametrize(
    ("name", "text", "days"),
    [
        ("VIX.csv", CBOE, [date(2026, 1, 2), date(2026, 2, 1)]),
        ("VIX_History.csv", CBOE, [date(2026, 1, 2), date(2026, 2, 1)]),
        ("VIX.csv", FRED, [date(2026, 1, 2)]),
        ("VIXCLS.csv", FRED, [date(2026, 1, 2)]),
        ("VIXCLS.csv", FRED_BEFORE, [date(2026, 1, 2)]),
    ],
)
def test_indices_of_cboe_and_fred_under_their_own_names(
    folder: Folder, tmp_path: Path, name: str, text: str, days: list[date]
) -> None:
    """Cboe's 01/02/2026 is 2 January; a dot or nothing is a holiday."""
    write(tmp_path, f"volatility/{name}", text)
    found = folder.volatility_index("VIX")

    assert found["session"].to_list() == days
    assert found["close"].to_list()[0] == 17.24


def test_two_files_of_one_index_are_one_too_many(folder: Folder, tmp_path: Path) -> None:
    write(tmp_path, "volatility/VIX.csv", FRED)
    write(tmp_path, "volatility/VIX_History.csv", CBOE)
    with pytest.raises(UserInputError, match=r"VIX_History\.csv is there too; keep the one that counts"):
        folder.volatility_index("VIX")


def test_the_other_index_is_no_stand_in(folder: Folder, tmp_path: Path) -> None:
    write(tmp_path, "volatility/VXVCLS.csv", FRED)
    with pytest.raises(NotFoundError):
        folder.volatility_index("VIX")


@pytest.mark.parametrize("header", ["observation_date,T10Y2Y", "DATE,T10Y2Y", "date,value"])
def test_reference_series_of_fred(folder: Folder, tmp_path: Path, header: str) -> None:
    write(tmp_path, "reference/T10Y2Y.csv", f"{header}\n2026-01-01,.\n2026-01-02,-0.41\n2026-01-05,\n")
    found = folder.reference_series("T10Y2Y")

    assert found.schema == REFERENCE_SCHEMA
    assert found.rows() == [("T10Y2Y", date(2026, 1, 2), -0.41, "folder:reference")]


def test_an_export_of_yahoo(folder: Folder, tmp_path: Path) -> None:
    write(tmp_path, "bars/SPY.csv", YAHOO)
    bars = folder.daily_bars("SPY", "SPY", *EVER).bars

    assert bars.select("session", "close_usd", "adjusted_close_usd", "volume").rows() == [
        (date(2026, 1, 5), 592.5, 588.75, 41_200_000),
        (date(2026, 1, 7), 591.5, 587.75, 39_100_000),
    ]


def test_the_table_of_yahoos_page(folder: Folder, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path, "bars/SPY.csv", YAHOO_PAGE.replace("\\\n", ""))
    bars = folder.daily_bars("SPY", "SPY", *EVER).bars

    assert bars.select("session", "close_usd", "adjusted_close_usd", "volume").rows() == [
        (date(2026, 1, 2), 5925, 5887.5, None),
        (date(2026, 1, 5), 5925, 5887.5, 964_900),
        (date(2026, 1, 7), 5915, 5877.5, 39_100_000),
    ]
    assert "ignored rows of dividends and splits: 2; splits are taken from splits.csv" in caplog.text


@pytest.mark.parametrize("number", ["592,5", "1,234", "1.234,5"])
def test_commas_are_thousands_only_in_a_file_of_yahoos(folder: Folder, tmp_path: Path, number: str) -> None:
    """In a file of one's own 1,234 may be 1.234: nothing is guessed."""
    row = f'2026-01-05,"{number}","{number}","{number}","{number}",5'
    write(tmp_path, "bars/SPY.csv", f"date,open,high,low,close,volume\n{row}\n")
    with pytest.raises(UserInputError, match="decimals with a point, thousands without a sign"):
        folder.daily_bars("SPY", "SPY", *EVER)


@pytest.mark.parametrize("number", ["592,5", "5,92.5"])
def test_a_decimal_comma_is_none_of_thousands(folder: Folder, tmp_path: Path, number: str) -> None:
    write(tmp_path, "bars/SPY.csv", YAHOO.replace("592.5,588.75", f'"{number}",588.75'))
    with pytest.raises(UserInputError, match="column `close`: expected a number above 0"):
        folder.daily_bars("SPY", "SPY", *EVER)


def test_an_adjusted_close_that_stands_there_twice_is_refused(folder: Folder, tmp_path: Path) -> None:
    header = "date,open,high,low,close,volume,adj close,adjusted_close"
    write(tmp_path, "bars/SPY.csv", f"{header}\n2026-01-05,1,1,1,1,1,1,1\n")
    with pytest.raises(UserInputError, match="expected one column of `adj_close` and `adjusted_close`"):
        folder.daily_bars("SPY", "SPY", *EVER)
