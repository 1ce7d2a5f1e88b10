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

from collections.abc import Mapping
from datetime import datetime

import polars as pl

from marketflows_pipeline.providers.bad_rows import BadRows
from marketflows_pipeline.providers.fund_issuers.issuer import Issuer
from marketflows_pipeline.providers.fund_issuers.share_figures import convention_shown, read_figures, share_history
from marketflows_pipeline.providers.fund_issuers.spreadsheetml import spreadsheetml_sheet

BASE_URL = "https://www.blackrock.com"
ENDPOINT = "/varnish-api/blk-one01-product-data/product-data/api/v1/get-fund-document"
PARAMS = {
    "appType": "PRODUCT_PAGE",
    "appSubType": "ISHARES",
    "targetSite": "us-ishares",
    "locale": "en_US",
    "userType": "individual",
    "component": "fundDownload",
}
SHEET = "Historical"
COLUMNS = {"session": "As Of", "nav_usd": "NAV per Share", "shares": "Shares Outstanding"}


def read_fund_document(content: bytes, symbol: str, now: datetime) -> pl.DataFrame:
    """The history in a fund's document, in SHARES_SCHEMA.

    Raises:
        ParseError: not of the known shape, or too many rows would be left out.
        FailedResponseError: the document is truncated.
    """
    bad_rows = BadRows(f"blackrock shares of {symbol}")
    figures = read_figures(spreadsheetml_sheet(content, SHEET), COLUMNS, bad_rows, now)
    return share_history(
        figures, bad_rows, symbol=symbol, convention=convention_shown(figures), source="blackrock:historical"
    )


class BlackRock(Issuer):
    """A SharesProvider of iShares funds, by portfolio id such as 239710 for IWM; arguments as of `KeylessClient`.

    Net assets are not published there.
    """

    name = "blackrock"
    default_url = BASE_URL
    endpoint = ENDPOINT
    parser = staticmethod(read_fund_document)

    @staticmethod
    def params(fund: str) -> Mapping[str, str]:
        """The fund's portfolio id, and what the site itself sends."""
        return {**PARAMS, "portfolioId": fund}
