"""Cboe as the source of VIX and VIX3M: the exchange's own files.

What belongs here: which file answers which question, and its layout. What does not: reading CSV (volatility_csv.py),
retrying and pacing (http.py).
Source: https://www.cboe.com/tradable_products/vix/vix_historical_data.
"""

from __future__ import annotations

from types import TracebackType
from typing import Self

import httpx
import polars as pl

from marketflows_pipeline.clock import Clock
from marketflows_pipeline.errors import NotFoundError
from marketflows_pipeline.providers.complete_sessions import last_complete_session
from marketflows_pipeline.providers.http import HttpClient
from marketflows_pipeline.providers.ledger import CallLedger
from marketflows_pipeline.providers.volatility_csv import VIX, VIX3M, Layout, read_closes

BASE_URL = "https://cdn.cboe.com"
SOURCE = "cboe:daily_prices"
INDICES = (VIX, VIX3M)


def layout_of(index_name: str) -> Layout:
    """The layout of an index's file: American dates; older ones name the index in the column too."""
    return Layout({"date"}, {"close", f"{index_name.lower()} close"}, "%m/%d/%Y")


class Cboe:
    """A VolatilityProvider that asks Cboe, which needs no key.

    Args:
        clock: tells the time and waits.
        ledger: told of every attempt before it is sent.
        base_url: another host, such as a local stand-in.
        timeout: seconds to wait for a connection, and for each part of an answer.
        max_total_seconds: seconds after which a request is given up, waits included.
        transport: httpx transport, for tests.
    """

    name = "cboe"

    def __init__(
        self,
        *,
        clock: Clock,
        ledger: CallLedger,
        base_url: str = BASE_URL,
        timeout: float = 30.0,
        max_total_seconds: float = 180.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._clock = clock
        self._http = HttpClient(
            self.name,
            base_url,
            clock=clock,
            ledger=ledger,
            headers={"accept": "text/csv, text/*;q=0.9"},
            timeout=timeout,
            max_total_seconds=max_total_seconds,
            transport=transport,
        )

    def __repr__(self) -> str:
        return f"Cboe(http={self._http!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def volatility_index(self, index_name: str) -> pl.DataFrame:
        """All closes in VOLATILITY_SCHEMA, by session: VIX since 1990, VIX3M since 2009.

        Args:
            index_name: VIX or VIX3M.

        Raises:
            NotFoundError: another index; nothing was asked. Or the file is gone.
            BadAnswerError: a page instead of a file, a file cut off or of another layout.
            TransientProviderError: the service kept failing.
            PermanentProviderError: the service refused.
        """
        if index_name not in INDICES:
            raise NotFoundError(f"cboe is asked for {' and '.join(INDICES)} only, not {index_name}", provider=self.name)
        last_complete = last_complete_session(self._clock.now())
        return self._http.get_text(
            "/api/global/us_indices/daily_prices/{index}_History.csv",
            lambda text: read_closes(
                text, layout_of(index_name), index_name=index_name, source=SOURCE, last_complete=last_complete
            ),
            path={"index": index_name},
        )
