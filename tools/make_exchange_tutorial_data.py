"""Simulate the exchange figures that the tutorial runs on, into ``marketflows_pipeline/tutorial/exchanges/``.

Usage: ``python tools/make_exchange_tutorial_data.py [--seed 1] [--out FOLDER]``. Reads ``market_caps.parquet`` of
``tools/make_tutorial_data.py``: its last time, at which the tutorial's clock stands, and its prices and market caps, so
that a coin is worth the same in every part; and of what is stored the prices of a day before. Run
``tools/golden_exchanges.py`` afterwards.

Every figure is made up, most others by a seeded random walk. Names and ids of well-known exchanges, protocols and
tokens are real, so that mapping them can be tried; what stands beside them is not. Names of our own begin with
"Synthetic". The README that is written with the figures lists the events that are injected into them.
"""

from __future__ import annotations

import argparse
import csv
import math
import random
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

TUTORIAL = Path(__file__).resolve().parent.parent / "marketflows_pipeline" / "tutorial"
DAY = timedelta(days=1)
N_DAYS = 90
NOW = N_DAYS  # index of the record of the moment of asking, after those of the days
ADDRESS = "https://{}.example"

# Id, name, volume in BTC, trust score, year, country.
EXCHANGES: tuple[tuple[str, str, float, float | None, int | None, str | None], ...] = (
    ("binance", "Binance", 160_000, 10, 2017, None),
    ("bybit_spot", "Bybit", 42_000, 10, 2018, "British Virgin Islands"),
    ("gdax", "Coinbase Exchange", 38_000, 10, 2012, "United States"),
    ("okex", "OKX", 34_000, 10, 2013, "Seychelles"),
    ("upbit", "Upbit", 31_000, 8, 2017, "South Korea"),
    ("bitget", "Bitget", 30_000, 9, 2018, "Seychelles"),
    ("uniswap_v3", "Uniswap V3 (Ethereum)", 28_000, None, 2021, None),
    ("gate", "Gate", 27_000, 9, 2013, "Panama"),
    ("mxc", "MEXC", 26_000, 8, 2018, "Seychelles"),
    ("huobi", "HTX", 24_000, 8, 2013, "Seychelles"),
    ("crypto_com", "Crypto.com Exchange", 21_000, 9, 2019, "Cayman Islands"),
    ("kraken", "Kraken", 17_000, 10, 2011, "United States"),
    ("pancakeswap_new", "PancakeSwap (v2)", 14_000, None, 2020, None),
    ("kucoin", "KuCoin", 13_000, 9, 2014, "Seychelles"),
    ("bithumb", "Bithumb", 12_000, 7, 2013, "South Korea"),
    ("raydium2", "Raydium", 9_000, None, None, None),
    ("bingx", "BingX", 8_000, 8, 2018, None),
    ("bitfinex", "Bitfinex", 6_000, 9, 2014, "British Virgin Islands"),
    ("orca", "Orca", 5_500, None, None, None),
    ("bitstamp", "Bitstamp by Robinhood", 4_500, 10, 2013, "Luxembourg"),
    ("uniswap_v2", "Uniswap V2 (Ethereum)", 4_000, None, 2020, None),
    ("binance_us", "Binance US", 1_200, 8, 2019, "United States"),
    ("coinex", "CoinEx", 1_900, 7, 2017, "Hong Kong"),
    ("gemini", "Gemini", 1_400, 9, 2014, "United States"),
    ("bitkub", "Bitkub", 900, 7, 2018, "Thailand"),
    ("deribit_spot", "Deribit Spot", 700, 8, 2016, "Panama"),
    ("bitmex_spot", "BitMEX Spot", 150, 7, 2014, "Seychelles"),
)
DECENTRALISED = frozenset({"uniswap_v3", "uniswap_v2", "pancakeswap_new", "raydium2", "orca"})
N_INVENTED_EXCHANGES = 33
TRACKED = (
    "binance",
    "bitfinex",
    "bitstamp",
    "bybit_spot",
    "gate",
    "gdax",
    "huobi",
    "kraken",
    "kucoin",
    "okex",
)
# How much the last day's volume is above or below what the walk says.
LAST_DAY = {"kucoin": 1.6, "bitstamp": 0.6}

