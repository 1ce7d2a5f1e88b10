"""State Street as an issuer of SPY, DIA and the other SPDR funds: one workbook a fund, with its whole history.

The sheet ``navhist`` has the fund's name and ticker above a table of ``Date`` (24-Sep-2026, newest first), ``NAV``,
``Shares Outstanding`` and ``Total Net Assets``, and blank rows and a notice below it; SPY goes back to 2003-12-01. An
unknown ticker is a page under HTTP 404. Nothing says when a row was published: it is there the next morning. The data
is State Street's, for personal use; none of it may be passed on. Split convention: as traded. When XLK split 2:1 on
2025-12-05, its row of that day has twice the shares at half the value of the row before, and earlier rows stayed as
they were.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import polars as pl

from marketflows_pipeline.providers.bad_rows import BadRows
from marketflows_pipeline.providers.fund_issuers.issuer import Issuer
from marketflows_pipeline.providers.fund_issuers.share_figures import AS_TRADED, Convention, read_figures, share_history
from marketflows_pipeline.providers.fund_issuers.workbooks import xlsx_sheets
from marketflows_pipeline.providers.http.responses import ParseError, one_line

BASE_URL = "https://www.ssga.com"
ENDPOINT = "/library-content/products/fund-data/etfs/us/navhist-us-en-{ticker}.xlsx"
CONVENTION: Convention = AS_TRADED
SHEET = "navhist"
COLUMNS = {
    "session": "Date",
    "nav_usd": "NAV",
    "shares": "Shares Outstanding",
    "net_assets_usd": "Total Net Assets",
}


def read_navhist(content: bytes, symbol: str, now: datetime) -> pl.DataFrame:
    """The history in a workbook, in SHARES_SCHEMA.

    Raises:
        ParseError: not of the known shape, or too many rows would be left out.
        FailedResponseError: the workbook is truncated.
    """
    sheets = xlsx_sheets(content)
    if SHEET not in sheets:
        raise ParseError(f"expected a sheet `{SHEET}`, found {one_line(', '.join(sheets)) or 'none'}")
    bad_rows = BadRows(f"ssga shares of {symbol}")
    figures = read_figures(sheets[SHEET], COLUMNS, bad_rows, now)
    return share_history(figures, bad_rows, symbol=symbol, convention=CONVENTION, source="ssga:navhist")


class StateStreet(Issuer):
    """A SharesProvider of SPDR funds, by ticker; arguments as of `KeylessClient`."""

    name = "ssga"
    default_url = BASE_URL
    endpoint = ENDPOINT
    parser = staticmethod(read_navhist)

    @staticmethod
    def path(fund: str) -> Mapping[str, str]:
        """The fund's ticker."""
        return {"ticker": fund}
