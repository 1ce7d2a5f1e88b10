"""Grayscale as an issuer of GBTC, BTC, ETHE and ETH: one workbook a fund, with its whole history.

The sheet ``Daily Performance`` is a table of ``Date``, ``Shares Outstanding``, ``NAV Per Share``, ``AUM`` and others,
newest first; another, ``Holdings``, has coins. A new file is there at about 5:00 UTC. The store answers now and then
that the bucket does not exist (``NoSuchBucket`` under HTTP 404), which passes. The data is Grayscale's, for personal
use; none of it may be passed on. Split convention: not said, so it is taken from the figures (see
``convention_shown``).
"""

from __future__ import annotations

from http import HTTPStatus
from typing import ClassVar

from marketflows_pipeline.errors import TransientProviderError
from marketflows_pipeline.providers.fund_issuers.grids import Grid
from marketflows_pipeline.providers.fund_issuers.issuer import Issuer, classify
from marketflows_pipeline.providers.fund_issuers.workbooks import xlsx_sheet
from marketflows_pipeline.providers.http.responses import Classification, Response

NO_BUCKET = b"<Code>NoSuchBucket</Code>"


def classify_stored(response: Response) -> Classification | None:
    """Classify by HTTP status, but for a bucket that is said to be gone: it comes back."""
    if response.status == HTTPStatus.NOT_FOUND and NO_BUCKET in response.content:
        return Classification(TransientProviderError, f"HTTP {response.status}, {response.excerpt}")
    return classify(response)


class Grayscale(Issuer):
    """A SharesProvider of Grayscale's funds, by ticker or by the UUID of the workbook."""

    name = "grayscale"
    default_url = "https://reporting-prod-20231113144948145500000003.s3.us-east-1.amazonaws.com"
    endpoint = "/product-performance/{fund}.xlsx"
    classifier = staticmethod(classify_stored)
    columns: ClassVar = {
        "session": "Date",
        "nav_usd": "NAV Per Share",
        "shares": "Shares Outstanding",
        "net_assets_usd": "AUM",
    }
    convention = None
    table = "performance"

    @staticmethod
    def sheet(content: bytes) -> Grid:
        """The sheet of the history."""
        return xlsx_sheet(content, "Daily Performance")
