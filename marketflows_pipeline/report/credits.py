"""Where figures are from, as the stored rows say, and that they are made up where they are; quick to import."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from marketflows_pipeline.options import DEFAULT_PROVIDER
from marketflows_pipeline.providers.attribution import attribution, service_name
from marketflows_pipeline.warehouse.accepted import accepted_name

if TYPE_CHECKING:
    from marketflows_pipeline.report.published import PublishedFile

MADE_UP = "Tutorial: made-up figures, about no real market"
# Of exchange volumes; market caps are of the provider that the file names.
COINGECKO, DEFILLAMA = attribution(DEFAULT_PROVIDER), "Data provided by DefiLlama"

BARS, SHARES, VOLATILITY = "raw.daily_bars", "raw.shares_outstanding", "raw.volatility_index"
REFERENCE = "raw.reference_series"
# Beside those of market caps.
SERVICES = {
    "yahoo": "Yahoo",
    "ssga": "State Street",
    "blackrock": "BlackRock",
    "spdr_gold": "SPDR Gold",
    "invesco": "Invesco",
    "grayscale": "Grayscale",
    "twentyone_shares": "21Shares",
    "vaneck": "VanEck (derived: net assets over net asset value)",
    "cboe": "Cboe",
    "fred": "FRED (Federal Reserve Bank of St. Louis)",
}
_WHAT = {
    BARS: "prices from",
    SHARES: "shares outstanding from",
    VOLATILITY: "VIX from",
    REFERENCE: "reference series from",
}


def service_names(sources: Iterable[str]) -> str:
    """The services that sources such as ``yahoo:chart`` belong to, each once."""
    services = dict.fromkeys(name.partition(":")[0] for name in sources)
    return ", ".join(SERVICES.get(name, service_name(name)) for name in services)


def credit(file: PublishedFile, words: str) -> str:
    """The words, or that the figures are made up."""
    return MADE_UP if file.is_tutorial else words


def market_credit(file: PublishedFile, *tables: str) -> str:
    """Whom the cross-asset figures are from, by the raw tables that they were made from."""
    if file.is_tutorial:
        return MADE_UP
    parts, is_synthetic = [], False
    for table in tables:
        if file.has(table):
            found = file.frame(f"select distinct source from {accepted_name(table)} order by source")["source"]
            is_synthetic |= any("synthetic" in source for source in found)
            parts.append(f"{_WHAT[table]} {service_names(found)}")
    words = ", ".join(parts) or "no source is stored"
    return f"Synthetic: {words}" if is_synthetic else words
