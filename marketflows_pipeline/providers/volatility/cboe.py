"""Client of Cboe, the exchange of VIX and VIX3M: VIX since 1990, VIX3M since 2009.

Source: https://www.cboe.com/tradable_products/vix/vix_historical_data.
"""

from __future__ import annotations

from typing import ClassVar

from marketflows_pipeline.providers.volatility.client import VolatilityClient
from marketflows_pipeline.providers.volatility.csv_parser import VIX, VIX3M, Layout

BASE_URL = "https://cdn.cboe.com"
SOURCE = "cboe:daily_prices"


class Cboe(VolatilityClient):
    """A VolatilityProvider over Cboe's files; arguments as of `KeylessClient`."""

    name = "cboe"
    default_url = BASE_URL
    source = SOURCE
    endpoint = "/api/global/us_indices/daily_prices/{index}_History.csv"
    series: ClassVar = {VIX: VIX, VIX3M: VIX3M}

    @staticmethod
    def layout(series: str) -> Layout:
        """American dates; older files name the index in the column too."""
        return Layout({"date"}, {"close", f"{series.lower()} close"}, "%m/%d/%Y")
