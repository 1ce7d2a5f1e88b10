"""The lists of CoinPaprika that answer most questions of a run: tickers, tags, wrapped coins; each requested once."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

import polars as pl

from marketflows_pipeline.clock import Clock
from marketflows_pipeline.errors import NotFoundError, PermanentProviderError, PlanLimitError
from marketflows_pipeline.providers.bad_rows import count_of_list, counting_for_all
from marketflows_pipeline.providers.coinpaprika.parsers import (
    TICKER_SCHEMA,
    Tag,
    Tickers,
    read_tag,
    read_tags,
    read_ticker,
    read_tickers,
)
from marketflows_pipeline.providers.coinpaprika.tags import WRAPPED_TAGS
from marketflows_pipeline.providers.http.client import HttpClient

logger = logging.getLogger(__name__)

T = TypeVar("T")

# A run takes less; a client that lives longer requests them again.
TICKERS_KEPT = timedelta(minutes=30)
TAGS_KEPT = timedelta(hours=24)


class KeptResponse(Generic[T]):
    """A list that answers several questions: requested when first called, and again after ``keep_for``.

    Rows that are left out of it count once, whoever asks first.
    """

    def __init__(self, request: Callable[[], T], *, keep_for: timedelta, clock: Clock) -> None:
        self._request = request
        self._keep_for = keep_for
        self._clock = clock
        self._kept: tuple[datetime, T] | None = None

    def __call__(self) -> T:
        """The response.

        Raises:
            ProviderError: as the request does; nothing is kept.
        """
        now = self._clock.now()
        if self._kept is not None and now - self._kept[0] < self._keep_for:
            return self._kept[1]
        with counting_for_all():
            response = self._request()
        self._kept = now, response
        return response


class Lists:
    """The lists as of now, each one call, and what to request where a list does not have it.

    Attributes:
        all_tickers: the tickers of the plan.
        tags: every tag by its id.
        wrapped: ids in WRAPPED_TAGS.
    """

    def __init__(self, http: HttpClient, clock: Clock) -> None:
        self._http = http
        self._clock = clock
        self.all_tickers = KeptResponse(self._request_tickers, keep_for=TICKERS_KEPT, clock=clock)
        self.tags = KeptResponse(self._request_tags, keep_for=TAGS_KEPT, clock=clock)
        self.wrapped = KeptResponse(self._find_wrapped, keep_for=TAGS_KEPT, clock=clock)

    def tickers(self) -> pl.DataFrame:
        """The tickers of the plan in TICKER_SCHEMA, by falling market cap."""
        return self.all_tickers().rows

    def tagged(self, slug: str) -> pl.DataFrame:
        """The tickers of the coins in a tag; rows of them that were left out of the list count for the caller.

        Raises:
            NotFoundError: as for `coins_of`.
        """
        coins, listed = self.coins_of(slug), self.all_tickers()
        count_of_list(len(coins & listed.left_out))
        return listed.rows.filter(pl.col("coin_id").is_in(list(coins)))

    def ticker(self, coin_id: str) -> pl.DataFrame:
        """The ticker of one coin, by one call; no row where the service has none, or none that can be read."""
        now = self._clock.now()
        try:
            return self._http.get_json(
                "/tickers/{id}", lambda body: read_ticker(body, now), path={"id": coin_id}, params={"quotes": "USD"}
            )
        except NotFoundError:
            pass
        except PlanLimitError:
            raise  # what the plan refuses for one coin it refuses for all
        except PermanentProviderError as error:
            logger.warning("the ticker of %s is left out: %s", coin_id, error)
        return TICKER_SCHEMA.to_frame()

    def coins_of(self, slug: str) -> frozenset[str]:
        """The ids in a tag: from the list of all tags, or else from the tag itself, by one more call.

        Raises:
            NotFoundError: there is no such tag, or the service names no coin of it.
        """
        tag = self.tags().get(slug)
        if tag is None or not tag.coins:
            tag = self._http.get_json("/tags/{id}", read_tag, path={"id": slug}, params={"additional_fields": "coins"})
        if not tag.coins:
            raise NotFoundError(
                f"{self._http.provider}: no coin is named of the tag {slug!r}", provider=self._http.provider
            )
        return tag.coins

    def _request_tickers(self) -> Tickers:
        now = self._clock.now()
        return self._http.get_json("/tickers", lambda body: read_tickers(body, now), params={"quotes": "USD"})

    def _request_tags(self) -> dict[str, Tag]:
        return self._http.get_json("/tags", read_tags, params={"additional_fields": "coins"})

    def _find_wrapped(self) -> frozenset[str]:
        found: set[str] = set()
        for slug in WRAPPED_TAGS:
            try:
                found |= self.coins_of(slug)
            except NotFoundError as error:
                logger.warning("wrapped coins of one tag are told by their names only: %s", error)
        return frozenset(found)