# Price at the beginning in USD, and standard deviation of its daily change; the market's own where it has the coin.
TOKENS = {
    "BTC": (90_000, 0.018),
    "ETH": (3_000, 0.025),
    "USDT": (1, 0.0002),
    "USDC": (1, 0.0002),
    "TUSD": (1, 0.0004),
    "BNB": (850, 0.02),
    "SOL": (140, 0.03),
    "XRP": (2, 0.03),
    "DOGE": (0.15, 0.035),
    "ADA": (0.4, 0.035),
    "TRX": (0.3, 0.015),
    "LINK": (14, 0.03),
    "LTC": (80, 0.025),
    "DOT": (2.5, 0.035),
    "MNT": (1.1, 0.03),
    "OKB": (110, 0.025),
    "KCS": (11, 0.02),
    "LEO": (9, 0.01),
    "GT": (10, 0.02),
    "HTX": (0.000002, 0.02),
    "SYNDUST": (0.02, 0.05),
    "SYNSMALL": (3, 0.03),
    "UNKNOWN (synthetic)": (1, 0.01),
}
COIN_OF = {
    "BTC": "bitcoin",
    "ETH": "ethereum",
    "USDT": "tether",
    "USDC": "usd-coin",
    "BNB": "binancecoin",
    "SOL": "solana",
    "XRP": "ripple",
    "DOGE": "dogecoin",
    "ADA": "cardano",
    "TRX": "tron",
    "LINK": "chainlink",
    "LTC": "litecoin",
    "DOT": "polkadot",
    "MNT": "mantle",
    "OKB": "okb",
    "KCS": "kucoin-shares",
    "LEO": "leo-token",
}
SAME_PRICE = {"WETH": "ETH", "WBNB": "BNB"}
_COMMON = {"BTC": 0.36, "ETH": 0.16, "USDT": 0.2, "USDC": 0.05, "SOL": 0.04, "XRP": 0.05, "TRX": 0.02, "LINK": 0.01}
# Slug, size in USD, and each token's share of it at the beginning.
HOLDINGS: dict[str, tuple[float, dict[str, float]]] = {
    "binance-cex": (1.2e11, {**_COMMON, "BNB": 0.12, "WBNB": 0.005, "DOGE": 0.02, "ADA": 0.015}),
    "bitfinex": (
        1.8e10,
        {**_COMMON, "LEO": 0.09, "DOT": 0.01, "SYNDUST": 3.5e-7, "SYNSMALL": 5e-5, "UNKNOWN (synthetic)": 1e-4},
    ),
    "bybit": (1.6e10, {**_COMMON, "MNT": 0.07, "DOGE": 0.02, "ADA": 0.01, "LTC": 0.006}),
    "gate": (8e9, {**_COMMON, "GT": 0.08, "DOGE": 0.02, "ADA": 0.01, "DOT": 0.01}),
    "htx": (6e9, {**_COMMON, "HTX": 0.05, "TUSD": 0.03, "DOGE": 0.01, "LTC": 0.01}),
    "kraken": (2e10, {**_COMMON, "DOT": 0.02, "ADA": 0.02, "DOGE": 0.02, "LTC": 0.01}),
    "kucoin": (5e9, {**_COMMON, "WETH": 0.06, "KCS": 0.07, "DOGE": 0.02, "ADA": 0.01, "DOT": 0.01}),
    "okx": (2.6e10, {**_COMMON, "OKB": 0.06, "DOGE": 0.02, "ADA": 0.01, "DOT": 0.01}),
}
GONE_FROM = {"kucoin": ("WETH", 50), "htx": ("TUSD", 70)}
BITSTAMP_USD = 3.2e9  # its sum is known, its tokens are not

# Name, slug, CoinGecko id, symbol, own tokens, reserves where no history gives them, derivatives volume, open interest.
CEXS: tuple[
    tuple[str, str | None, str | None, str | None, str | None, float | None, float | None, float | None], ...
] = (
    ("Binance", "binance-cex", "binance", "BNB", "BNB", None, 4.2e10, 2.1e10),
    ("OKX", "okx", "okex", "OKB", "OKB,OKT", None, 1.9e10, 7e9),
    ("Bybit", "bybit", "bybit_spot", "MNT", "BIT,MNT", None, 1.7e10, 9e9),
    ("Bitfinex", "bitfinex", None, "LEO", "LEO", None, 2e8, 6e8),
    ("Kraken", "kraken", "kraken", None, None, None, 1e9, 4e8),
    ("KuCoin", "kucoin", None, "KCS", "KCS", None, 3e9, 1.2e9),
    ("HTX", "htx", "huobi", "HTX", "HT,HTX", None, 4e9, 2e9),
    ("Gate", "gate", "gate", "GT", "GT", None, 1.2e10, 6e9),
    ("Bitstamp", "bitstamp", "bitstamp", None, None, None, None, None),
    ("Bitget", "bitget", "bitget", "BGB", "BGB", 6.5e9, 1.5e10, 8e9),
    ("MEXC", "mexc", "mxc", "MX", "MX", 3.5e9, 1.4e10, 5e9),
    ("Crypto.com", "crypto-com", "crypto_com", "CRO", "CRO", 4.5e9, 5e8, 3e8),
    ("Gemini", "gemini", "gemini", None, None, 7e9, None, None),
    ("Deribit", "deribit", "deribit_spot", None, None, 2.8e9, 1.1e9, 2.5e9),
    ("Coinbase", None, "gdax", None, None, None, None, None),
    ("Upbit", None, "upbit", None, None, None, None, None),
)
SLUGS_WITHOUT_INFLOWS = frozenset({"gate", "gemini", "deribit"})

