"""Ids by which issuers call their funds: what they look like, and the tickers that stand for them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

GRAYSCALE = {
    "GBTC": "672e88c7-dac6-4fcd-9069-18eef01a2c73",
    "BTC": "9ba286d6-3067-4153-b430-81d9d7a25696",
    "ETHE": "585fdb73-c55c-40cd-bb35-e1b532d72e70",
    "ETH": "52edbb6f-93e8-4b73-85f6-6b347706bc2a",
}
VANECK = {"HODL": "bitcoin-etf-hodl"}


class FundIds(NamedTuple):
    """The ids of one issuer.

    Attributes:
        pattern: of an id, in small letters.
        expected: what that is, in words.
        tickers: ids by tickers that stand for them.
    """

    pattern: str
    expected: str
    tickers: Mapping[str, str] = {}

    def find(self, share_id: str) -> str | None:
        """The issuer's own id of a fund, by that id or a ticker in any case; None where it is neither."""
        fund = self.tickers.get(share_id.upper(), share_id.lower())
        return fund if re.fullmatch(self.pattern, fund) else None


FUND_IDS = {
    "blackrock": FundIds(r"[0-9]{1,12}", "a portfolio id such as 239710"),
    "invesco": FundIds(r"[0-9a-z]{8}[0-9]", "a CUSIP such as 46090E103"),
    "grayscale": FundIds(
        r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", f"{', '.join(GRAYSCALE)} or the UUID of a workbook", GRAYSCALE
    ),
    "vaneck": FundIds(
        r"[a-z0-9]+(-[a-z0-9]+)+", f"{', '.join(VANECK)} or a fund's name in vaneck.com's addresses", VANECK
    ),
}
