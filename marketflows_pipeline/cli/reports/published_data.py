"""Where reports come from: the published file, the hour, and what both say about the age of a figure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from marketflows_pipeline.cli.report_context import ReportContext
from marketflows_pipeline.errors import MarketflowsError
from marketflows_pipeline.report import ages
from marketflows_pipeline.system.printable import presentable_name
from marketflows_pipeline.warehouse.published import Reading, read_published

if TYPE_CHECKING:
    import polars as pl

HOURLY_LIMIT = ages.HOURLY_LIMIT
DAILY_LIMIT = ages.DAILY_LIMIT

# Columns of a query that hold what something is called.
NAMES = frozenset({"name", "exchange", "coin", "symbol", "category"})


class PublishedData:
    """The published file as a report sees it; see `open_published_data`.

    Attributes:
        context: what command line and settings say.
        judged_at: the moment that ages are counted to.
    """

    def __init__(self, context: ReportContext, reading: Reading) -> None:
        self.context = context
        self._reading = reading
        rows = reading.rows("select table_name, as_of, n_rows, published_at from meta.publish")
        self._published = {row["table_name"]: row for row in rows}
        newest = max((row["published_at"] for row in rows), default=context.now)
        # The tutorial's figures never age: its present is the moment of its own publish.
        self.judged_at = newest if context.is_tutorial else context.now

    @property
    def now(self) -> datetime:
        """The moment that ages are counted to."""
        return self.judged_at

    def rows(self, sql: str, params: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """All rows of a query, by column name; names are presentable, whoever published the file."""
        return [
            {key: _name(value) if key in NAMES and value else value for key, value in row.items()}
            for row in self._reading.rows(sql, params)
        ]

    def row(self, sql: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The first row of a query; empty where there is none."""
        return next(iter(self.rows(sql, params)), {})

    def table(self, name: str, columns: Sequence[str]) -> pl.DataFrame:
        """Columns of a registered table, for a transform; names are presentable here too."""
        frame = self._reading.table(name, columns)
        for column in NAMES.intersection(columns):
            named = {value: presentable_name(value) for value in frame[column].unique() if value}
            frame = frame.with_columns(frame[column].replace(named))
        return frame

    def has(self, table: str) -> bool:
        """Whether the file holds rows of this table."""
        return bool(self._published.get(table, {}).get("n_rows"))

    def require(self, table: str) -> None:
        """Go on only if the file holds rows of this table.

        Raises:
            MarketflowsError: naming the command that fetches them.
        """
        if not self.has(table):
            raise no_data(self.context)

    def as_of(self, table: str) -> datetime | None:
        """Newest time in a table; None where it is missing or empty."""
        moment: datetime | None = self._published.get(table, {}).get("as_of")
        return moment

    def published_at(self, table: str) -> datetime | None:
        """When the table's data was first published."""
        moment: datetime | None = self._published.get(table, {}).get("published_at")
        return moment

    def is_stale(self, as_of: datetime | None, limit: timedelta) -> bool:
        """Whether data of that moment is older than the limit; data without a moment is."""
        return as_of is None or self.judged_at - as_of > limit

    def header(self, as_of: datetime | None, *, stale: bool) -> dict[str, Any]:
        """The keys that every report begins with."""
        return {
            "timestamp": self.context.now,
            "as_of": as_of,
            "stale": stale,
            "synthetic": self.context.is_tutorial,
        }

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


def _name(value: object) -> str:
    # Another column type than that of the registry, in a file that somebody else made.
    return presentable_name(value if isinstance(value, str) else str(value))


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