# Name, symbol, parent, chains, TVL in USD, market cap of the token.
DEXS: tuple[tuple[str, str | None, str | None, str, float | None, float | None], ...] = (
    ("Uniswap V3", "UNI", "parent#uniswap", "Ethereum,Arbitrum,Base,Polygon", 2.0e9, None),
    ("Uniswap V2", "UNI", "parent#uniswap", "Ethereum", 1.1e9, None),
    ("Curve DEX", "CRV", "parent#curve-finance", "Ethereum,Arbitrum", 1.9e9, 6e8),
    ("PancakeSwap AMM", "CAKE", "parent#pancakeswap", "BSC,Ethereum", 1.6e9, 7e8),
    ("Raydium AMM", "RAY", None, "Solana", 1.2e9, 4e8),
    ("Orca DEX", "ORCA", None, "Solana", 3e8, None),
    ("Aerodrome Slipstream", "AERO", "parent#aerodrome", "Base", 4e8, 5e8),
)
N_INVENTED_DEXS = 23
PROTOCOL_COLUMNS = (
    "slug",
    "name",
    "category",
    "symbol",
    "parent_protocol",
    "chains",
    "tvl_usd",
    "change_1d_pct",
    "change_7d_pct",
    "mcap_usd",
)
CHAINS = ("Ethereum", "Solana", "BSC", "Base", "Arbitrum", "Polygon", "Avalanche", "Sui")
WORDS = "Amber Birch Cedar Delta Ember Fjord Grove Harbour Indigo Juniper Kestrel Lagoon Meadow Nectar Opal Pine Quartz"
KINDS = ("Exchange", "Markets")

# Id, symbol, name, market cap, volume, price, price change; null where the service would not say, and all of them the
# market's own where it has the coin.
TRENDING: tuple[tuple[str, str, str, float | None, float | None, float | None, float | None], ...] = (
    ("solana", "sol", "Solana", None, None, None, None),
    ("synthetic-comet", "comet", "Synthetic Comet", 1.8e8, 9.9e7, 0.18, 34.5),
    ("hyperliquid", "hype", "Hyperliquid", None, None, None, None),
    ("synthetic-otter", "otter", "Synthetic Otter", 4.6e7, 2.5e7, 0.0046, -12.25),
    ("monero", "xmr", "Monero", None, None, None, None),
    ("synthetic-dollar", "sdlr", "Synthetic Dollar", 9e8, 5.4e8, 0.9998, 0.01),
    ("chainlink", "link", "Chainlink", None, None, None, None),
    ("synthetic-lantern", "lntn", "Synthetic Lantern", 3.1e8, 4.4e7, 1.55, 0.0),
    ("stellar", "xlm", "Stellar", None, None, None, None),
    ("synthetic-newborn", "newb", "Synthetic Newborn", None, 6e6, 0.00012, None),
    ("cardano", "ada", "Cardano", None, None, None, None),
    ("synthetic-quill", "quill", "Synthetic Quill", 2.2e7, 1.4e7, 0.022, None),
)
# Members and their market caps, the market's own where there is none.
CATEGORIES: dict[str, tuple[tuple[str, str, str, float | None], ...]] = {
    "stablecoins": (
        ("tether", "usdt", "Tether", None),
        ("usd-coin", "usdc", "USDC", None),
        ("paypal-usd", "pyusd", "PayPal USD", None),
        ("synthetic-dollar", "sdlr", "Synthetic Dollar", 9e8),
    ),
    "wrapped-tokens": (
        ("synthetic-wrapped-bitcoin", "swbtc", "Synthetic Wrapped Bitcoin", 6e9),
        ("synthetic-wrapped-ether", "sweth", "Synthetic Wrapped Ether", 5e9),
    ),
}

