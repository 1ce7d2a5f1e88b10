"""Cboe as the source of VIX and VIX3M: the exchange's own files.

Source: https://www.cboe.com/tradable_products/vix/vix_historical_data.
"""

from __future__ import annotations

from typing import ClassVar

import polars as pl

from marketflows_pipeline.errors import NotFoundError
from marketflows_pipeline.providers.http.service_client import KeylessClient
from marketflows_pipeline.providers.volatility.csv_parser import MAX_BYTES, VIX, VIX3M, Layout, read_closes

BASE_URL = "https://cdn.cboe.com"
SOURCE = "cboe:daily_prices"
INDICES = (VIX, VIX3M)


def layout_of(index_name: str) -> Layout:
    """The layout of an index's file: American dates; older ones name the index in the column too."""
    return Layout({"date"}, {"close", f"{index_name.lower()} close"}, "%m/%d/%Y")


class Cboe(KeylessClient):
    """A VolatilityProvider that asks Cboe, which needs no key; arguments as of `KeylessClient`."""

    name = "cboe"
    default_url = BASE_URL
    headers: ClassVar = {"accept": "text/csv, text/*;q=0.9"}

    def volatility_index(self, index_name: str) -> pl.DataFrame:
        """All closes in VOLATILITY_SCHEMA, by session: VIX since 1990, VIX3M since 2009.

        Args:
            index_name: VIX or VIX3M.

        Raises:
            NotFoundError: another index; nothing was asked. Or the file is gone.
            TransientProviderError: the service kept failing, or sending a page or half a file.
            UnexpectedResponseError: a file of another layout; the message names the line.
            PermanentProviderError: the service refused.
        """
        if index_name not in INDICES:
            raise NotFoundError(f"cboe is asked for {' and '.join(INDICES)} only, not {index_name}", provider=self.name)
        return self._http.get_text(
            "/api/global/us_indices/daily_prices/{index}_History.csv",
            lambda text: read_closes(
                text, layout_of(index_name), index_name=index_name, source=SOURCE, now=self._clock.now()
            ),
            path={"index": index_name},
            limit_bytes=MAX_BYTES,
        )
