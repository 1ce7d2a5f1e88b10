"""21Shares as an issuer of ARKB: one JSON document a fund, with its daily valuations since inception.

The list ``data`` has an object a day, newest first: ``valuation_date`` (2026-10-08), ``nav_per_share``,
``total_units_outstanding``, ``total_nav``, ``index`` and others, null where a figure is missing. Nothing says when a
row was published. Other funds were seen at the same path of other hosts; whether this host has them is not known.
The data is 21Shares', for personal use; none of it may be passed on. Split convention: not said, so it is taken from
the figures (see ``convention_shown``).
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from marketflows_pipeline.providers.fund_issuers.grids import Grid
from marketflows_pipeline.providers.fund_issuers.issuer import Issuer
from marketflows_pipeline.providers.fund_issuers.records import record_grid
from marketflows_pipeline.providers.fund_issuers.workbooks import excerpt
from marketflows_pipeline.providers.http.responses import ParseError
from marketflows_pipeline.providers.parsing import decode

_DOCUMENT = msgspec.json.Decoder(dict[str, object])


class TwentyOneShares(Issuer):
    """A SharesProvider of 21Shares' funds, by ticker."""

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

    @staticmethod
    def sheet(content: bytes) -> Grid:
        """The list of valuations."""
        valuations = decode(_DOCUMENT, content).get("data")
        if not isinstance(valuations, list):
            raise ParseError(f"expected a list `data`, found {excerpt(content)}")
        return record_grid(valuations)