README = """\
# The tutorial's exchange figures: synthetic

These figures are made up by `tools/make_exchange_tutorial_data.py`, most of them by a seeded random walk, up to the
moment at which the tutorial's clock stands. Coins of `market_caps.parquet` in the folder above cost the same here.
Names and ids of well-known exchanges are real, so that mapping them can be tried; no figure says anything about them.

Injected events, which the tables must show:

| exchange | what | day |
|---|---|---|
{events}

`bitstamp` has a sum of reserves but no tokens, `gdax` (Coinbase) has no reserves at all, as with the real service.
`tools/golden_exchanges.py` computes what the tables must hold from these files alone.
"""
EVENTS: tuple[tuple[str, int, str], ...] = (
    ("bybit", 10, "LTC reads zero for three days, a token that vanishes and comes back"),
    ("kraken", 20, "XRP has a value but no quantity for three days"),
    ("kraken", 30, "the day's record was taken 20 seconds before midnight"),
    ("binance-cex", 40, "own token: the quantity of BNB jumps by 60 %"),
    ("kraken", 45, "no record"),
    ("kucoin", 50, "relabelled: all WETH becomes ETH, which is no flow"),
    ("gate", 55, "a new token: SOL"),
    ("okx", 60, "a large deposit: 15 % more BTC"),
    ("bybit", 66, "withdrawals: 2 % less BTC, ETH and USDT on each of seven days"),
    ("htx", 70, "TUSD vanishes, about 3 % of the reserves"),
)


@dataclass(frozen=True)
class Clock:
    """The moments that the figures show.

    Attributes:
        as_of: the tutorial's present.
    """

    as_of: datetime

    def midnight(self, day: int) -> datetime:
        """Beginning of a day; day N_DAYS - 1 is today."""
        return self.as_of.replace(hour=0, minute=0, second=0, microsecond=0) - (N_DAYS - 1 - day) * DAY

    @property
    def last_hour(self) -> datetime:
        """The full hour before the present."""
        return self.as_of.replace(minute=0, second=0, microsecond=0)


@dataclass(frozen=True)
class Market:
    """The tutorial's coins, as the market-cap part has them.

    Attributes:
        prices: coin to its price at the last N_DAYS midnights and now.
        now: coin to its row at present: cap, price, volume.
        ranks: coin to its place by market cap.
        day_before: coin to its price a day before.
    """

    prices: dict[str, list[float]]
    now: dict[str, dict[str, Any]]
    ranks: dict[str, int]
    day_before: dict[str, float]

    @classmethod
    def read(cls, folder: Path) -> Market:
        """From ``market_caps.parquet`` and the newest rows of ``stored/raw.market_caps.parquet``."""
        prices: dict[str, list[float]] = {}
        now: dict[str, dict[str, Any]] = {}
        for row in pq.read_table(folder / "market_caps.parquet").to_pylist():
            prices.setdefault(row["coin_id"], []).append(row["price_usd"])
            now[row["coin_id"]] = row
        by_cap = sorted(now, key=lambda coin: -now[coin]["market_cap_usd"])
        recent = {coin: values[-N_DAYS - 1 :] for coin, values in prices.items()}
        stored = pq.read_table(folder / "stored/raw.market_caps.parquet", columns=["coin_id", "price_usd", "ts"])
        day_before = {
            row["coin_id"]: row["price_usd"]
            for row in stored.to_pylist()
            if row["coin_id"] in now and row["ts"] == now[row["coin_id"]]["ts"] - DAY
        }
        return cls(recent, now, {coin: place for place, coin in enumerate(by_cap, 1)}, day_before)

    def change_24h_pct(self, coin: str) -> float:
        """Change of the price from a day before."""
        return round(100 * (self.prices[coin][NOW] / self.day_before[coin] - 1), 4)


@dataclass(frozen=True)
class Record:
    """What one exchange held at one moment: token to (quantity, value in USD)."""

    ts: datetime
    tokens: dict[str, tuple[float | None, float | None]]

    @property
    def total(self) -> float:
        """Value of all tokens."""
        return math.fsum(value or 0.0 for _, value in self.tokens.values())


def rounded(value: float, digits: int = 6) -> float:
    """The value to some significant digits."""
    return float(f"{value:.{digits}g}")


def token_prices(chance: random.Random, market: Market) -> dict[str, list[float]]:
    """Price of each token at every record: the market's, or a random walk; stable ones return to a dollar."""
    prices: dict[str, list[float]] = {}
    for token, (start, spread) in TOKENS.items():
        level, path = 0.0, []
        for _ in range(N_DAYS + 1):
            path.append(rounded(start * math.exp(level)))
            level = (0.5 * level if spread < 0.001 else level - 0.001) + chance.gauss(0, spread)
        prices[token] = market.prices[COIN_OF[token]] if token in COIN_OF else path
    return prices | {token: prices[of] for token, of in SAME_PRICE.items()}


