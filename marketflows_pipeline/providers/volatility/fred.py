"""Client of FRED: reference series, and the St. Louis Fed's copy of Cboe's VIX and VIX3M, a day later.

VIX since 1990, VIX3M since 2007. Source: Chicago Board Options Exchange, series VIXCLS and VXVCLS, retrieved from FRED,
Federal Reserve Bank of St. Louis; https://fred.stlouisfed.org/series/VIXCLS. Of some series only the last years are
served, as their owners wish: what was stored before stays.
"""

from __future__ import annotations

from typing import ClassVar

import polars as pl

from marketflows_pipeline.providers.protocols.cross_asset import REFERENCE_SCHEMA
from marketflows_pipeline.providers.volatility.client import VolatilityClient
from marketflows_pipeline.providers.volatility.csv_parser import MAX_BYTES, VIX, VIX3M, Layout, read_values
from marketflows_pipeline.transforms.time_span import OWN_FILES_SINCE

BASE_URL = "https://fred.stlouisfed.org"
SOURCE = "fred:fredgraph"


class Fred(VolatilityClient):
    """A VolatilityProvider and ReferenceProvider over the data of FRED's charts; arguments as of `KeylessClient`."""

    name = "fred"
    default_url = BASE_URL
    source = SOURCE
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
                    what=f"{SOURCE} {series_id}",
                    now=self._clock.now(),
                    since=OWN_FILES_SINCE,
                )
                .with_columns(series_id=pl.lit(series_id), source=pl.lit(SOURCE))
                .select(REFERENCE_SCHEMA.names())
            ),
            params={self.series_param: series_id},
            limit_bytes=MAX_BYTES,
        )

    @staticmethod
    def layout(series: str) -> Layout:
        """A row a weekday, and a dot or nothing on a holiday; the column of dates was once DATE."""
        return Layout({"observation_date", "date"}, {series.lower(), "value"}, "%Y-%m-%d", missing={"."})
