"""Where reports come from: the published file, the hour, and what both say about the age of a figure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from marketflows_pipeline.cli.report_context import ReportContext
from marketflows_pipeline.cli.reports.report import header
from marketflows_pipeline.errors import MarketflowsError
from marketflows_pipeline.report.ages import market_cap_limit
from marketflows_pipeline.report.published import PublishedFile
from marketflows_pipeline.warehouse.published import Reading, read_published

if TYPE_CHECKING:
    import polars as pl


class PublishedData(PublishedFile):
    """The published file as a report sees it; see `open_published_data`.

    Attributes:
        context: what command line and settings say.
    """

    names = frozenset({"name", "exchange", "coin", "symbol", "category", "asset_group"})

    def __init__(self, context: ReportContext, reading: Reading) -> None:
        super().__init__(context.path, reading, is_tutorial=context.is_tutorial, now=context.now)
        self.context = context

    def row(self, sql: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The first row of a query; empty where there is none."""
        return next(iter(self.rows(sql, params)), {})

    def table(self, name: str, columns: Sequence[str]) -> pl.DataFrame:
        """Columns of a registered table, for a transform; names are presentable here too."""
        return self.with_presentable_names(self._reading.table(name, columns))

    def require(self, table: str) -> None:
        """Go on only if the file holds rows of this table.

        Raises:
            MarketflowsError: naming the command that fetches them.
        """
        if not self.has(table):
            raise no_data(self.context)

    def published_at(self, table: str) -> datetime | None:
        """When the table's data was first published."""
        moment: datetime | None = self.publish_row(table).get("published_at")
        return moment

    def is_stale(self, as_of: datetime | None, limit: timedelta) -> bool:
        """Whether data of that moment is older than the limit; data without a moment is."""
        return as_of is None or self.now - as_of > limit

    def is_stale_by_market_caps(self, as_of: datetime | None, usual: timedelta) -> bool:
        """The same of what market caps tell, which own files have as often as their owners add rows."""
        return self.is_stale(as_of, market_cap_limit(self, usual))

    def header(self, as_of: datetime | None, *, stale: bool) -> dict[str, Any]:
        """The keys that every report begins with."""
        return header(self.context.now, as_of, stale=stale, synthetic=self.context.is_tutorial)

    def credit(self, words: str) -> str:
        """Where the figures are from, and that they are synthetic where they are."""
        return self.context.part.synthetic_note + words if self.context.is_tutorial else words

    def without_reserves(self) -> list[dict[str, Any]]:
        """The ten largest centralised exchanges by volume of which no reserves are known."""
        if not self.has("mart.exchange_coverage"):
            return []
        return self.rows(
            "select exchange_key as exchange_id, name as exchange, volume_24h_btc, reason from mart.exchange_coverage "
            "where aspect = 'reserves' order by volume_24h_btc desc nulls last, exchange_key limit 10"
        )


def no_data(context: ReportContext, of: str = "") -> MarketflowsError:
    """The error for a file without the data that a report needs."""
    subject = f"{context.part.subject} data {of}".rstrip()
    return MarketflowsError(f"no {subject} is published at {context.path} yet; {context.how_to_fetch}")


@contextmanager
def open_published_data(context: ReportContext) -> Iterator[PublishedData]:
    """Open the published file for one report.

    Raises:
        MarketflowsError: if there is no such file, or it cannot be opened.
    """
    if not context.path.exists():
        raise no_data(context)
    with read_published(context.path) as reading:
        yield PublishedData(context, reading)
