"""Invesco as an issuer of QQQ and others: a JSON object a fund with the newest figures, and no history of shares.

The object has ``effectiveDate`` (2026-10-08), ``nav``, ``sharesOutstanding`` and others. ``effectiveDate`` may be a
Saturday; ``effectiveBusinessDate`` is given beside it in some answers only. So a history accrues: each day that is
asked for adds one. An unknown fund is an empty text under HTTP 200; funds are asked for by CUSIP, as tickers fail for
many. ``productSubType`` tells trusts of coins and currencies from other funds. Reports on HTTP 406 contradict each
other: browsers, requests without an origin and quick successions were refused, and neutral requests served. The data is
Invesco's, for personal use; none of it may be passed on. Split convention: as traded, for a count is that of its day.
"""

from __future__ import annotations

from datetime import date, timedelta
from http import HTTPStatus
from typing import ClassVar

import msgspec
import polars as pl

from marketflows_pipeline.errors import NotFoundError, PermanentProviderError
from marketflows_pipeline.providers.fund_issuers.grids import Grid
from marketflows_pipeline.providers.fund_issuers.issuer import Issuer, classify
from marketflows_pipeline.providers.fund_issuers.records import record_grid
from marketflows_pipeline.providers.http.responses import Classification, ParseError, Response
from marketflows_pipeline.providers.parsing import decode, described

NO_FUND = b'""'
LISTED_FUND, TRUST = "ETF", "ETF-Non-40 Act"
# Bitcoin and ether trusts; of other funds the kind is found out.
TRUSTS = frozenset({"46091J101", "46148D107"})
OF_ITS_PAGE = {"origin": "https://www.invesco.com", "referer": "https://www.invesco.com/"}
FRIDAY = 4

_SNAPSHOT = msgspec.json.Decoder(dict[str, object])


def classify_snapshot(response: Response) -> Classification | None:
    """Classify by HTTP status; an empty text is an unknown fund."""
    if response.is_success and response.content.strip() == NO_FUND:
        return Classification(NotFoundError, f"HTTP {response.status}, an empty text, as for an unknown fund")
    return classify(response)


class Invesco(Issuer):
    """A SharesProvider of Invesco's funds, by CUSIP; each answer has the newest session alone."""

    name = "invesco"
    default_url = "https://dng-api.invesco.com"
    endpoint = "/cache/v1/accounts/en_US/shareclasses/{fund}/prices"
    params: ClassVar = {"idType": "cusip", "variationType": "priceListing", "productType": "ETF"}
    # Quick successions were refused.
    calls_per_minute = 6
    classifier = staticmethod(classify_snapshot)
    columns: ClassVar = {"session": "effectiveDate", "nav_usd": "nav", "shares": "sharesOutstanding"}
    table = "snapshot"

    def shares_outstanding(self, symbol: str, share_id: str) -> pl.DataFrame:
        """As of SharesProvider, with one row; `share_id` is a CUSIP.

        Raises:
            NotFoundError: Invesco has no such fund.
            UnexpectedResponseError: the answer is not of the known shape, or about another fund.
        """
        fund = (share_id or symbol).upper()
        usual, other = (TRUST, LISTED_FUND) if fund in TRUSTS else (LISTED_FUND, TRUST)
        try:
            return self._snapshot(symbol, fund, usual)
        except NotFoundError:
            return self._snapshot(symbol, fund, other)

    @classmethod
    def sheet(cls, content: bytes) -> Grid:
        """The object as a table of one row."""
        return record_grid([_dated(decode(_SNAPSHOT, content))])

    def _snapshot(self, symbol: str, fund: str, kind: str) -> pl.DataFrame:
        try:
            return self._request(symbol, fund, kind)
        except PermanentProviderError as refused:
            if refused.status != HTTPStatus.NOT_ACCEPTABLE:
                raise
            return self._request(symbol, fund, kind, OF_ITS_PAGE)

    def _request(self, symbol: str, fund: str, kind: str, headers: dict[str, str] | None = None) -> pl.DataFrame:
        def parse(content: bytes) -> pl.DataFrame:
            _refuse_others(decode(_SNAPSHOT, content), fund)
            return self.read(content, symbol, self._clock.now())

        params = {**self.params, "productSubType": kind}
        return self._http.get_bytes(self.endpoint, parse, path={"fund": fund}, params=params, headers=headers)


def _dated(snapshot: dict[str, object]) -> dict[str, object]:
    """The snapshot, dated by its session: the business date, else the last weekday up to its date."""
    day = snapshot.get("effectiveBusinessDate") or snapshot.get("effectiveDate")
    try:
        dated = date.fromisoformat(str(day)[:10])
    except ValueError:
        return {**snapshot, "effectiveDate": day}
    return {**snapshot, "effectiveDate": str(dated - timedelta(days=max(0, dated.weekday() - FRIDAY)))}


def _refuse_others(snapshot: dict[str, object], fund: str) -> None:
    """Refuse what is about another fund or in another currency, where the answer says so.

    Raises:
        ParseError: it is.
    """
    for key, expected in (("cusip", fund), ("currency", "USD")):
        said = snapshot.get(key)
        if said is not None and str(said).upper() != expected:
            raise ParseError(f"`{key}` should be {expected}, found {described(said)}")
