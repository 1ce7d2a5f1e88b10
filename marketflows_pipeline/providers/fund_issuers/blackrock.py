"""BlackRock as an issuer of iShares funds: one SpreadsheetML document a fund, with holdings, history and distributions.

The document has 4 to 28 MB, most of it holdings, begins with one or two byte order marks, and holds bare ampersands.
The sheet ``Historical`` is a table of ``As Of`` (Sep 25, 2026, newest first), ``NAV per Share``, ``Ex-Dividends`` and
``Shares Outstanding`` since the fund's inception, ``--`` where a figure is missing; some funds have more columns. An
unknown portfolio is HTTP 400. Earlier addresses (``….ajax``) now answer with a page under HTTP 200. Nothing says when
a row was published: it is there the next morning. The data is BlackRock's, for personal use; none of it may be passed
on. Split convention: BlackRock does not say, and it is not settled from outside, so it is taken from the figures: as
traded where a split shows in them, else in present shares (see ``convention_shown``).
"""

from __future__ import annotations

from typing import ClassVar

from marketflows_pipeline.providers.fund_issuers.grids import Grid
from marketflows_pipeline.providers.fund_issuers.issuer import Issuer
from marketflows_pipeline.providers.fund_issuers.spreadsheetml import spreadsheetml_sheet


class BlackRock(Issuer):
    """A SharesProvider of iShares funds, by portfolio id such as 239710 for IWM; net assets are not published there."""

    name = "blackrock"
    default_url = "https://www.blackrock.com"
    endpoint = "/varnish-api/blk-one01-product-data/product-data/api/v1/get-fund-document"
    params: ClassVar = {
        "appType": "PRODUCT_PAGE",
        "appSubType": "ISHARES",
        "targetSite": "us-ishares",
        "locale": "en_US",
        "userType": "individual",
        "component": "fundDownload",
    }
    fund_param = "portfolioId"
    columns: ClassVar = {"session": "As Of", "nav_usd": "NAV per Share", "shares": "Shares Outstanding"}
    convention = None
    table = "historical"

    @staticmethod
    def sheet(content: bytes) -> Grid:
        """The sheet of the history; the others are not parsed."""
        return spreadsheetml_sheet(content, "Historical")
