"""What CoinGecko shows of exchanges: the list, one of them, volume charts."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import numpy as np

from marketflows_pipeline_tests.fakes.coingecko import errors
from marketflows_pipeline_tests.fakes.market import iso, to_ms
from marketflows_pipeline_tests.fakes.price_paths import DAY_MS, HOUR_MS, Ints
from marketflows_pipeline_tests.fakes.replies import Reply, json_reply
from marketflows_pipeline_tests.fakes.server import Handler, Request
from marketflows_pipeline_tests.fakes.venues import TEN_MINUTES_MS, FakeVenue, Venues, Volume, latest_ms

MAX_PER_PAGE = 250
VOLUME_CHART_DAYS = ("1", "7", "14", "30", "90", "180", "365")
MINUTE_OF_CHARTS_MS = 50 * 60_000


class ExchangeEndpoints:
    """The endpoints below /exchanges.

    Attributes:
        venues: the exchanges.
        page_overlap: how many of a page of the list stand on the next one again.
        has_float_stamps: whether the times of charts are sent as 1767282600000.0, as paid endpoints do.
    """

    def __init__(self, venues: Venues) -> None:
        self.venues = venues
        self.page_overlap = 0
        self.has_float_stamps = False

    @property
    def routes(self) -> Mapping[str, Handler]:
        """What answers each endpoint."""
        return {
            "/exchanges": self._list,
            "/exchanges/{id}": self._one,
            "/exchanges/{id}/volume_chart": self._volume_chart,
        }

    def _list(self, request: Request) -> Reply:
        size = min(max(int(request.params.get("per_page", 100)), 1), MAX_PER_PAGE)
        first = (max(int(request.params.get("page", 1)), 1) - 1) * (size - self.page_overlap)
        listed = self.venues.listed(to_ms(request.at))
        return json_reply([exchange_row(*row) for row in listed[first : first + size]])

    def _one(self, request: Request, id: str) -> Reply:  # noqa: A002 - the placeholder's name
        now_ms = to_ms(request.at)
        for venue, rank, volume in self.venues.listed(now_ms):
            if venue.id == id:
                return json_reply(exchange_detail(venue, rank, volume, now_ms))
        return json_reply(errors.EXCHANGE_NOT_FOUND, HTTPStatus.NOT_FOUND)

    def _volume_chart(self, request: Request, id: str) -> Reply:  # noqa: A002 - the placeholder's name
        now_ms = to_ms(request.at)
        if self.venues.venue(id, now_ms) is None:
            return json_reply(errors.EXCHANGE_NOT_FOUND, HTTPStatus.NOT_FOUND)
        if (days := request.params.get("days", "")) not in VOLUME_CHART_DAYS:
            return json_reply(errors.INVALID_DAYS, HTTPStatus.UNPROCESSABLE_ENTITY)
        stamps, volumes = self.venues.chart(id, chart_times(now_ms, int(days)))
        times = map(float, stamps) if self.has_float_stamps else stamps
        return json_reply([[ts, _text(volume)] for ts, volume in zip(times, volumes, strict=True)])


def chart_times(now_ms: int, days: int) -> Ints:
    """Times of a chart's points: back from the latest figure by ten minutes, from the last HH:50 by hours or days."""
    if days == 1:
        end_ms, step_ms = latest_ms(now_ms), TEN_MINUTES_MS
    else:
        end_ms = (now_ms - MINUTE_OF_CHARTS_MS) // HOUR_MS * HOUR_MS + MINUTE_OF_CHARTS_MS
        step_ms = DAY_MS if days >= 30 else HOUR_MS
    return np.arange(end_ms, now_ms - days * DAY_MS - 1, -step_ms, dtype=np.int64)[::-1]


def exchange_row(venue: FakeVenue, rank: int | None, volume: Volume) -> dict[str, Any]:
    """A row of /exchanges."""
    return {
        "id": venue.id,
        "name": venue.name,
        "year_established": None if venue.is_sparse else venue.year,
        "country": None if venue.is_sparse else venue.country,
        # Blank rather than null, for all but a few.
        "description": f"{venue.name} is an exchange" if venue.id in {"gdax", "binance"} else "",
        "url": "" if venue.is_sparse else f"https://{venue.id.replace('_', '-')}.example/",
        "image": f"https://coin-images.coingecko.com/markets/images/{venue.seed % 2000}/small/{venue.id}.png",
        "has_trading_incentive": venue.has_trading_incentive,
        "trust_score": None if venue.is_sparse else venue.trust_score,
        "trust_score_rank": rank,
        "trade_volume_24h_btc": volume,
    }


def exchange_detail(venue: FakeVenue, rank: int | None, volume: Volume, now_ms: int) -> dict[str, Any]:
    """The answer of /exchanges/{id}: what its row says but for the id, and more."""
    row = exchange_row(venue, rank, volume)
    del row["id"]
    blank = ("facebook_url", "reddit_url", "telegram_url", "slack_url", "other_url_1", "other_url_2")
    return {
        **row,
        **dict.fromkeys(blank, ""),
        "twitter_handle": venue.id,
        "centralized": venue.is_centralised,
        "public_notice": "",
        "alert_notice": "",
        "coins": 20 + venue.seed % 400,
        "pairs": 30 + venue.seed % 1400,
        "tickers": [
            _ticker(venue, base, coin_id, now_ms) for base, coin_id in (("BTC", "bitcoin"), ("ETH", "ethereum"))
        ],
        "status_updates": [],
    }


def _ticker(venue: FakeVenue, base: str, coin_id: str, now_ms: int) -> dict[str, Any]:
    seen = iso(latest_ms(now_ms))
    return {
        "base": base,
        "target": "USDT",
        "market": {"name": venue.name, "identifier": venue.id, "has_trading_incentive": venue.has_trading_incentive},
        "last": 76_960.0,
        "volume": 9_037.21995,
        "converted_last": {"btc": 1.000348, "eth": 36.491428, "usd": 76_860},
        "converted_volume": {"btc": 9_040, "eth": 329_781, "usd": 694_600_292},
        # Of a ticker it is null everywhere since March 2026.
        "trust_score": None,
        "bid_ask_spread_percentage": 0.010013,
        "timestamp": seen,
        "last_traded_at": seen,
        "last_fetch_at": seen,
        "is_anomaly": False,
        "is_stale": False,
        "trade_url": f"https://{venue.id.replace('_', '-')}.example/trade/{base}_USDT",
        "token_info_url": None,
        "coin_id": coin_id,
        "target_coin_id": "tether",
        "coin_mcap_usd": 1_536_007_329_547.9153,
    }


def _text(volume: Volume) -> str | None:
    """Sixteen decimals, which read back as the very number that the list of exchanges has."""
    return None if volume is None else f"{volume:.16f}".rstrip("0").removesuffix(".")
