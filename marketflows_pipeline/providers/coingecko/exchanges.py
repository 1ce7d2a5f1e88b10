"""Client of CoinGecko for exchanges, their volumes and trending coins.

Source: https://docs.coingecko.com. Data provided by CoinGecko.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta

import polars as pl

from marketflows_pipeline.providers.coingecko.exchange_parsers import (
    read_exchanges,
    read_is_centralised,
    read_trending,
    read_volume_chart,
)
from marketflows_pipeline.providers.coingecko.parsers import read_markets
from marketflows_pipeline.providers.coingecko.plans import ROWS_PER_PAGE
from marketflows_pipeline.providers.http.service_client import PlannedClient
from marketflows_pipeline.providers.market_figures import once_each
from marketflows_pipeline.providers.protocols.market_caps import MARKET_SCHEMA
from marketflows_pipeline.transforms.time_span import COINS_SINCE, TimeSpan

VOLUME_CHART_DAYS = (1, 7, 14, 30, 90, 180, 365)


class CoinGeckoExchanges(PlannedClient):
    """The requests of the exchange part to CoinGecko, as an ExchangeVolumeProvider."""

    name = "coingecko"

    def exchanges_page(self, page: int) -> pl.DataFrame:
        """A page of 250 exchanges in EXCHANGE_SCHEMA, in the service's own order; one credit.

        A page past the last one is empty, the first one never. Pages are cached apart by the service, so an exchange
        may stand on two, or on none.
        """
        return self._http.get_json(
            "/exchanges",
            lambda body: read_exchanges(body, is_first_page=page == 1),
            params={"per_page": ROWS_PER_PAGE, "page": page},
        )

    def volume_chart(self, exchange_id: str, days: int) -> pl.DataFrame:
        """Rolling 24 h volume of one exchange over the last days, in VOLUME_CHART_SCHEMA, by time; one credit.

        Points are ten minutes apart for 1 day, an hour for 7 and 14, a day above, and off midnight. The id of a
        derivatives exchange (``bitmex``, where the spot market is ``bitmex_spot``) is served too, with its volume.
        ``days`` is one of VOLUME_CHART_DAYS: the service draws no other.

        Raises:
            NotFoundError: there is no such exchange.
            ValueError: days of another number, without a request.
        """
        if days not in VOLUME_CHART_DAYS:
            raise ValueError(f"a volume chart covers one of {VOLUME_CHART_DAYS} days, not {days}")
        return self._http.get_json(
            "/exchanges/{id}/volume_chart",
            lambda body: read_volume_chart(body, exchange_id, self._window(days, _volume_step(days))),
            path={"id": exchange_id},
            params={"days": days},
        )

    def is_centralised(self, exchange_id: str) -> bool | None:
        """Whether an exchange is centralised, None where the response does not say; one credit.

        Raises:
            NotFoundError: there is no such exchange.
        """
        return self._http.get_json("/exchanges/{id}", read_is_centralised, path={"id": exchange_id})

    def trending(self) -> pl.DataFrame:
        """The coins searched for most, in TRENDING_SCHEMA, the most searched first; one credit."""
        return self._http.get_json("/search/trending", read_trending)

    def markets_by_ids(self, ids: Iterable[str]) -> pl.DataFrame:
        """The requested coins in MARKET_SCHEMA; wrapped ones and unknown ones are missing. One credit per 250."""
        return self._markets_of_coins(ids, with_rehypothecated=False)

    def category_members(self, slug: str) -> pl.DataFrame:
        """The 250 largest coins of a category in MARKET_SCHEMA, wrapped ones too; one credit.

        For categories whose members are left out: without the wrapped ones, a category of wrapped tokens would be
        empty, and they would be left in.

        Raises:
            NotFoundError: there is no such category.
        """
        page = self._markets_page({"category": slug, "page": 1}, with_rehypothecated=True, is_first_page=True)
        return once_each(page)

    def _markets_page(
        self, selection: Mapping[str, str | int], *, with_rehypothecated: bool = False, is_first_page: bool = False
    ) -> pl.DataFrame:
        """A page of 250 coins by falling market cap in MARKET_SCHEMA; one credit.

        The selection says which: ``page``, ``category``, ``ids``. Rehypothecated tokens are wrapped, bridged and staked
        ones. The first page of a list that is never empty is refused if it is.
        """
        now = self._clock.now
        return self._http.get_json(
            "/coins/markets",
            lambda body: read_markets(
                body, with_rehypothecated=with_rehypothecated, now=now(), is_first_page=is_first_page
            ),
            params={
                "vs_currency": "usd",
                "order": "market_cap_desc",
                "per_page": ROWS_PER_PAGE,
                # Always sent, since the default changed in February 2026.
                "include_rehypothecated": with_rehypothecated,
                "price_change_percentage": "24h,7d,30d",
                **selection,
            },
        )

    def _markets_of_coins(self, ids: Iterable[str], *, with_rehypothecated: bool) -> pl.DataFrame:
        """The coins of these ids in MARKET_SCHEMA; unknown ones are missing. One credit per 250, none for no ids."""
        wanted = sorted(set(ids))
        chunks = [wanted[at : at + ROWS_PER_PAGE] for at in range(0, len(wanted), ROWS_PER_PAGE)]
        pages = [
            self._markets_page({"ids": ",".join(chunk), "page": 1}, with_rehypothecated=with_rehypothecated)
            for chunk in chunks
        ]
        return once_each(pl.concat([MARKET_SCHEMA.to_frame(), *pages]))

    def _window(self, days: int, step: timedelta) -> TimeSpan:
        """When the points of the last days can be."""
        now = self._clock.now()
        return TimeSpan.window(now - timedelta(days=days), step=step, since=COINS_SINCE, now=now)


def _volume_step(days: int) -> timedelta:
    if days > 14:
        return timedelta(days=1)
    return timedelta(hours=1) if days > 1 else timedelta(minutes=10)