def quantities(chance: random.Random, start: float, spread: float = 0.003) -> list[float]:
    """Quantity at every record."""
    level, path = start, []
    for _ in range(N_DAYS + 1):
        path.append(rounded(level, 8))
        level *= math.exp(chance.gauss(0, spread))
    return path


def scaled_from(path: list[float], day: int, factor: float) -> list[float]:
    """The path, multiplied from a day on."""
    return [rounded(value * factor, 8) if at >= day else value for at, value in enumerate(path)]


def day_up_then_down(path: Sequence[float], first: int) -> int:
    """The first day from ``first`` on at which a price rose, to fall on the day after."""
    return next(day for day in range(first, N_DAYS - 1) if path[day - 1] < path[day] > path[day + 1])


def reserves(chance: random.Random, prices: dict[str, list[float]], clock: Clock) -> dict[str, list[Record]]:
    """Records of every exchange with known tokens, with all events."""
    history = {}
    for slug, (size, shares) in HOLDINGS.items():
        held = {token: quantities(chance, share * size / prices[token][0]) for token, share in shares.items()}
        stamps = _stamps(chance, clock)
        if slug == "binance-cex":
            held["BNB"] = scaled_from(held["BNB"], 40, 1.6)
        elif slug == "kucoin":
            moved = held.pop("WETH")
            held["ETH"] = [sum(pair) for pair in zip(held["ETH"], moved, strict=True)]
            # Both sides stand still on that day, so that the relabelling is all that happens.
            held["ETH"][50] = held["ETH"][49]
            held["WETH"] = [rounded(0.25 * quantity, 8) if at < 50 else 0.0 for at, quantity in enumerate(held["ETH"])]
            held["ETH"] = [rounded(all_of - part, 12) for all_of, part in zip(held["ETH"], held["WETH"], strict=True)]
        elif slug == "okx":
            held["BTC"] = scaled_from(held["BTC"], 60, 1.15)
        elif slug == "bybit":
            for day in range(66, 73):
                for token in ("BTC", "ETH", "USDT"):
                    held[token] = scaled_from(held[token], day, 0.98)
        records = [
            Record(
                stamp,
                {token: (path[at], round(path[at] * prices[token][at], 2)) for token, path in sorted(held.items())},
            )
            for at, stamp in enumerate(stamps)
        ]
        history[slug] = _with_faults(slug, records, prices)
    return history


def _stamps(chance: random.Random, clock: Clock) -> list[datetime]:
    """Times of the days' records, most at midnight and some up to two minutes later, and of the moment of asking."""
    seconds = [chance.choice((0, 0, 0, chance.randrange(5, 120))) for _ in range(N_DAYS)]
    days = [clock.midnight(day) + timedelta(seconds=late) for day, late in enumerate(seconds)]
    return [*days, clock.last_hour + timedelta(seconds=chance.randrange(5, 60))]


def _with_faults(slug: str, records: list[Record], prices: dict[str, list[float]]) -> list[Record]:
    """Records with the events that are about records rather than about what is held."""
    if slug == "bybit":
        for record in records[10:13]:
            record.tokens["LTC"] = (0.0, 0.0)
    elif slug in GONE_FROM:
        token, day = GONE_FROM[slug]
        for record in records[day:]:
            del record.tokens[token]
    elif slug == "bitfinex":
        for record in records:
            record.tokens["UNKNOWN (synthetic)"] = (record.tokens["UNKNOWN (synthetic)"][0], None)
    elif slug == "gate":
        for record in records[:55]:
            del record.tokens["SOL"]
        # A quantity with three decimals too many, under a value that is right: the day before and after it stand still.
        day = day_up_then_down(prices["DOGE"], 35)
        quantity = records[day].tokens["DOGE"][0]
        assert quantity is not None
        for at, shown in ((day - 1, quantity), (day, rounded(quantity / 1000, 8)), (day + 1, quantity)):
            records[at].tokens["DOGE"] = (shown, round(quantity * prices["DOGE"][at], 2))
    elif slug == "kraken":
        for record in records[20:23]:
            record.tokens["XRP"] = (None, record.tokens["XRP"][1])
        midnight = records[30].ts.replace(hour=0, minute=0, second=0)
        records[30] = Record(midnight - timedelta(seconds=20), records[30].tokens)
        del records[45]
    return records


