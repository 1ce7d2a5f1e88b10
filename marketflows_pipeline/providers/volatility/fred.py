"""Client of FRED, the second source of VIX and VIX3M: the St. Louis Fed's copy of Cboe's closes, a day later.

VIX since 1990, VIX3M since 2007. Source: Chicago Board Options Exchange, series VIXCLS and VXVCLS, retrieved from FRED,
Federal Reserve Bank of St. Louis; https://fred.stlouisfed.org/series/VIXCLS.
"""

from __future__ import annotations

from typing import ClassVar

from marketflows_pipeline.providers.volatility.client import VolatilityClient
from marketflows_pipeline.providers.volatility.csv_parser import VIX, VIX3M, Layout

BASE_URL = "https://fred.stlouisfed.org"
SOURCE = "fred:fredgraph"


class Fred(VolatilityClient):
    """A VolatilityProvider over the data of FRED's charts; arguments as of `KeylessClient`."""

    name = "fred"
    default_url = BASE_URL
    source = SOURCE
    endpoint = "/graph/fredgraph.csv"
    series_param = "id"
    series: ClassVar = {VIX: "VIXCLS", VIX3M: "VXVCLS"}

    @staticmethod
    def layout(series: str) -> Layout:
        """A row a weekday, and a dot or nothing on a holiday; the column of dates was once DATE."""
        return Layout({"observation_date", "date"}, {series.lower(), "value"}, "%Y-%m-%d", missing={"."})
