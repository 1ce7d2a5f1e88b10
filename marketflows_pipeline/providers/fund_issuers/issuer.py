"""Base class of the clients of fund issuers: public files, no key, no published rate limit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import ClassVar

import polars as pl

from marketflows_pipeline.errors import NotFoundError
from marketflows_pipeline.providers.bad_rows import BadRows
from marketflows_pipeline.providers.fund_issuers.fund_ids import FUND_IDS
from marketflows_pipeline.providers.fund_issuers.grids import Grid
from marketflows_pipeline.providers.fund_issuers.share_figures import (
    AS_TRADED,
    DATE_FORMATS,
    Convention,
    convention_shown,
    read_figures,
    share_history,
)
from marketflows_pipeline.providers.fund_issuers.workbooks import xlsx_sheet
from marketflows_pipeline.providers.http.responses import Classification, Response, classify_file
from marketflows_pipeline.providers.http.service_client import KeylessClient


def classify(response: Response) -> Classification | None:
    """Classify by HTTP status; an unknown fund is 404 at one issuer, 400 at another."""
    failure = classify_file(response)
    is_refused = failure is not None and not failure.is_transient and not response.is_cdn_refusal
    if is_refused and response.status == HTTPStatus.BAD_REQUEST:
        return Classification(NotFoundError, f"HTTP 400, {response.excerpt}")
    return failure


class Issuer(KeylessClient):
    """A SharesProvider of one issuer's funds; arguments as of `KeylessClient`.

    Attributes:
        endpoint: of a fund's file, with the placeholder ``fund`` where it names the fund.
        params: query parameters that the issuer's site sends too.
        fund_param: the parameter that names the fund, where the endpoint does not.
        sheet_name: of the table of figures in a workbook, with ``*`` for any characters.
        columns: its columns, by their names here.
        date_formats: how it writes dates.
        derived: figures that the issuer does not publish, by those that it does.
        is_session: which rows are about a session.
        convention: of share counts before a split; None where the figures have to show it.
        table: what the issuer calls its table, for sources.
    """

    headers: ClassVar = {"accept": "*/*"}
    # A run requests each fund once.
    calls_per_minute = 20
    default_timeout = 60.0
    classifier = staticmethod(classify)
    endpoint: ClassVar[str]
    params: ClassVar[Mapping[str, str]] = {}
    fund_param: ClassVar[str | None] = None
    sheet_name: ClassVar[str]
    columns: ClassVar[Mapping[str, str]]
    date_formats: ClassVar[Sequence[str]] = DATE_FORMATS
    derived: ClassVar[Mapping[str, pl.Expr]] = {}
    is_session: ClassVar[pl.Expr] = pl.lit(value=True)
    convention: ClassVar[Convention | None] = AS_TRADED
    table: ClassVar[str]

    def shares_outstanding(self, symbol: str, share_id: str) -> pl.DataFrame:
        """As of SharesProvider; `share_id` is the issuer's own id of the fund, in any case, or empty for the symbol.

        Raises:
            NotFoundError: the issuer has no such fund.
            UnexpectedResponseError: the file is not of the known shape, or too many of its rows are not.
        """
        fund = self.fund(share_id or symbol)
        return self._http.get_bytes(
            self.endpoint,
            lambda content: self.read(content, symbol, self._clock.now()),
            path={"fund": fund},
            params={**self.params, self.fund_param: fund} if self.fund_param else self.params,
        )

    @classmethod
    def fund(cls, share_id: str) -> str:
        """What the issuer calls the fund in addresses, by the id of the settings."""
        ids = FUND_IDS.get(cls.name)
        return (ids.find(share_id) if ids else None) or share_id.lower()

    @classmethod
    def sheet(cls, content: bytes) -> Grid:
        """The table of figures in a file; errors as of `read`."""
        return xlsx_sheet(content, cls.sheet_name)

    @classmethod
    def read(cls, content: bytes, symbol: str, now: datetime) -> pl.DataFrame:
        """The history in a fund's file, in SHARES_SCHEMA.

        Raises:
            ParseError: not of the known shape, or too many rows would be left out.
            FailedResponseError: the file is truncated.
        """
        bad_rows = BadRows(f"{cls.name} shares of {symbol}")
        grid = cls.sheet(content)
        figures = read_figures(grid, cls.columns, bad_rows, now, cls.date_formats).filter(cls.is_session)
        figures = figures.with_columns(**cls.derived)
        convention = cls.convention or convention_shown(figures)
        source = f"{cls.name}:{cls.table}"
        return share_history(figures, bad_rows, symbol=symbol, convention=convention, source=source)