def sums(
    chance: random.Random, history: dict[str, list[Record]], clock: Clock
) -> dict[str, list[tuple[datetime, float]]]:
    """The reserves' sum as the service gives it apart: mostly that of the tokens, at times up to 0.4 % off."""
    by_slug = {}
    for slug, records in history.items():
        off = [chance.choice((0.0, 0.0, 0.0, 0.0, 0.0, chance.uniform(-0.004, 0.004))) for _ in records]
        by_slug[slug] = [
            (record.ts, round(record.total * (1 + by), 2)) for record, by in zip(records, off, strict=True)
        ]
    path = quantities(chance, BITSTAMP_USD, 0.01)
    by_slug["bitstamp"] = [(stamp, round(value, 2)) for stamp, value in zip(_stamps(chance, clock), path, strict=True)]
    return by_slug


def inflow(records: list[Record], days: int, own: frozenset[str]) -> float:
    """Net inflow up to now over some days, of tokens that were there at both ends."""
    before, now = records[-1 - 1 - days].tokens, records[-1].tokens
    flows = []
    for token in (before.keys() & now.keys()) - own:
        (old, _), (new, value) = before[token], now[token]
        if old and new and value:
            flows.append((new - old) * value / new)
    return round(math.fsum(flows))


def cex_rows(
    history: dict[str, list[Record]],
    totals: dict[str, list[tuple[datetime, float]]],
    volumes: dict[str, float],
    btc_usd: float,
    chance: random.Random,
) -> list[dict[str, Any]]:
    """The overview of centralised exchanges, in agreement with their histories."""
    rows = []
    for name, slug, exchange_id, symbol, own_tokens, size, derivatives, interest in CEXS:
        own = frozenset((own_tokens or "").split(",")) | ({"WBNB"} if symbol == "BNB" else frozenset())
        tvl = totals[slug][-1][1] if slug in totals else size
        inflows: list[float | None] = [None, None, None]
        own_usd = None if tvl is None else rounded(0.06 * tvl) if symbol else 0.0
        if slug in history:
            records = history[slug]
            own_usd = math.fsum(value or 0.0 for token, (_, value) in records[-1].tokens.items() if token in own)
            inflows = [inflow(records, days, own) for days in (1, 7, 30)]
        elif size is not None:
            inflows = [round(size * chance.gauss(0, 0.01)) for _ in range(3)]
        clean = None if tvl is None or own_usd is None else round(tvl - own_usd, 2)
        if slug in SLUGS_WITHOUT_INFLOWS:
            inflows = [None, None, None]
        rows.append(
            {
                "name": name,
                "slug": slug,
                "coingecko_id": exchange_id,
                "coin_symbol": symbol,
                "own_tokens": own_tokens,
                "current_tvl_usd": tvl,
                "clean_assets_tvl_usd": clean,
                "inflows_24h_usd": inflows[0],
                "inflows_1w_usd": inflows[1],
                "inflows_1m_usd": inflows[2] if slug != "kraken" else None,
                "spot_volume_usd": round(volumes[exchange_id] * btc_usd) if exchange_id and tvl else None,
                "derivatives_volume_usd": derivatives,
                "open_interest_usd": interest,
                "leverage": rounded(interest / clean, 4) if interest and clean else None,
            }
        )
    return rows


def protocol_rows(
    chance: random.Random, cexs: list[dict[str, Any]], totals: dict[str, list[tuple[datetime, float]]]
) -> list[dict[str, Any]]:
    """Protocols of both categories: the exchanges of the overview that have a slug, and decentralised ones."""
    rows = []
    for cex in cexs:
        if cex["slug"] is None:
            continue
        path = [value for _, value in totals.get(cex["slug"], [])]
        changes = [round(100 * (path[-1] / path[-1 - 1 - days] - 1), 4) for days in (1, 7)] if path else [None, None]
        rows.append(
            (cex["slug"], cex["name"], "CEX", cex["coin_symbol"], None, None, cex["current_tvl_usd"], *changes, None)
        )
    invented = [
        (
            f"Synthetic {word} Swap{number}",
            None if at % 3 else f"SYN{word[:2].upper()}{number.strip()}",
            None,
            ",".join(chance.sample(CHAINS, chance.randrange(1, 4))),
            None if at in {11, 19} else rounded(3e8 * math.exp(-0.22 * at) * chance.uniform(0.7, 1.3), 4),
            rounded(1e8 * chance.uniform(0.1, 2), 3) if at % 5 == 0 else None,
        )
        for at in range(N_INVENTED_DEXS)
        for word, number in [(WORDS.split()[at % 17], " 2" if at >= 17 else "")]
    ]
    for at, (name, symbol, parent, chains, tvl, mcap) in enumerate((*DEXS, *invented)):
        daily, weekly = (round(chance.gauss(0, spread), 4) for spread in (2, 6))
        known = tvl is not None
        rows.append(
            (
                name.lower().replace(" ", "-"),
                name,
                "Dexs",
                symbol,
                parent,
                chains,
                tvl,
                daily if known and at % 9 != 8 else None,
                weekly if known and at % 6 != 5 else None,
                mcap,
            )
        )
    return [dict(zip(PROTOCOL_COLUMNS, row, strict=True)) | {"url": ADDRESS.format(row[0])} for row in rows]


