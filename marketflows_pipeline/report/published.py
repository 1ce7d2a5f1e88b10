"""The published file as brief and page read it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from marketflows_pipeline.options import DEFAULT_PROVIDER
from marketflows_pipeline.providers.attribution import attribution
from marketflows_pipeline.system.printable import presentable_name
from marketflows_pipeline.warehouse.published import Reading, read_published

if TYPE_CHECKING:
    import polars as pl


class PublishedFile:
    """One published file, as it was when it was opened.

    Attributes:
        path: the link people open.
        is_tutorial: whether its figures are made up.
        now: the present; in the tutorial, whose figures never age, the moment of its publish.
        names: columns of an answer that hold what something is called by others.
    """

    names: ClassVar[frozenset[str]] = frozenset({"name", "label", "symbol", "exchange", "coin", "token"})

    def __init__(self, path: Path, reading: Reading, *, is_tutorial: bool, now: datetime) -> None:
        self.path = path
        self.is_tutorial = is_tutorial
        self._reading = reading
        rows = reading.rows("select table_name, part, status, as_of, n_rows, run_id, published_at from meta.publish")
        self._published = {row["table_name"]: row for row in rows}
        newest = max((row["published_at"] for row in rows), default=now)
        self.now = newest if is_tutorial else now

    def frame(self, sql: str, params: Mapping[str, Any] | None = None) -> pl.DataFrame:
        """All rows of a select, with presentable names; times are aware, in UTC.

        Args:
            sql: one select, with ``$name`` for each parameter.
            params: its parameters.
        """
        return self.with_presentable_names(self._reading.frame(sql, params))

    def with_presentable_names(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The frame with its names as they may be shown."""
        return with_texts(frame, self.names.intersection(frame.columns), presentable_name)

    def rows(self, sql: str, params: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """All rows of a select by column name, as `frame` gives them, for whoever need not wait for polars."""
        return [
            {key: presentable_name(str(value)) if key in self.names and value else value for key, value in row.items()}
            for row in self._reading.rows(sql, params)
        ]

    def has(self, table: str) -> bool:
        """Whether the file holds rows of this table or view."""
        entry = self._published.get(table)
        return entry is not None and entry["n_rows"] != 0

    def as_of(self, table: str) -> datetime | None:
        """Newest time in a table; None where it is missing or empty."""
        moment: datetime | None = self._published.get(table, {}).get("as_of")
        return moment

    @cached_property
    def _claim(self) -> Mapping[str, Any]:
        is_noted = self.has("meta.market_cap_provider")
        rows = self._reading.rows("select provider, cannot from meta.market_cap_provider") if is_noted else []
        return rows[0] if rows else {"provider": DEFAULT_PROVIDER, "cannot": None}

    @property
    def provider(self) -> str:
        """Whose market caps the file holds, as ``config.toml`` names the provider."""
        return str(self._claim["provider"])

    @property
    def provider_cannot(self) -> tuple[str, ...]:
        """What that provider cannot answer with the settings of the latest run; in one text, or none."""
        return (self._claim["cannot"],) if self._claim["cannot"] else ()

    @property
    def market_credit(self) -> str:
        """Whom the market caps are from."""
        return attribution(self.provider)

    @property
    def market_source(self) -> str:
        """The same with the address."""
        return attribution(self.provider, with_address=True)

    @property
    def bitcoin_id(self) -> str:
        """How that provider calls bitcoin."""
        from marketflows_pipeline.settings import SOURCES  # not every answer needs pydantic

        return next((source.bitcoin_id for name, source in SOURCES.items() if name == self.provider), "")

    def publish_row(self, table: str) -> Mapping[str, Any]:
        """The row of ``meta.publish`` of a table; empty where it is not published."""
        return self._published.get(table, {})


@contextmanager
def open_published_file(path: Path, *, is_tutorial: bool, now: datetime) -> Iterator[PublishedFile]:
    """Open the published file.

    Raises:
        MarketflowsError: if nothing is published there, or it cannot be opened.
    """
    with read_published(path) as reading:
        yield PublishedFile(path, reading, is_tutorial=is_tutorial, now=now)


def with_texts(frame: pl.DataFrame, columns: Iterable[str], shown: Callable[[str], str]) -> pl.DataFrame:
    """The frame with each different text of these columns as it is shown; nulls and empty texts stay."""
    for column in columns:
        texts = {text: shown(text) for text in frame[column].unique() if text}
        frame = frame.with_columns(frame[column].replace(texts))
    return frame
