"""Base class of the clients of volatility indices: one CSV file of closes an index, no key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import polars as pl

from marketflows_pipeline.errors import NotFoundError
from marketflows_pipeline.providers.http.service_client import KeylessClient
from marketflows_pipeline.providers.volatility.csv_parser import MAX_BYTES, Layout, read_closes


class VolatilityClient(KeylessClient):
    """A VolatilityProvider of one service; arguments as of `KeylessClient`.

    Attributes:
        source: of the rows.
        endpoint: of the files, with the placeholder ``index``.
        series: the service's own name of each index.
    """

    headers: ClassVar = {"accept": "text/csv, text/*;q=0.9"}
    source: ClassVar[str]
    endpoint: ClassVar[str]
    series: ClassVar[Mapping[str, str]]

    def volatility_index(self, index_name: str) -> pl.DataFrame:
        """All closes in VOLATILITY_SCHEMA, by session.

        Args:
            index_name: VIX or VIX3M.

        Raises:
            NotFoundError: another index, without a request; or the service no longer has the series.
            TransientProviderError: the service kept failing, or sending a page or a truncated file.
            UnexpectedResponseError: a file of another layout; the message names the line.
            PermanentProviderError: the service refused.
        """
        if index_name not in self.series:
            raise NotFoundError(
                f"{self.name} is used for {' and '.join(self.series)} only, not {index_name}", provider=self.name
            )
        series = self.series[index_name]
        return self._http.get_text(
            self.endpoint,
            lambda text: read_closes(
                text, self.layout(series), index_name=index_name, source=self.source, now=self._clock.now()
            ),
            path={"index": series},
            params=self.params(series),
            limit_bytes=MAX_BYTES,
        )

    @staticmethod
    def layout(series: str) -> Layout:
        """The layout of a series' file."""
        raise NotImplementedError

    @staticmethod
    def params(series: str) -> Mapping[str, str]:
        """Query parameters of a request for a series."""
        del series
        return {}
