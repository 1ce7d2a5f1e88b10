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

from collections.abc import Mapping
from datetime import datetime

import polars as pl

from marketflows_pipeline.providers.bad_rows import BadRows
from marketflows_pipeline.providers.fund_issuers.grids import Grid
from marketflows_pipeline.providers.fund_issuers.issuer import Issuer
from marketflows_pipeline.providers.fund_issuers.share_figures import AS_TRADED, Convention, read_figures, share_history
from marketflows_pipeline.providers.fund_issuers.workbooks import xlsx_sheets
from marketflows_pipeline.providers.http.responses import ParseError, one_line

BASE_URL = "https://api.spdrgoldshares.com"
ENDPOINT = "/api/v1/historical-archive"
PARAMS = {"exchange": "NYSE", "lang": "en"}
CONVENTION: Convention = AS_TRADED
SHEET_ENDS_WITH = "Historical Archive"
COLUMNS = {
    "session": "Date",
    "nav_usd": "NAV/Share at 10:30am NYT",
    "net_assets_usd": "Total Net Asset Value in the Trust",
}


def read_archive(content: bytes, symbol: str, now: datetime) -> pl.DataFrame:
    """The history in a workbook, in SHARES_SCHEMA.

    Raises:
        ParseError: not of the known shape, or too many rows would be left out.
        FailedResponseError: the workbook is truncated.
    """
    sheet = _archive(xlsx_sheets(content))
    bad_rows = BadRows(f"spdr_gold shares of {symbol}")
    figures = read_figures(sheet, COLUMNS, bad_rows, now)
    figures = figures.with_columns(shares=pl.col("net_assets_usd") / pl.col("nav_usd"))
    return share_history(figures, bad_rows, symbol=symbol, convention=CONVENTION, source="spdr_gold:archive")


def _archive(sheets: dict[str, Grid]) -> Grid:
    for name, sheet in sheets.items():
        if name.endswith(SHEET_ENDS_WITH):
            return sheet
    raise ParseError(
        f"expected a sheet whose name ends with `{SHEET_ENDS_WITH}`, found {one_line(', '.join(sheets)) or 'none'}"
    )


class SpdrGold(Issuer):
    """A SharesProvider of GLD; arguments as of `KeylessClient`."""

    name = "spdr_gold"
    default_url = BASE_URL
    endpoint = ENDPOINT
    parser = staticmethod(read_archive)

    @staticmethod
    def params(fund: str) -> Mapping[str, str]:
        """The product, and what the site itself sends."""
        return {**PARAMS, "product": fund}