def volume_charts(chance: random.Random, clock: Clock) -> list[tuple[str, datetime, float]]:
    """Rolling 24 h volume of the tracked exchanges, once a day at ten minutes to an hour; calmer at weekends."""
    levels = {row[0]: row[2] for row in EXCHANGES}
    last = (clock.as_of - timedelta(minutes=50)).replace(minute=50, second=0, microsecond=0)
    rows = []
    shared = [0.0]
    for _ in range(N_DAYS - 1):
        shared.append(0.7 * shared[-1] + chance.gauss(0, 0.08))
    # The present is like the week before, so that those who surge or fall on the last day stand out.
    shared[-1] = sum(shared[-8:-1]) / 7
    for exchange_id in TRACKED:
        moment = last - timedelta(hours=1) if exchange_id == "gate" else last
        for day, market in enumerate(shared):
            ts = moment - (N_DAYS - 1 - day) * DAY
            weekend = 0.8 if ts.weekday() >= 5 else 1.0
            surge = LAST_DAY.get(exchange_id, 1.0) if day == N_DAYS - 1 else 1.0
            volume = levels[exchange_id] * weekend * surge * math.exp(market + chance.gauss(0, 0.1))
            # The service at times leaves a day out.
            if (exchange_id, day) not in {("huobi", 33), ("huobi", 34), ("kucoin", N_DAYS - 4)}:
                rows.append((exchange_id, ts, round(volume, 4)))
    return rows


