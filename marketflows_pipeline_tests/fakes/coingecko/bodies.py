"""What CoinGecko shows of a market: rows of /coins/markets, charts, lists."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from marketflows_pipeline_tests.fakes.market import FIVE_MINUTES_MS, Cap, Chart, FakeCoin, Market, iso
from marketflows_pipeline_tests.fakes.price_paths import DAY_MS, HOUR_MS

Row = dict[str, Any]

# The day before's close is published ten minutes into the day, by /market_chart; later by its range variant.
CHART_PUBLISHED_AFTER_MS = 10 * 60_000
RANGE_PUBLISHED_AFTER_MS = 35 * 60_000
CHANGE_PERIODS_MS = {
    "1h": HOUR_MS,
    "24h": DAY_MS,
    "7d": 7 * DAY_MS,
    "14d": 14 * DAY_MS,
    "30d": 30 * DAY_MS,
    "200d": 200 * DAY_MS,
    "1y": 365 * DAY_MS,
}
NULLABLE_FIELDS = (
    "current_price",
    "market_cap_rank",
    "fully_diluted_valuation",
    "total_volume",
    "high_24h",
    "low_24h",
    "price_change_24h",
    "price_change_percentage_24h",
    "market_cap_change_24h",
    "market_cap_change_percentage_24h",
    "circulating_supply",
    "total_supply",
    "max_supply",
    "ath",
    "ath_change_percentage",
    "ath_date",
    "atl",
    "atl_change_percentage",
    "atl_date",
    "roi",
    "last_updated",
)


@dataclass(frozen=True)
class Quote:
    """A coin's figures as last refreshed."""

    position: int
    coin: FakeCoin
    refreshed_ms: int
    price: float
    cap: Cap
    volume: float
    rank: int | None
    rank_with_rehypothecated: int | None


class Snapshot:
    """Every listed coin's figures at a moment, ranked."""

    def __init__(self, market: Market, now_ms: int) -> None:
        self.now_ms = now_ms
        self._market = market
        at = np.array(market.listed(now_ms), dtype=np.int64)
        refreshed = market.refreshed_ms(at, now_ms)
        figures = list(zip(at.tolist(), refreshed.tolist(), *market.figures(at, refreshed), strict=True))
        figures.sort(key=lambda figure: -math.inf if figure[3] is None else figure[3], reverse=True)
        ranks = _ranks(figure[3] is not None and not market.coins[figure[0]].is_rehypothecated for figure in figures)
        wider = _ranks(figure[3] is not None for figure in figures)
        self.quotes = [
            Quote(position, market.coins[position], refreshed_ms, price, cap, volume, rank, wide)
            for (position, refreshed_ms, price, cap, volume), rank, wide in zip(figures, ranks, wider, strict=True)
        ]

    def rows(
        self, quotes: Sequence[Quote], *, has_wider_rank: bool, has_sparkline: bool, periods: Sequence[str]
    ) -> list[Row]:
        """Rows of /coins/markets for these quotes."""
        if not quotes:
            return []
        at = np.array([quote.position for quote in quotes])
        seen = np.array([quote.refreshed_ms for quote in quotes])
        day = self._market.prices(at, seen - DAY_MS).tolist()
        then = {name: self._market.prices(at, seen - CHANGE_PERIODS_MS[name]).tolist() for name in periods}
        rows = []
        for number, quote in enumerate(quotes):
            row = _row(quote, day[number])
            if has_wider_rank:
                row["market_cap_rank_with_rehypothecated"] = quote.rank_with_rehypothecated
            if has_sparkline:
                row["sparkline_in_7d"] = {"price": self._week(quote)}
            for name, prices in then.items():
                is_young = quote.coin.listed_at_ms > quote.refreshed_ms - CHANGE_PERIODS_MS[name]
                change = None if is_young else _percent(quote.price, prices[number])
                row[f"price_change_percentage_{name}_in_currency"] = change
            rows.append(row)
        return rows

    def _week(self, quote: Quote) -> list[float]:
        hours = quote.refreshed_ms - HOUR_MS * np.arange(7 * 24 - 1, -1, -1, dtype=np.int64)
        prices, _, _ = self._market.figures(np.full_like(hours, quote.position), hours)
        return prices


def ordered(quotes: list[Quote], order: str) -> list[Quote]:
    """Quotes, which come by falling cap, in an order such as ``id_asc``."""
    by, _, direction = order.rpartition("_")
    is_descending = direction == "desc"
    match by:
        case "volume":
            return sorted(quotes, key=lambda quote: quote.volume, reverse=is_descending)
        case "id":
            return sorted(quotes, key=lambda quote: quote.coin.id, reverse=is_descending)
        case _:
            return quotes if is_descending else quotes[::-1]


