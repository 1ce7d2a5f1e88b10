"""DefiLlama as a service of reserves: what exchanges and protocols hold.

What belongs here: which requests answer which question. What does not: what the answers mean (defillama_answers.py,
defillama_reserves.py), retrying and pacing (http.py).
Source: https://api-docs.defillama.com. Data provided by DefiLlama.
"""

from __future__ import annotations

from mmap import ACCESS_READ, mmap
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import httpx
import polars as pl

from marketflows_pipeline.clock import Clock
from marketflows_pipeline.errors import BadAnswerError
from marketflows_pipeline.providers.defillama_answers import (
    classify,
    read_cexs,
    read_exchange_protocols,
    slugify,
)
from marketflows_pipeline.providers.defillama_reserves import read_reserves
from marketflows_pipeline.providers.exchange_protocol import CexOverview, ReservesHistory
from marketflows_pipeline.providers.faults import ShapeError
from marketflows_pipeline.providers.http import HttpClient
from marketflows_pipeline.providers.ledger import CallLedger

BASE_URL = "https://api.llama.fi"


class DefiLlama:
    """A ReservesProvider that asks DefiLlama, which needs no key.

    Args:
        clock: tells the time and waits.
        ledger: told of every attempt before it is sent.
        base_url: another host, such as a local stand-in.
        calls_per_minute: the service publishes no limit; this stays well below those that were seen.
        timeout: seconds to wait for a connection, and for each part of an answer; the largest ones are long in coming.
        max_total_seconds: seconds after which a request is given up, waits included.
        transport: httpx transport, for tests.
    """

    name = "defillama"

    def __init__(
        self,
        *,
        clock: Clock,
        ledger: CallLedger,
        base_url: str = BASE_URL,
        calls_per_minute: int = 60,
        timeout: float = 180.0,
        max_total_seconds: float = 900.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._http = HttpClient(
            self.name,
            base_url,
            clock=clock,
            ledger=ledger,
            calls_per_minute=calls_per_minute,
            classify=classify,
            timeout=timeout,
            max_total_seconds=max_total_seconds,
            transport=transport,
        )

    def __repr__(self) -> str:
        return f"DefiLlama(http={self._http!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def cexs(self) -> CexOverview:
        """All centralised exchanges as of now; the answer itself carries no time."""
        return self._http.get_text("/cexs", read_cexs)

    def exchange_protocols(self) -> pl.DataFrame:
        """Protocols of the categories CEX and Dexs in PROTOCOL_SCHEMA, by falling TVL; from some 9 MB of all kinds."""
        return self._http.get_text("/protocols", read_exchange_protocols)

    def reserves_history(self, slug: str, folder: Path) -> ReservesHistory:
        """All records of one exchange, by way of a file, so that memory holds what is kept and no more.

        Args:
            slug: of the exchange, in any case.
            folder: for the answer while it is read; made where it is missing, and nothing stays in it.

        Raises:
            NotFoundError: there is no such protocol.
            BadAnswerError: the answer is not of the documented shape; the message names the place.
        """
        slug = slugify(slug)
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"protocol-{quote(slug, safe='')}.json"
        try:
            self._http.download("/protocol/{slug}", file, path={"slug": slug})
            with file.open("rb") as opened, mmap(opened.fileno(), 0, access=ACCESS_READ) as content:
                return read_reserves(content, slug)
        except ShapeError as fault:
            raise BadAnswerError(
                f"{self.name} /protocol/{slug}: an answer of an unknown shape: {fault}", provider=self.name, status=200
            ) from fault
        finally:
            file.unlink(missing_ok=True)