def exchange_rows(chance: random.Random, charts: list[tuple[str, datetime, float]]) -> list[dict[str, Any]]:
    """The list of exchanges as of now, by falling trust score and volume as the service orders them."""
    newest = {exchange_id: volume for exchange_id, _, volume in charts}
    invented = [
        (
            f"synthetic_{word.lower()}_{kind.lower()}",
            f"Synthetic {word} {kind}",
            rounded(4_000 * math.exp(-0.2 * at), 3),
            None if at % 4 == 3 else float(max(1, 6 - at // 6)),
            None if at % 5 == 2 else 2013 + at % 11,
            None if at % 3 == 1 else chance.choice(("Estonia", "Singapore", "Brazil", "Switzerland")),
        )
        for at in range(N_INVENTED_EXCHANGES)
        for word, kind in [(WORDS.split()[at % 17], KINDS[at // 17])]
    ]
    figures = [
        (*row[:2], round(newest.get(row[0], row[2]) * (1 + chance.gauss(0, 0.004)), 4), *row[3:])
        for row in (*EXCHANGES, *invented)
    ]
    figures.sort(key=lambda row: (-(row[3] or 0), -row[2]))
    names = ("exchange_id", "name", "volume_24h_btc", "trust_score", "year_established", "country")
    rows = []
    for place, figure in enumerate(figures, 1):
        row = dict(zip(names, figure, strict=True))
        # The smallest exchange has no volume to show.
        if row["exchange_id"] == invented[-1][0]:
            row["volume_24h_btc"] = None
        rows.append(
            row
            | {
                "trust_score_rank": place if row["trust_score"] else None,
                "url": ADDRESS.format(str(row["exchange_id"]).replace("_", "-")),
                "has_trading_incentive": "true" if place == 40 else "false",
            }
        )
    return rows


def trending_rows(market: Market) -> list[dict[str, Any]]:
    """Trending coins; the price in bitcoin is that in dollars over one price of a bitcoin."""
    btc_usd = market.now["bitcoin"]["price_usd"]
    rows = []
    for at, (coin, symbol, name, *figures) in enumerate(TRENDING):
        cap, volume, price, change = figures
        rank = 200 + 10 * at if cap else None
        if coin in market.now:
            cap, volume, price = (market.now[coin][f"{each}_usd"] for each in ("market_cap", "volume", "price"))
            rank, change = market.ranks[coin], market.change_24h_pct(coin)
        assert price is not None
        rows.append(
            {
                "coin_id": coin,
                "symbol": symbol,
                "name": name,
                "market_cap_rank": rank,
                "market_cap_usd": cap,
                "volume_24h_usd": volume,
                "price_usd": price,
                "price_btc": price / btc_usd,
                "price_change_24h_pct": change,
            }
        )
    return rows


def make_up(seed: int, as_of: datetime, market: Market, folder: Path) -> None:
    """Draw all figures and write them, the same bytes for the same seed and day."""
    chance, clock = random.Random(seed), Clock(as_of)  # noqa: S311
    prices = token_prices(chance, market)
    history = reserves(chance, prices, clock)
    totals = sums(chance, history, clock)
    charts = volume_charts(chance, clock)
    exchanges = exchange_rows(chance, charts)
    volumes = {row["exchange_id"]: row["volume_24h_btc"] for row in exchanges}
    cexs = cex_rows(history, totals, volumes, prices["BTC"][NOW], chance)
    centralised = sorted({row["exchange_id"] for row in exchanges if not _is_decentralised(row["exchange_id"])})

    folder.mkdir(parents=True, exist_ok=True)
    write_csv(folder / "exchanges.csv", exchanges)
    write_csv(folder / "trending_coins.csv", trending_rows(market))
    bitcoin = {"coin_id": "bitcoin", "symbol": "btc", "name": "Bitcoin", "price_usd": prices["BTC"][NOW]}
    write_csv(folder / "bitcoin.csv", [bitcoin])
    members = [
        {
            "category": slug,
            "coin_id": coin,
            "symbol": symbol,
            "name": name,
            "market_cap_usd": cap or market.now[coin]["market_cap_usd"],
        }
        for slug, coins in CATEGORIES.items()
        for coin, symbol, name, cap in coins
    ]
    write_csv(folder / "category_members.csv", members)
    write_csv(folder / "cexs.csv", cexs)
    write_csv(folder / "centralised_exchanges.csv", [{"exchange_id": exchange_id} for exchange_id in centralised])
    write_csv(folder / "protocols.csv", protocol_rows(chance, cexs, totals))
    credit = f"Made-up data, seed {seed}"
    write_parquet(folder / "volume_charts.parquet", credit, ("exchange_id", "ts", "volume_24h_btc"), charts)
    sums_rows = [(slug, ts, tvl, (ts, tvl) == path[-1]) for slug, path in sorted(totals.items()) for ts, tvl in path]
    write_parquet(folder / "cex_tvl.parquet", credit, ("slug", "ts", "tvl_usd", "is_now"), sums_rows)
    balances = [
        (slug, record.ts, token, quantity, value, record is records[-1])
        for slug, records in sorted(history.items())
        for record in records
        for token, (quantity, value) in sorted(record.tokens.items())
    ]
    names = ("slug", "ts", "token", "quantity", "value_usd", "is_now")
    write_parquet(folder / "token_balances.parquet", credit, names, balances)
    days = [*EVENTS, ("gate", day_up_then_down(prices["DOGE"], 35), "DOGE is counted a thousand times too small, once")]
    events = (f"| {slug} | {what} | {clock.midnight(day):%Y-%m-%d} |" for slug, day, what in sorted(days))
    (folder / "README.md").write_text(README.format(events="\n".join(events)), encoding="utf-8")


def _is_decentralised(exchange_id: str) -> bool:
    return exchange_id in DECENTRALISED or exchange_id in {"synthetic_fjord_markets", "synthetic_opal_exchange"}


def write_csv(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """One line a row, empty where null."""
    with path.open("w", encoding="utf-8", newline="") as target:
        lines = csv.DictWriter(target, list(rows[0]), lineterminator="\n")
        lines.writeheader()
        lines.writerows(rows)


def write_parquet(path: Path, credit: str, names: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
    """Rows as columns of the types that their values have; who made them stands in the metadata."""
    types = {"ts": pa.timestamp("ms", tz="UTC"), "is_now": pa.bool_()}
    texts = ("slug", "token", "exchange_id")
    columns = {
        name: pa.array(values, types.get(name, pa.string() if name in texts else pa.float64()))
        for name, values in zip(names, zip(*rows, strict=True), strict=True)
    }
    table = pa.table(columns).replace_schema_metadata({"source": credit})
    keys = [name for name in names if name in texts or name == "ts"]
    pq.write_table(table, path, compression="zstd", compression_level=19, use_dictionary=keys)


def main(arguments: list[str]) -> int:
    """Make up the figures, and write them."""
    parser = argparse.ArgumentParser(description="Make up the tutorial's exchange figures.")
    parser.add_argument("--seed", type=int, default=1, help="of the random walk (default 1)")
    parser.add_argument("--out", type=Path, default=TUTORIAL / "exchanges", help="folder (default: the package's)")
    given = parser.parse_args(arguments)
    market = Market.read(TUTORIAL)
    as_of = max(row["ts"] for row in market.now.values())
    make_up(given.seed, as_of.astimezone(UTC), market, given.out)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
