"""Base class of the clients of volatility indices: one CSV file of closes an index, no key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

import polars as pl

from marketflows_pipeline.errors import NotFoundError
from marketflows_pipeline.providers.http.service_client import KeylessClient
from marketflows_pipeline.providers.volatility.csv_parser import MAX_BYTES, Layout, read_closes


class VolatilityClient(KeylessClient):
    """A VolatilityProvider of one service; arguments as of `KeylessClient`.

    Attributes:
        source: of the rows.
        endpoint: of the files, with the placeholder ``index`` where it names the series.
        series_param: the query parameter that names the series, where the endpoint does not.
        series: the service's own name of each index.
        layout: of the file of a series.
    """

    headers: ClassVar = {"accept": "text/csv, text/*;q=0.9"}
    source: ClassVar[str]
    endpoint: ClassVar[str]
    series_param: ClassVar[str | None] = None
    series: ClassVar[Mapping[str, str]]
    layout: Callable[[str], Layout]

    def volatility_index(self, index_name: str) -> pl.DataFrame:
        """As of VolatilityProvider.

        Raises:
            NotFoundError: another index than VIX and VIX3M, without a request; or the service dropped the series.
            TransientProviderError: the service kept failing, or sending a page or a truncated file.
            UnexpectedResponseError: a file of another layout; the message names the line.
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
            params={self.series_param: series} if self.series_param else None,
            limit_bytes=MAX_BYTES,
        )
