"""Client of Yahoo's charts: daily bars, dividends and splits.

Nobody documents or promises this address; it is for personal and research use.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import ClassVar

from marketflows_pipeline.providers.http.service_client import KeylessClient
from marketflows_pipeline.providers.protocols.cross_asset import PriceHistory
from marketflows_pipeline.providers.yahoo.errors import classify
from marketflows_pipeline.providers.yahoo.parsers import DAILY, read_history

BASE_URL = "https://query1.finance.yahoo.com"
# Other user agents get HTTP 429.
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
A_DAY = timedelta(days=1)


class Yahoo(KeylessClient):
    """A PriceProvider over Yahoo's charts; arguments as of `KeylessClient`."""

    name = "yahoo"
    default_url = BASE_URL
    headers: ClassVar = {"user-agent": BROWSER}
    # The service publishes no limit; this stays below those that were seen.
    calls_per_minute = 30
    classifier = staticmethod(classify)

    def daily_bars(self, symbol: str, provider_symbol: str, start: date, end: date) -> PriceHistory:
        """Complete sessions from `start` to `end`, both included, adjusted for splits as the service gives them.

        The request always ends at the present, since prices are adjusted for every split so far: the actions reach
        beyond `end`, and ``as_traded_close_usd`` is left null, to be computed from both. ``provider_symbol`` is the
        service's, such as ``SPY`` or ``BTC-USD``.

        Raises:
            NotFoundError: the service does not know the symbol.
            TransientProviderError: the service kept failing, or kept refusing by its rate limit.
            UnexpectedResponseError: a response not in dollars, not daily, or of another shape.
            PermanentProviderError: the service refused.
        """
        now = self._clock.now()
        # A day on either side: sessions are dated in the exchange's own zone.
        params: dict[str, str | int | bool] = {
            "interval": DAILY,
            "period1": _midnight_s(start - A_DAY),
            "period2": _midnight_s(now.date() + A_DAY),
            "events": "div,splits",
        }
        return self._http.get_json(
            "/v8/finance/chart/{symbol}",
            lambda body: read_history(body, symbol=symbol, requested=provider_symbol, start=start, end=end, now=now),
            path={"symbol": provider_symbol},
            params=params,
        )


def _midnight_s(day: date) -> int:
    return int(datetime.combine(day, time(), UTC).timestamp())
