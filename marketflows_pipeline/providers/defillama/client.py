"""Client of DefiLlama: what exchanges and protocols hold.

Source: https://api-docs.defillama.com. Data provided by DefiLlama.
"""

from __future__ import annotations

from mmap import ACCESS_READ, mmap
from pathlib import Path
from urllib.parse import quote

import polars as pl

from marketflows_pipeline.providers.defillama.errors import classify
from marketflows_pipeline.providers.defillama.parsers import read_cexs, read_exchange_protocols, slugify
from marketflows_pipeline.providers.defillama.reserves_parser import read_reserves
from marketflows_pipeline.providers.http.service_client import KeylessClient
from marketflows_pipeline.providers.protocols.exchanges import CexOverview, ReservesHistory
from marketflows_pipeline.transforms.time_span import COINS_SINCE, TimeSpan

BASE_URL = "https://api.llama.fi"


class DefiLlama(KeylessClient):
    """A ReservesProvider over DefiLlama; arguments as of `KeylessClient`."""

    name = "defillama"
    default_url = BASE_URL
    # The service publishes no limit; this stays well below those that were seen.
    calls_per_minute = 60
    # The largest responses take minutes.
    default_timeout = 180.0
    classifier = staticmethod(classify)

    def cexs(self) -> CexOverview:
        """All centralised exchanges as of now; the response has no time of its own."""
        return self._http.get_text("/cexs", read_cexs)

    def exchange_protocols(self) -> pl.DataFrame:
        """Protocols of the categories CEX and Dexs in PROTOCOL_SCHEMA, by falling TVL; from some 9 MB of all kinds."""
        return self._http.get_text("/protocols", read_exchange_protocols)

    def reserves_history(self, slug: str, folder: Path) -> ReservesHistory:
        """All records of one exchange, by way of a file, so that memory holds what is kept and no more.

        The folder is made where it is missing, and nothing stays in it.

        Raises:
            NotFoundError: there is no such protocol.
            UnexpectedResponseError: the response is not of the documented shape; the message names the place.
        """
        slug = slugify(slug)
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"protocol-{quote(slug, safe='')}.json"
        span = TimeSpan.ever(COINS_SINCE, now=self._clock.now())

        def read(file: Path) -> ReservesHistory:
            with file.open("rb") as opened, mmap(opened.fileno(), 0, access=ACCESS_READ) as content:
                return read_reserves(content, slug, span)

        try:
            return self._http.download("/protocol/{slug}", file, read, path={"slug": slug})
        finally:
            file.unlink(missing_ok=True)
