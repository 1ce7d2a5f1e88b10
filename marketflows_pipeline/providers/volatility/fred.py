"""FRED as the second source of VIX and VIX3M: the St. Louis Fed's copy of Cboe's closes, a day later.

Source: Chicago Board Options Exchange, series VIXCLS and VXVCLS, retrieved from FRED, Federal Reserve Bank of St.
Louis; https://fred.stlouisfed.org/series/VIXCLS.
"""

from __future__ import annotations

from typing import ClassVar

import polars as pl

from marketflows_pipeline.errors import NotFoundError
from marketflows_pipeline.providers.http.service_client import KeylessClient
from marketflows_pipeline.providers.volatility.csv_parser import MAX_BYTES, VIX, VIX3M, Layout, read_closes

BASE_URL = "https://fred.stlouisfed.org"
SOURCE = "fred:fredgraph"
SERIES = {VIX: "VIXCLS", VIX3M: "VXVCLS"}


def layout_of(series: str) -> Layout:
    """The layout of a series: a row a weekday, and a dot or nothing on a holiday; the column of dates was once DATE."""
    return Layout({"observation_date", "date"}, {series.lower(), "value"}, "%Y-%m-%d", missing={"."})


class Fred(KeylessClient):
    """A VolatilityProvider that asks FRED, whose charts' data need no key; arguments as of `KeylessClient`."""

    name = "fred"
    default_url = BASE_URL
    headers: ClassVar = {"accept": "text/csv, text/*;q=0.9"}

    def volatility_index(self, index_name: str) -> pl.DataFrame:
        """All closes in VOLATILITY_SCHEMA, by session: VIX since 1990, VIX3M since 2007.

        Args:
            index_name: VIX or VIX3M.

        Raises:
            NotFoundError: another index; nothing was asked. Or the series is gone.
            TransientProviderError: the service kept failing, or sending a page or half a file.
            UnexpectedResponseError: a file of another layout; the message names the line.
            PermanentProviderError: the service refused.
        """
        if index_name not in SERIES:
            raise NotFoundError(f"fred is asked for {' and '.join(SERIES)} only, not {index_name}", provider=self.name)
        series = SERIES[index_name]
        return self._http.get_text(
            "/graph/fredgraph.csv",
            lambda text: read_closes(
                text, layout_of(series), index_name=index_name, source=SOURCE, now=self._clock.now()
            ),
            params={"id": series},
            limit_bytes=MAX_BYTES,
        )
