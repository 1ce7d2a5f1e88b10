"""Tables of somebody else's flows: one fund's own, or a copied page of many funds."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from marketflows_pipeline.errors import NotFoundError, UserInputError
from marketflows_pipeline.providers.local_files.folder import Folder
from marketflows_pipeline.providers.protocols.cross_asset import REPORTED_SCHEMA
from marketflows_pipeline_tests.providers.local_files.conftest import CLOCK, write

# A page of many funds as it is copied: no name above the dates, fees first, dashes for nothing reported, totals last.
PAGE = """,IBIT,FBTC,BTC,Total
Fee,0.25%,0.25%,0.15%,
12 Jan 2024,386.0,195.3,-,581.3
11 Jan 2024,111.7,(227.0),0.0,338.7
16 Jan 2024,"1,212.5",-,(12.3),"1,200.2"
15 Jan 2024,-,-,-,0.0
Total,"1,710.2",422.3,(12.3),"2,120.2"
Average,570.1,211.2,(6.2),706.7
Maximum,"1,212.5",227.0,0.0,"1,200.2"
Minimum,111.7,195.3,(12.3),0.0
"""


def flows(folder: Folder, symbol: str, provider_symbol: str = "") -> list[tuple[date, float]]:
    found = folder.reported_flows(symbol, provider_symbol or symbol)
    assert found.schema == REPORTED_SCHEMA
    assert set(found["symbol"]) <= {symbol}
    return list(found.select("session", "flow_usd").iter_rows())


@pytest.mark.parametrize(
    ("header", "factor"),
    [("flow_usd", 1), ("flow_million_usd", 1e6), ("Flow (US$m)", 1e6), ("Flow USD millions", 1e6), ("IBIT", 1e6)],
)
def test_the_header_says_the_unit(folder: Folder, tmp_path: Path, header: str, factor: float) -> None:
    write(tmp_path, "flows/IBIT.csv", f"date,{header}\n2026-01-06,-3.5\n2026-01-05,12\n2026-01-07,\n2026-01-08,0\n")

    assert flows(folder, "IBIT") == [
        (date(2026, 1, 5), 12 * factor),
        (date(2026, 1, 6), -3.5 * factor),
        (date(2026, 1, 8), 0),
    ]


def test_a_page_of_many_funds_is_read_as_it_was_copied(folder: Folder, tmp_path: Path) -> None:
    """A dash is no flow of 0, brackets are below 0, and a total is no session."""
    write(tmp_path, "flows/IBIT.csv", PAGE)
    write(tmp_path, "flows/FBTC.csv", PAGE)

    assert flows(folder, "IBIT") == [
        (date(2024, 1, 11), 111.7e6),
        (date(2024, 1, 12), 386e6),
        (date(2024, 1, 16), 1212.5e6),
    ]
    assert flows(folder, "FBTC") == [(date(2024, 1, 11), -227e6), (date(2024, 1, 12), pytest.approx(195.3e6))]


def test_a_fund_may_be_called_as_the_price_service_calls_it(folder: Folder, tmp_path: Path) -> None:
    """Grayscale's small trust is BTC on every page, and BTC-MINI beside the coin."""
    write(tmp_path, "flows/BTC-MINI.csv", PAGE)

    assert flows(folder, "BTC-MINI", "BTC") == [(date(2024, 1, 11), 0), (date(2024, 1, 16), pytest.approx(-12.3e6))]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("date,flow\n2026-01-05,1\n", "expected one column of flows, `flow_usd`, `flow_million_usd` or `IBIT`"),
        ("date,flow_usd,IBIT\n2026-01-05,1,1\n", "found flow_usd and ibit"),
        ("day,flow_usd\n2026-01-05,1\n", "expected a column `date`"),
        ("date,flow_usd\n05/01/2026,1\n", "line 2, column `date`: expected a date such as 2026-01-05"),
        ("date,flow_usd\n2026-01-05,a lot\n", "line 2, column `flow_usd`: expected a number"),
        ('date,flow_usd\n2026-01-05,"1,234"\n', "found '1,234'"),
        ("date,flow_usd\n2026-01-05,1\n2026-01-05,2\n", "line 3, column `date`: expected each date once"),
        ("date,flow_usd\n2027-01-05,1\n", "column `date`: expected a date from 1900-01-01 to 2026-10-10"),
    ],
)
def test_what_is_not_as_documented_is_refused_in_one_line(
    folder: Folder, tmp_path: Path, text: str, fault: str
) -> None:
    file = write(tmp_path, "flows/IBIT.csv", text)
    with pytest.raises(UserInputError) as raised:
        flows(folder, "IBIT")
    assert str(raised.value).startswith(str(file))
    assert fault in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_fund_without_a_table_has_none(folder: Folder, tmp_path: Path) -> None:
    write(tmp_path, "flows/IBIT.csv", PAGE)

    assert folder.has_reported_flows("IBIT", "IBIT")
    assert not folder.has_reported_flows("SPY", "SPY")
    with pytest.raises(NotFoundError):
        folder.reported_flows("SPY", "SPY")


def test_a_table_in_another_case_is_no_missing_one(tmp_path: Path) -> None:
    write(tmp_path, "flows/ibit.csv", PAGE)
    with pytest.raises(UserInputError, match=r"expected flows/IBIT\.csv"):
        Folder(tmp_path, clock=CLOCK, universe={"IBIT": "IBIT"}).has_reported_flows("IBIT", "IBIT")