def chart_of_days(
    market: Market, coin: FakeCoin, now_ms: int, *, days: int, step_ms: int
) -> dict[str, list[list[Any]]]:
    """``/market_chart``: points on the grid, and one for the present."""
    end_ms = now_ms if step_ms < DAY_MS else now_ms - CHART_PUBLISHED_AFTER_MS
    start_ms = now_ms - days * DAY_MS if step_ms < DAY_MS else (now_ms // DAY_MS - days + 1) * DAY_MS
    past = market.chart(coin.id, start_ms=start_ms, end_ms=end_ms, step_ms=step_ms, now_ms=now_ms)
    return _arrays([past, market.present(coin.id, now_ms)], coin)


def chart_of_range(
    market: Market, coin: FakeCoin, now_ms: int, *, start_ms: int, end_ms: int, step_ms: int
) -> dict[str, list[list[Any]]]:
    """``/market_chart/range``: points on the grid, one bucket more than asked for."""
    last_ms = now_ms if step_ms < DAY_MS else now_ms - RANGE_PUBLISHED_AFTER_MS
    end_ms = min(end_ms + step_ms, last_ms)
    return _arrays([market.chart(coin.id, start_ms=start_ms, end_ms=end_ms, step_ms=step_ms, now_ms=now_ms)], coin)


def step_of_window(days: float) -> int:
    """The service's own choice of step for a window up to now."""
    if days <= 1:
        return FIVE_MINUTES_MS
    return HOUR_MS if days <= 90 else DAY_MS


def category_row(snapshot: Snapshot, slug: str, name: str, members: set[str]) -> Row:
    """A row of /coins/categories: sums over the members that are not wrapped, null where there are no members.

    Of a category of wrapped tokens all count: what the real service does with them is not known.
    """
    inside = [quote for quote in snapshot.quotes if quote.coin.id in members]
    quotes = [quote for quote in inside if not quote.coin.is_rehypothecated] or inside
    top = [quote.coin.id for quote in quotes[:3]]
    return {
        "id": slug,
        "name": name,
        "market_cap": sum(quote.cap or 0 for quote in quotes) if quotes else None,
        "market_cap_change_24h": 1.5 if quotes else None,
        "content": f"Coins of {name}" if quotes else None,
        "top_3_coins_id": top,
        "top_3_coins": [_image(coin_id) for coin_id in top],
        "volume_24h": sum(quote.volume for quote in quotes) if quotes else None,
        "updated_at": iso(snapshot.now_ms),
    }


def coin_entry(coin: FakeCoin, *, has_platforms: bool) -> Mapping[str, object]:
    """A row of /coins/list."""
    entry: dict[str, object] = {"id": coin.id, "symbol": coin.symbol, "name": coin.name}
    if has_platforms:
        entry["platforms"] = {"ethereum": f"0x{coin.seed:040x}"} if coin.is_rehypothecated else {}
    return entry


def _row(quote: Quote, day_ago: float) -> Row:
    coin, price, cap = quote.coin, quote.price, quote.cap
    cap_day_ago = None if cap is None else day_ago * coin.supply
    row = {
        "id": coin.id,
        "symbol": coin.symbol,
        "name": coin.name,
        "image": _image(coin.id),
        "current_price": price,
        "market_cap": cap,
        "market_cap_rank": quote.rank,
        "fully_diluted_valuation": price * coin.supply * 1.1,
        "total_volume": quote.volume,
        "high_24h": max(price, day_ago) * 1.01,
        "low_24h": min(price, day_ago) * 0.99,
        "price_change_24h": price - day_ago,
        "price_change_percentage_24h": _percent(price, day_ago),
        "market_cap_change_24h": None if cap is None or cap_day_ago is None else cap - cap_day_ago,
        "market_cap_change_percentage_24h": None if not cap or not cap_day_ago else _percent(cap, cap_day_ago),
        "circulating_supply": coin.supply,
        "total_supply": coin.supply * 1.1,
        "max_supply": None,
        "ath": coin.level_usd * 4,
        "ath_change_percentage": _percent(price, coin.level_usd * 4),
        "ath_date": "2025-01-20T07:10:36.635Z",
        "atl": coin.level_usd / 40,
        "atl_change_percentage": _percent(price, coin.level_usd / 40),
        "atl_date": "2020-03-13T02:22:55.044Z",
        "roi": {"times": 9.5, "currency": "btc", "percentage": 950.1} if coin.id == "ethereum" else None,
        "last_updated": iso(quote.refreshed_ms),
    }
    return row | dict.fromkeys(NULLABLE_FIELDS) if coin.is_sparse else row


def _arrays(charts: Sequence[Chart], coin: FakeCoin) -> dict[str, list[list[Any]]]:
    stamps = [ts for chart in charts for ts in chart.ts_ms]
    prices = [[ts, value] for ts, value in zip(stamps, (p for chart in charts for p in chart.prices), strict=True)]
    caps = [[ts, value] for ts, value in zip(stamps, (c for chart in charts for c in chart.caps), strict=True)]
    volumes = [[ts, value] for ts, value in zip(stamps, (v for chart in charts for v in chart.volumes), strict=True)]
    if coin.has_unequal_arrays:
        prices, volumes = prices[1:], volumes[:-1]
    return {"prices": prices, "market_caps": caps, "total_volumes": volumes}


def _ranks(ranked: Any) -> list[int | None]:
    ranks: list[int | None] = []
    rank = 0
    for is_ranked in ranked:
        rank += is_ranked
        ranks.append(rank if is_ranked else None)
    return ranks


def _percent(now: float, then: float) -> float:
    return round(100 * (now / then - 1), 5)


def _image(coin_id: str) -> str:
    return f"https://assets.coingecko.com/coins/images/{coin_id.replace(' ', '-')}.png"
