"""Every issuer of funds that there is a client of: where its files are, and what it calls its figures.

The data is each issuer's own, for personal use; none of it may be passed on.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import ClassVar

import msgspec
import polars as pl

from marketflows_pipeline.errors import TransientProviderError
from marketflows_pipeline.providers.fund_issuers.grids import Grid
from marketflows_pipeline.providers.fund_issuers.invesco import Invesco
from marketflows_pipeline.providers.fund_issuers.issuer import Issuer, classify
from marketflows_pipeline.providers.fund_issuers.records import record_grid
from marketflows_pipeline.providers.fund_issuers.spreadsheetml import spreadsheetml_sheet
from marketflows_pipeline.providers.fund_issuers.workbooks import excerpt
from marketflows_pipeline.providers.http.responses import Classification, ParseError, Response
from marketflows_pipeline.providers.parsing import decode

NO_BUCKET = b"<Code>NoSuchBucket</Code>"
FRIDAY = 5
# Of issuers that publish no count of shares.
SHARES_OF_NET_ASSETS = pl.col("net_assets_usd") / pl.col("nav_usd")

_DOCUMENT = msgspec.json.Decoder(dict[str, object])


class StateStreet(Issuer):
    """A SharesProvider of SPY, DIA and the other SPDR funds, by ticker: one workbook a fund, with its whole history.

    The sheet has the fund's name and ticker above a table with dates such as 24-Sep-2026, newest first, and blank rows
    and a notice below it; SPY goes back to 2003-12-01. An unknown ticker is a page under HTTP 404. Nothing says when a
    row was published: it is there the next morning. Split convention: as traded. When XLK split 2:1 on 2025-12-05, its
    row of that day has twice the shares at half the value of the row before, and earlier rows stayed as they were.
    """

    name = "ssga"
    default_url = "https://www.ssga.com"
    endpoint = "/library-content/products/fund-data/etfs/us/navhist-us-en-{fund}.xlsx"
    sheet_name = "navhist"
    columns: ClassVar = {
        "session": "Date",
        "nav_usd": "NAV",
        "shares": "Shares Outstanding",
        "net_assets_usd": "Total Net Assets",
    }
    table = "navhist"


class BlackRock(Issuer):
    """A SharesProvider of iShares funds, by portfolio id such as 239710 for IWM: one SpreadsheetML document a fund.

    The document has 4 to 28 MB, most of it holdings, begins with one or two byte order marks, and holds bare
    ampersands. The sheet is a table since the fund's inception with dates such as Sep 25, 2026, newest first, and
    ``--`` where a figure is missing; some funds have more columns, none has net assets. An unknown portfolio is HTTP
    400. Earlier addresses (``….ajax``) now answer with a page under HTTP 200. Nothing says when a row was published: it
    is there the next morning. Split convention: BlackRock does not say, and it is not settled from outside, so it is
    taken from the figures: as traded where a split shows in them, else in present shares (see ``convention_shown``).
    """

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
    sheet_name = "Historical"
    columns: ClassVar = {"session": "As Of", "nav_usd": "NAV per Share", "shares": "Shares Outstanding"}
    convention = None
    table = "historical"

    @classmethod
    def sheet(cls, content: bytes) -> Grid:
        """The sheet of the history; the others are not parsed."""
        return spreadsheetml_sheet(content, cls.sheet_name)


class SpdrGold(Issuer):
    """A SharesProvider of GLD: one workbook with the trust's whole history, after a sheet with a disclaimer.

    The table begins on 2004-11-18, with dates such as 01-Sep-2026; on days without a figure every cell says so (``US
    Holiday``, and in earlier files ``HOLIDAY``, ``NYSE Closed`` or ``AWAITED``). Earlier files wrote ``NAV/share at
    10.30 a.m. NYT``, which is the same letters. Nothing says when a row was published: it is there after the close.
    Shares are not published: they are net assets over net asset value, and stored as that quotient. Shares come and go
    by the 100,000; what the quotient misses of a whole basket is the rounding of the two printed figures, which is
    undone where flows are made of it (transforms/cross_asset/share_sources.py).
    Split convention: as traded. GLD has never been split, so that both conventions say the same.
    """

    name = "spdr_gold"
    default_url = "https://api.spdrgoldshares.com"
    endpoint = "/api/v1/historical-archive"
    params: ClassVar = {"exchange": "NYSE", "lang": "en"}
    fund_param = "product"
    sheet_name = "*Historical Archive"
    columns: ClassVar = {
        "session": "Date",
        "nav_usd": "NAV/Share at 10:30am NYT",
        "net_assets_usd": "Total Net Asset Value in the Trust",
    }
    derived: ClassVar = {"shares": SHARES_OF_NET_ASSETS}
    table = "archive"


def classify_stored(response: Response) -> Classification | None:
    """Classify by HTTP status, but for a bucket that is said to be gone: it comes back."""
    if response.status == HTTPStatus.NOT_FOUND and NO_BUCKET in response.content:
        return Classification(TransientProviderError, f"HTTP {response.status}, {response.excerpt}")
    return classify(response)


class Grayscale(Issuer):
    """A SharesProvider of GBTC, BTC, ETHE and ETH, by ticker or by the UUID of the workbook: one a fund, with all days.

    The table is newest first, with others beside its columns; another sheet, ``Holdings``, has coins. A new file is
    there at about 5:00 UTC. The store answers now and then that the bucket does not exist (``NoSuchBucket`` under HTTP
    404), which passes. Split convention: not said, so it is taken from the figures (see ``convention_shown``).
    """

    name = "grayscale"
    default_url = "https://reporting-prod-20231113144948145500000003.s3.us-east-1.amazonaws.com"
    endpoint = "/product-performance/{fund}.xlsx"
    classifier = staticmethod(classify_stored)
    sheet_name = "Daily Performance"
    columns: ClassVar = {
        "session": "Date",
        "nav_usd": "NAV Per Share",
        "shares": "Shares Outstanding",
        "net_assets_usd": "AUM",
    }
    convention = None
    table = "performance"


class TwentyOneShares(Issuer):
    """A SharesProvider of ARKB, by ticker: one JSON document a fund, with its daily valuations since inception.

    The list ``data`` has an object a day, newest first, with a date such as 2026-10-08 and others beside its columns,
    null where a figure is missing. Nothing says when a row was published. Other funds were seen at the same path of
    other hosts; whether this host has them is not known. Split convention: not said, so it is taken from the figures
    (see ``convention_shown``).
    """

    name = "twentyone_shares"
    default_url = "https://api.secondary.21shares.com"
    endpoint = "/api/product_valuation_history/{fund}"
    columns: ClassVar = {
        "session": "valuation_date",
        "nav_usd": "nav_per_share",
        "shares": "total_units_outstanding",
        "net_assets_usd": "total_nav",
    }
    convention = None
    table = "valuations"

    @classmethod
    def fund(cls, share_id: str) -> str:
        """The ticker in capitals."""
        return share_id.upper()

    @classmethod
    def sheet(cls, content: bytes) -> Grid:
        """The list of valuations."""
        valuations = decode(_DOCUMENT, content).get("data")
        if not isinstance(valuations, list):
            raise ParseError(f"expected a list `data`, found {excerpt(content)}")
        return record_grid(valuations)


class VanEck(Issuer):
    """A SharesProvider of HODL; of VanEck's other funds by their names in the site's addresses: one workbook a fund.

    The only sheet has a title above a table of prices and net assets since inception, with dates such as 10/08/2026
    and others beside its columns; on weekends Friday's figures are repeated. Without the site's cookie it answers with
    a redirect. Nothing says when a row was published.
    Shares are not published: they are net assets over net asset value, stored as that quotient under a source that says
    ``derived``. Both figures are rounded, and how many shares come and go together is not known, so that small flows
    may be rounding alone. Split convention: not said, so it is taken from the figures (see ``convention_shown``).
    """

    name = "vaneck"
    default_url = "https://www.vaneck.com"
    endpoint = "/us/en/investments/{fund}/downloads/fundhistoprices/"
    headers: ClassVar = {**Issuer.headers, "cookie": "vaneck_cookies=1"}
    sheet_name = "*"
    columns: ClassVar = {"session": "Date", "nav_usd": "NAV", "net_assets_usd": "AUM"}
    date_formats: ClassVar = (*Issuer.date_formats, "%m/%d/%Y")
    derived: ClassVar = {"shares": SHARES_OF_NET_ASSETS}
    is_session: ClassVar = pl.col("session").dt.weekday() <= FRIDAY
    convention = None
    table = "derived"


ISSUERS: tuple[type[Issuer], ...] = (StateStreet, BlackRock, SpdrGold, Invesco, Grayscale, TwentyOneShares, VanEck)
