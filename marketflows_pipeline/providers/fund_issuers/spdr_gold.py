"""SPDR Gold Shares as an issuer of GLD: one workbook with the trust's whole history.

After a sheet with a disclaimer, the sheet ``US GLD Historical Archive`` is a table of ``Date`` (01-Sep-2026),
``NAV/Share at 10:30am NYT``, ``Total Net Asset Value in the Trust`` and others since 2004-11-18; on days without a
figure every cell says so (``US Holiday``, and in earlier files ``HOLIDAY``, ``NYSE Closed`` or ``AWAITED``). Earlier
files wrote ``NAV/share at 10.30 a.m. NYT``, which is the same letters. Nothing says when a row was published: it is
there after the close. The data is the sponsor's, for personal use; none of it may be passed on.
Shares are not published: they are net assets over net asset value, and stored as that quotient. Shares come and go by
the 100,000; what the quotient misses of a whole basket is the rounding of the two printed figures, which is undone
where flows are made of it (transforms/cross_asset/share_sources.py).
Split convention: as traded. GLD has never been split, so that both conventions say the same.
"""

from __future__ import annotations

from typing import ClassVar

import polars as pl

from marketflows_pipeline.providers.fund_issuers.grids import Grid
from marketflows_pipeline.providers.fund_issuers.issuer import Issuer
from marketflows_pipeline.providers.fund_issuers.workbooks import xlsx_sheet


class SpdrGold(Issuer):
    """A SharesProvider of GLD."""

    name = "spdr_gold"
    default_url = "https://api.spdrgoldshares.com"
    endpoint = "/api/v1/historical-archive"
    params: ClassVar = {"exchange": "NYSE", "lang": "en"}
    fund_param = "product"
    columns: ClassVar = {
        "session": "Date",
        "nav_usd": "NAV/Share at 10:30am NYT",
        "net_assets_usd": "Total Net Asset Value in the Trust",
    }
    derived: ClassVar = {"shares": pl.col("net_assets_usd") / pl.col("nav_usd")}
    table = "archive"

    @staticmethod
    def sheet(content: bytes) -> Grid:
        """The sheet of the history, which follows a disclaimer."""
        return xlsx_sheet(content, "*Historical Archive")
