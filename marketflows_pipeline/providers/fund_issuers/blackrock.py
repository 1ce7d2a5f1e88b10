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


class BlackRock(Issuer):
    """A SharesProvider of iShares funds; arguments as in ``Issuer``."""

    name = "blackrock"
    default_url = BASE_URL

    def shares_outstanding(self, symbol: str, share_id: str) -> pl.DataFrame:
        """The whole published history in SHARES_SCHEMA, by session; net assets are not published there.

        Args:
            symbol: of the fund in the settings.
            share_id: its portfolio id, such as 239710 for IWM.

        Raises:
            NotFoundError: BlackRock has no such portfolio.
            UnexpectedResponseError: the document is not of the known shape, or too many of its rows are not.
        """
        return self._http.get_bytes(
            ENDPOINT,
            lambda content: read_fund_document(content, symbol, self._clock.now()),
            params={**PARAMS, "portfolioId": share_id},
        )


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
