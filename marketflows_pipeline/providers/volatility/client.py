"""Clients of Cboe and FRED, for volatility indices and reference series: one CSV file of values each, no key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

import polars as pl

from marketflows_pipeline.errors import NotFoundError
from marketflows_pipeline.providers.http.service_client import KeylessClient
from marketflows_pipeline.providers.protocols.cross_asset import REFERENCE_SCHEMA
from marketflows_pipeline.providers.volatility.csv_parser import MAX_BYTES, VIX, VIX3M, Layout, read_closes, read_values
from marketflows_pipeline.transforms.time_span import OWN_FILES_SINCE


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


class Cboe(VolatilityClient):
    """A VolatilityProvider over the files of Cboe, the exchange of VIX and VIX3M: VIX since 1990, VIX3M since 2009.

    Source: https://www.cboe.com/tradable_products/vix/vix_historical_data.
    """

    name = "cboe"
    default_url = "https://cdn.cboe.com"
    source = "cboe:daily_prices"
    endpoint = "/api/global/us_indices/daily_prices/{index}_History.csv"
    series: ClassVar = {VIX: VIX, VIX3M: VIX3M}

    @staticmethod
    def layout(series: str) -> Layout:
        """American dates; older files name the index in the column too."""
        return Layout({"date"}, {"close", f"{series.lower()} close"}, "%m/%d/%Y")


class Fred(VolatilityClient):
    """A VolatilityProvider and ReferenceProvider over the data of FRED's charts.

    Reference series, and the St. Louis Fed's copy of Cboe's VIX and VIX3M, a day later: VIX since 1990, VIX3M since
    2007. Source: Chicago Board Options Exchange, series VIXCLS and VXVCLS, retrieved from FRED, Federal Reserve Bank of
    St. Louis; https://fred.stlouisfed.org/series/VIXCLS. Of some series only the last years are served, as their owners
    wish: what was stored before stays.
    """

    name = "fred"
    default_url = "https://fred.stlouisfed.org"
    source = "fred:fredgraph"
    endpoint = "/graph/fredgraph.csv"
    series_param = "id"
    series: ClassVar = {VIX: "VIXCLS", VIX3M: "VXVCLS"}

    def reference_series(self, series_id: str) -> pl.DataFrame:
        """As of ReferenceProvider; values may be below 0.

        Raises:
            NotFoundError: the service dropped the series.
            TransientProviderError: the service kept failing, or sending a page or a truncated file.
            UnexpectedResponseError: a file of another layout; the message names the line.
        """
        return self._http.get_text(
            self.endpoint,
            lambda text: (
                read_values(
                    text,
                    self.layout(series_id),
                    what=f"{self.source} {series_id}",
                    now=self._clock.now(),
                    since=OWN_FILES_SINCE,
                )
                .with_columns(series_id=pl.lit(series_id), source=pl.lit(self.source))
                .select(REFERENCE_SCHEMA.names())
            ),
            params={self.series_param: series_id},
            limit_bytes=MAX_BYTES,
        )

    @staticmethod
    def layout(series: str) -> Layout:
        """A row a weekday, and a dot or nothing on a holiday; the column of dates was once DATE."""
        return Layout({"observation_date", "date"}, {series.lower(), "value"}, "%Y-%m-%d", missing={"."})
