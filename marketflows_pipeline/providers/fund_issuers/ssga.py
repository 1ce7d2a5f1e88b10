"""State Street as an issuer of SPY, DIA and the other SPDR funds: one workbook a fund, with its whole history.

The sheet ``navhist`` has the fund's name and ticker above a table of ``Date`` (24-Sep-2026, newest first), ``NAV``,
``Shares Outstanding`` and ``Total Net Assets``, and blank rows and a notice below it; SPY goes back to 2003-12-01. An
unknown ticker is a page under HTTP 404. Nothing says when a row was published: it is there the next morning. The data
is State Street's, for personal use; none of it may be passed on. Split convention: as traded. When XLK split 2:1 on
2025-12-05, its row of that day has twice the shares at half the value of the row before, and earlier rows stayed as
they were.
"""

from __future__ import annotations

from typing import ClassVar

from marketflows_pipeline.providers.fund_issuers.grids import Grid
from marketflows_pipeline.providers.fund_issuers.issuer import Issuer
from marketflows_pipeline.providers.fund_issuers.workbooks import xlsx_sheet


class StateStreet(Issuer):
    """A SharesProvider of SPDR funds, by ticker."""

    name = "ssga"
    default_url = "https://www.ssga.com"
    endpoint = "/library-content/products/fund-data/etfs/us/navhist-us-en-{fund}.xlsx"
    columns: ClassVar = {
        "session": "Date",
        "nav_usd": "NAV",
        "shares": "Shares Outstanding",
        "net_assets_usd": "Total Net Assets",
    }
    table = "navhist"

    @staticmethod
    def sheet(content: bytes) -> Grid:
        """The sheet of the history."""
        return xlsx_sheet(content, "navhist")
