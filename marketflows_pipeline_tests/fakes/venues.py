"""Exchanges and what is traded on them, always the same for the same seed and moment.

They are called venues here: an exchange, to the server, is a request and its answer. The volume of 24 hours is the sum
of the 24 hours before, so that one at 10:00 and one at 11:00 share 23 of them, as the real figures do.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Literal

import numpy as np

from marketflows_pipeline_tests.fakes.generate import START
from marketflows_pipeline_tests.fakes.market import FOREVER_MS, to_ms
from marketflows_pipeline_tests.fakes.price_paths import DAY_MS, HOUR_MS, Floats, Ints, chance, log_path

TEN_MINUTES_MS = 600_000
MOOD_SEED = 2
MOOD_STRENGTH = 2.0
HOURS = HOUR_MS * np.arange(24, dtype=np.int64)

Volume = float | None
VolumeFlaw = Literal["always_null", "now_and_then"]

# id, name, volume of a day in BTC, trust score, year, country
KNOWN_CENTRALISED: tuple[tuple[str, str, float, int, int | None, str | None], ...] = (
    ("binance", "Binance", 95_000, 10, 2017, "Cayman Islands"),
    ("gdax", "Coinbase Exchange", 13_700, 10, 2012, "United States"),
    ("bybit_spot", "Bybit", 25_000, 10, 2018, "British Virgin Islands"),
    ("okex", "OKX", 20_000, 10, 2017, "Seychelles"),
    ("bitget", "Bitget", 18_000, 10, 2018, "Seychelles"),
    ("upbit", "Upbit", 15_000, 10, 2017, "South Korea"),
    ("kraken", "Kraken", 7_000, 10, 2011, "United States"),
    ("mxc", "MEXC", 22_000, 10, 2018, "Seychelles"),
    ("gate", "Gate", 20_000, 10, 2013, "Panama"),
    ("kucoin", "KuCoin", 8_000, 10, 2014, "Seychelles"),
    ("huobi", "HTX", 17_000, 9, 2013, "Seychelles"),
    ("crypto_com", "Crypto.com Exchange", 18_000, 10, 2019, "Cayman Islands"),
    ("bitfinex", "Bitfinex", 1_500, 9, 2014, "British Virgin Islands"),
    ("bitstamp", "Bitstamp by Robinhood", 2_000, 10, 2013, "Luxembourg"),
    ("gemini", "Gemini", 900, 9, 2014, "United States"),
    ("bithumb", "Bithumb", 6_000, 9, 2014, "South Korea"),
    ("binance_us", "Binance US", 150, 8, 2019, "United States"),
    ("bingx", "BingX", 4_000, 9, 2018, None),
    ("coinex", "CoinEx", 1_000, 8, 2017, "Hong Kong"),
    ("bitkub", "Bitkub", 800, 8, 2018, "Thailand"),
    ("bitmart", "BitMart", 14_000, 7, 2017, "Cayman Islands"),
    ("lbank", "LBank", 18_000, 7, 2015, None),
    ("phemex", "Phemex", 3_000, 7, 2019, "Singapore"),
    ("whitebit", "WhiteBIT", 12_000, 8, 2018, "Lithuania"),
    ("bitrue", "Bitrue", 6_000, 6, 2018, "Singapore"),
    ("poloniex", "Poloniex", 8_000, 6, 2014, "Seychelles"),
    ("bitvavo", "Bitvavo", 1_500, 9, 2018, "Netherlands"),
    ("bitso", "Bitso", 150, 7, 2014, "Gibraltar"),
    ("bitflyer", "bitFlyer", 1_500, 7, 2014, "Japan"),
    ("coincheck", "Coincheck", 900, 7, 2014, "Japan"),
    ("coinone", "Coinone", 700, 7, 2014, "South Korea"),
    ("korbit", "Korbit", 300, 6, 2013, "South Korea"),
    ("btcturk", "BtcTurk | Kripto", 500, 7, 2013, "Turkey"),
    ("indodax", "Indodax", 200, 6, 2014, "Indonesia"),
    ("valr", "VALR", 100, 6, 2018, "South Africa"),
    ("wootrade", "WOO X", 600, 6, 2020, "Taiwan"),
    ("toobit", "Toobit", 5_000, 6, 2022, None),
    ("latoken", "LATOKEN", 1_500, 5, 2017, "Cayman Islands"),
    ("bullish_com", "Bullish", 10_000, 8, 2021, "Gibraltar"),
    ("bigone", "BigONE", 1_000, 5, 2017, "Seychelles"),
    ("deribit_spot", "Deribit Spot", 50, 6, None, None),
    ("bitmex_spot", "BitMEX", 20, 5, 2014, "Seychelles"),
)
KNOWN_DECENTRALISED = (
    ("uniswap_v3", "Uniswap V3 (Ethereum)", 9_000.0),
    ("uniswap-v4-ethereum", "Uniswap V4 (Ethereum)", 6_000.0),
    ("pancakeswap_new", "PancakeSwap V2 (BSC)", 2_500.0),
    ("pancakeswap-v3-bsc", "PancakeSwap V3 (BSC)", 8_000.0),
    ("raydium2", "Raydium", 5_000.0),
    ("orca", "Orca", 4_500.0),
    ("aerodrome-slipstream", "Aerodrome SlipStream", 4_000.0),
    ("curve_ethereum", "Curve (Ethereum)", 1_200.0),
    ("balancer_ethereum", "Balancer V2 (Ethereum)", 150.0),
)
# They have a chart, but do not stand in the list.
DERIVATIVES = (
    ("binance_futures", "Binance (Futures)", 400_000.0),
    ("bitmex", "BitMEX (Derivative)", 4_000.0),
    ("deribit", "Deribit", 12_000.0),
)


@dataclass(frozen=True)
class FakeVenue:
    """An exchange, and how the service treats it.

    Attributes:
        level_btc: volume of a day that the path moves around.
        is_derivative: a market of derivatives: it has a chart, but is in no list.
        opened_at_ms: before it nothing is traded.
        closed_at_ms: from then on the service does not know it.
        is_sparse: every field that may be null is.
        volume_flaw: how its volumes go wrong.
    """

    id: str
    name: str
    level_btc: float
    seed: int
    is_centralised: bool = True
    is_derivative: bool = False
    trust_score: int | None = None
    year: int | None = None
    country: str | None = None
    has_trading_incentive: bool = False
    volatility: float = 3.0
    opened_at_ms: int = 0
    closed_at_ms: int = FOREVER_MS
    is_sparse: bool = False
    volume_flaw: VolumeFlaw | None = None


@dataclass
class Venues:
    """All exchanges, and what is traded on them at a time."""

    venues: Sequence[FakeVenue]
    _index: dict[str, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._index = {venue.id: at for at, venue in enumerate(self.venues)}
        self._level = np.array([venue.level_btc for venue in self.venues])
        self._seed = np.array([venue.seed for venue in self.venues], dtype=np.int64)
        self._volatility = np.array([venue.volatility for venue in self.venues])
        self._opened = np.array([venue.opened_at_ms for venue in self.venues], dtype=np.int64)
        self._closed = np.array([venue.closed_at_ms for venue in self.venues], dtype=np.int64)

    def venue(self, venue_id: str, now_ms: int) -> FakeVenue | None:
        """The exchange of this id, where it is open now."""
        at = self._index.get(venue_id)
        return self.venues[at] if at is not None and self._opened[at] <= now_ms < self._closed[at] else None

    def close(self, venue_id: str, at_ms: int) -> None:
        """The service drops an exchange at a time that was not planned."""
        self._closed[self._index[venue_id]] = at_ms

    def listed(self, now_ms: int) -> list[tuple[FakeVenue, int | None, Volume]]:
        """Exchanges of the list with their rank by trust and latest volume, in the service's order.

        The service puts those of highest trust first, and those without trust last, by volume.
        """
        is_open = (self._opened <= now_ms) & (now_ms < self._closed)
        at = [each for each in np.flatnonzero(is_open).tolist() if not self.venues[each].is_derivative]
        volumes = self.volumes(np.array(at, dtype=np.int64), np.full(len(at), latest_ms(now_ms), dtype=np.int64))
        rows = list(zip([self.venues[each] for each in at], volumes, strict=True))
        trusted = [row for row in rows if row[0].trust_score is not None and not row[0].is_sparse]
        others = [row for row in rows if row[0].trust_score is None or row[0].is_sparse]
        trusted.sort(key=lambda row: (-(row[0].trust_score or 0), -row[0].level_btc))
        others.sort(key=lambda row: -(row[1] or 0))
        ranked = [(venue, rank, volume) for rank, (venue, volume) in enumerate(trusted, 1)]
        return [*ranked, *((venue, None, volume) for venue, volume in others)]

    def chart(self, venue_id: str, ts_ms: Ints) -> tuple[list[int], list[Volume]]:
        """Times since it opened, and its volume at each."""
        position = self._index[venue_id]
        kept = ts_ms[ts_ms >= self._opened[position]]
        return kept.tolist(), self.volumes(np.full_like(kept, position), kept)

    def volumes(self, at: Ints, ts_ms: Ints) -> list[Volume]:
        """Volume of the 24 hours before in BTC as served, for each pair of exchange and time."""
        if not at.size:
            return []
        hours = ts_ms[:, None] - HOURS
        rate = self._rates(at, hours)
        rate[hours < self._opened[at][:, None]] = 0
        volumes = np.round(rate.sum(axis=1), 10).tolist()
        luck = chance(self._seed[at] + 5, ts_ms // TEN_MINUTES_MS).tolist()
        flaws = [self.venues[each].volume_flaw for each in at.tolist()]
        return [
            None if flaw == "always_null" or (flaw == "now_and_then" and draw < 0.02) else volume
            for volume, flaw, draw in zip(volumes, flaws, luck, strict=True)
        ]

    def _rates(self, at: Ints, hours: Ints) -> Floats:
        """Volume of each hour."""
        mood = MOOD_STRENGTH * log_path(np.full_like(hours, MOOD_SEED), hours)
        own = self._volatility[at][:, None] * log_path(np.broadcast_to(self._seed[at][:, None], hours.shape), hours)
        rates: Floats = self._level[at][:, None] / 24 * np.exp(own + mood)
        return rates


def latest_ms(now_ms: int) -> int:
    """When the service last worked out the volumes: every ten minutes."""
    return now_ms // TEN_MINUTES_MS * TEN_MINUTES_MS


def generate_venues(
    n_venues: int = 620, seed: int = 7, *, start: datetime = START, has_churn: bool = True, has_flaws: bool = True
) -> Venues:
    """Exchanges in the list, about half of them decentralised, and three of derivatives that are not.

    Args:
        n_venues: exchanges in the list in all, those that open and close included.
        seed: two of one seed are the same.
        start: the moment around which exchanges open and close.
        has_churn: some small ones are young, or open or close in the 60 days after ``start``.
        has_flaws: some volumes are null.
    """
    return Venues(_venues(n_venues, seed, to_ms(start), has_churn=has_churn, has_flaws=has_flaws))


@cache
def _venues(n_venues: int, seed: int, now_ms: int, *, has_churn: bool, has_flaws: bool) -> tuple[FakeVenue, ...]:
    rng = random.Random(seed)
    known = [
        FakeVenue(id_, name, level, rng.getrandbits(40), trust_score=trust, year=year, country=country)
        for id_, name, level, trust, year, country in KNOWN_CENTRALISED
    ]
    known += [
        FakeVenue(id_, name, level, rng.getrandbits(40), is_centralised=False)
        for id_, name, level in KNOWN_DECENTRALISED
    ]
    others = [
        _venue(number, rng, now_ms, has_churn=has_churn, has_flaws=has_flaws)
        for number in range(len(known) + 1, n_venues + 1)
    ]
    derivatives = [
        FakeVenue(id_, name, level, rng.getrandbits(40), is_derivative=True) for id_, name, level in DERIVATIVES
    ]
    return (*known[:n_venues], *others, *derivatives)


def _venue(number: int, rng: random.Random, now_ms: int, *, has_churn: bool, has_flaws: bool) -> FakeVenue:
    venue_seed = rng.getrandbits(40)
    is_centralised = rng.random() < 0.45
    trust, year = rng.randrange(1, 7), rng.randrange(2014, 2026)
    opens_ms = now_ms + rng.randrange(-60 * DAY_MS, 30 * DAY_MS)
    closes_ms = now_ms + rng.randrange(DAY_MS, 60 * DAY_MS)
    flaw: VolumeFlaw | None = "always_null" if number % 97 == 60 else "now_and_then" if number % 19 == 3 else None
    return FakeVenue(
        id=f"exchange_{number:03d}" if is_centralised else f"swap-{number:03d}",
        name=f"Exchange {number}" if is_centralised else f"Swap {number} (Chain {number % 13})",
        level_btc=round(3e5 * number**-1.6, 4),
        seed=venue_seed,
        is_centralised=is_centralised,
        trust_score=trust if is_centralised else None,
        year=year if number % 5 else None,
        country="Estonia" if is_centralised and number % 7 else None,
        has_trading_incentive=number % 31 == 0,
        volatility=rng.uniform(2, 5),
        opened_at_ms=opens_ms if has_churn and number % 41 == 0 else 0,
        closed_at_ms=closes_ms if has_churn and number % 37 == 5 else FOREVER_MS,
        is_sparse=number % 23 == 7,
        volume_flaw=flaw if has_flaws else None,
    )
