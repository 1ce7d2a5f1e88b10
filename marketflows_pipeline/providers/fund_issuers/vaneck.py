"""VanEck as an issuer of HODL: one workbook a fund, with prices and net assets since inception, and no shares.

The first sheet has a title above a table of ``Date`` (10/08/2026), ``NAV``, ``AUM``, ``Index Level``, ``Volume`` and
others; on weekends Friday's figures are repeated. Without the site's cookie it answers with a redirect. Nothing says
when a row was published. The data is VanEck's, for personal use; none of it may be passed on.
Shares are not published: they are net assets over net asset value, stored as that quotient under a source that says
``derived``. Both figures are rounded, and how many shares come and go together is not known, so that small flows may be
rounding alone. Split convention: not said, so it is taken from the figures (see ``convention_shown``).
"""

from __future__ import annotations

from typing import ClassVar

import polars as pl

from marketflows_pipeline.providers.fund_issuers.grids import Grid
from marketflows_pipeline.providers.fund_issuers.issuer import Issuer
from marketflows_pipeline.providers.fund_issuers.workbooks import xlsx_sheet

FRIDAY = 5


class VanEck(Issuer):
    """A SharesProvider of HODL; of VanEck's other funds by their names in the site's addresses."""

    name = "vaneck"
    default_url = "https://www.vaneck.com"
    endpoint = "/us/en/investments/{fund}/downloads/fundhistoprices/"
    headers: ClassVar = {**Issuer.headers, "cookie": "vaneck_cookies=1"}
    columns: ClassVar = {"session": "Date", "nav_usd": "NAV", "net_assets_usd": "AUM"}
    date_formats: ClassVar = (*Issuer.date_formats, "%m/%d/%Y")
    derived: ClassVar = {"shares": pl.col("net_assets_usd") / pl.col("nav_usd")}
    is_session: ClassVar = pl.col("session").dt.weekday() <= FRIDAY
    convention = None
    table = "derived"

    @staticmethod
    def sheet(content: bytes) -> Grid:
        """The first sheet, the only one."""
        return xlsx_sheet(content, "*")
