"""The law of the tutorial's market: coins, their paths of price and supply, and the events injected into them.

Bitcoin and ether are the daily bars of the cross-asset part. Every other coin follows bitcoin::

    log price[t] = log end + beta (log btc[t] - log btc[end]) + wave[t] + own[t] + shift[t]
    own[t]       = keep own[t-1] + noise
    wave[t]      = swing sin(turns[t]) + drift[t]     one a group, so that groups take turns in leading; turns[t]
                   advances by a pace of its own chance, drift[t] = keep drift[t-1] + noise
    supply[t]    = supply at the end, less its growth a day, and less steps that are still to come
    cap[t]       = price[t] supply[t] (1 + lag[t])    a service's cap and price are not of one instant

A close is that of 00:00 UTC. All of it is made up: ids of well-known coins are real because other parts use them, and
no figure beside them says anything about them. Every event but the issuances happens to a coin of our own.
"""

from __future__ import annotations

import math
import random
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pyarrow.parquet as pq

TUTORIAL = Path(__file__).resolve().parent.parent / "marketflows_pipeline" / "tutorial"
AS_OF = datetime(2026, 3, 4, 11, 14, 16, tzinfo=UTC)
N_CLOSES = 400
DAY = timedelta(days=1)
LAST_CLOSE = AS_OF.replace(hour=0, minute=0, second=0)
FIRST_CLOSE = LAST_CLOSE - (N_CLOSES - 1) * DAY

LISTED = ("synthetic-prism", date(2025, 12, 15))
DELISTED = ("synthetic-ember", date(2026, 2, 10))
REDENOMINATED = ("synthetic-cortex", date(2026, 1, 15), 10)
LARGE_STEP = ("synthetic-harbor", date(2026, 1, 20), 1.18)
# A fall of the logarithm that begins on one day and is over on another.
FALLS = {
    "synthetic-neuron": (date(2025, 12, 8), date(2025, 12, 22), -1.02),
    "synthetic-oracle": (date(2026, 1, 6), date(2026, 1, 20), -1.61),
}
CROSSING = ("synthetic-summit", 5e9, 0.12, 28)  # limit, swing of the logarithm, days
BURST = ("usd-coin", date(2026, 2, 2), 10, 0.08)  # issued over days, share of the supply
# At the clock's moment, over the usual volume; the pegged coin trades as usual.
VOLUMES_NOW = {"synthetic-signal": 2.7, "synthetic-harbor": 2.1}
QUIET = "figure-heloc"
KEEP = 0.9
LAG_DEVIATION = 0.0002
# Of the waves: one in which the smallest coins are above the smallest limit when the events need it.
DRAW = 0


@dataclass(frozen=True)
class Coin:
    """How one coin moves.

    Attributes:
        coin_id: of CoinGecko, or of our own.
        symbol: ticker.
        name: display name.
        price_usd: near which its path ends.
        cap_usd: near which its market cap ends.
        beta: of its return on bitcoin's.
        noise: deviation of its own daily step.
        growth: of its supply, a day.
        wave: which group's wave it follows.
        turnover: volume of a day over its market cap.
    """

    coin_id: str
    symbol: str
    name: str
    price_usd: float
    cap_usd: float
    beta: float = 1.0
    noise: float = 0.016
    growth: float = 0.00005
    wave: str = ""
    turnover: float = 0.04


def _ai(coin_id: str, symbol: str, name: str, price_usd: float, cap_usd: float) -> Coin:
    """Coins of one group share what moves them, so that their ranks follow the injected events."""
    return Coin(coin_id, symbol, name, price_usd, cap_usd, beta=1.15, noise=0.011, wave="ai", turnover=0.07)


def _pegged(coin_id: str, symbol: str, name: str, cap_usd: float, growth: float) -> Coin:
    # The quiet one is a loan that few trade, no stablecoin.
    turnover = 0.004 if coin_id == QUIET else 0.2
    return Coin(coin_id, symbol, name, 1.0, cap_usd, beta=0.0, noise=0.0002, growth=growth, turnover=turnover)


BITCOIN = Coin("bitcoin", "btc", "Bitcoin", 68_000, 1.36e12, growth=0.0000225)
ETHER = Coin("ethereum", "eth", "Ethereum", 2_024, 2.44e11, growth=0.00002)
BARS_OF = {"bitcoin": "BTC", "ethereum": "ETH"}
COINS = (
    BITCOIN,
    ETHER,
    _pegged("tether", "usdt", "Tether", 1.84e11, 0.0006),
    _pegged("usd-coin", "usdc", "USDC", 7.5e10, 0.0002),
    _pegged("paypal-usd", "pyusd", "PayPal USD", 3.9e9, 0.0012),
    _pegged(QUIET, "figr_heloc", "Figure Heloc", 1.4e10, 0.0004),
    Coin("binancecoin", "bnb", "BNB", 615, 8.4e10, beta=0.8),
    Coin("ripple", "xrp", "XRP", 1.35, 8.2e10, beta=1.05, growth=0.0001),
    Coin("solana", "sol", "Solana", 86, 4.8e10, beta=1.1, growth=0.00012),
    Coin("tron", "trx", "TRON", 0.285, 2.7e10, beta=0.35, growth=-0.00005),
    Coin("dogecoin", "doge", "Dogecoin", 0.092, 1.55e10, beta=1.15, noise=0.022, growth=0.0001),
    Coin("cardano", "ada", "Cardano", 0.27, 1.0e10, beta=1.1, noise=0.02),
    Coin("bitcoin-cash", "bch", "Bitcoin Cash", 460, 9.2e9, beta=0.85, noise=0.02),
    Coin("hyperliquid", "hype", "Hyperliquid", 32, 8.0e9, noise=0.022, growth=0.0008),
    Coin("leo-token", "leo", "LEO Token", 9.1, 8.4e9, beta=0.1, noise=0.008, growth=-0.0001, turnover=0.001),
    Coin("synthetic-harbor", "harbr", "Synthetic Harbor", 2.5, 7.5e9, wave="usa"),
    Coin("monero", "xmr", "Monero", 345, 6.4e9, beta=0.7, noise=0.02),
    Coin("chainlink", "link", "Chainlink", 9.0, 6.3e9, beta=1.1, wave="usa"),
    Coin("stellar", "xlm", "Stellar", 0.16, 5.2e9, beta=1.05, wave="usa"),
    Coin("synthetic-summit", "summt", "Synthetic Summit", 4.0, 5.0e9, beta=0.0, noise=0.012, growth=0.0),
    Coin("litecoin", "ltc", "Litecoin", 55, 4.2e9, beta=0.85),
    Coin("avalanche-2", "avax", "Avalanche", 9.0, 3.9e9, beta=1.15, noise=0.02),
    Coin("hedera-hashgraph", "hbar", "Hedera", 0.1, 4.3e9, beta=1.1, noise=0.02, wave="usa"),
    Coin("polkadot", "dot", "Polkadot", 1.6, 2.6e9, beta=1.15, noise=0.02, growth=0.0002),
    Coin("mantle", "mnt", "Mantle", 0.7, 2.3e9, beta=1.0, noise=0.02),
    Coin("okb", "okb", "OKB", 85, 1.8e9, beta=0.6, noise=0.02),
    Coin("kucoin-shares", "kcs", "KuCoin", 9.0, 1.2e9, beta=0.5),
    _ai("bittensor", "tao", "Bittensor", 560, 5.6e9),
    _ai("near", "near", "NEAR Protocol", 3.6, 4.6e9),
    _ai("synthetic-oracle", "orcl", "Synthetic Oracle", 1.5, 3.8e9),
    _ai("synthetic-neuron", "neurn", "Synthetic Neuron", 6.4, 3.2e9),
    _ai("render-token", "render", "Render", 5.2, 2.7e9),
    _ai("fetch-ai", "fet", "Artificial Superintelligence Alliance", 0.9, 2.25e9),
    _ai("synthetic-ember", "embr", "Synthetic Ember", 0.38, 1.9e9),
    _ai("synthetic-cortex", "crtx", "Synthetic Cortex", 0.8, 1.6e9),
    _ai("the-graph", "grt", "The Graph", 0.13, 1.35e9),
    _ai("synthetic-lattice", "latt", "Synthetic Lattice", 10.0, 1.0e9),
    _ai("synthetic-beacon", "bcon", "Synthetic Beacon", 2.2, 8.8e8),
    _ai("synthetic-prism", "prsm", "Synthetic Prism", 0.064, 6.4e8),
    _ai("synthetic-signal", "sgnl", "Synthetic Signal", 0.0045, 4.5e8),
)


@dataclass(frozen=True)
class Wave:
    """What the coins of a group share.

    Attributes:
        swing: of the logarithm.
        days_of_turn: of one turn at its usual pace.
        late: days by which it begins late.
        keep: of the drift, from a day to the next.
        noise: deviation of the drift's daily step.
    """

    swing: float
    days_of_turn: int
    late: int
    keep: float
    noise: float

    def path(self, chance: random.Random) -> list[float]:
        """The wave at every time, against that at the end. Its pace is 0.2 to 1.8 of the usual, for about two weeks."""
        turns, pace, drift, found = -self.late / self.days_of_turn, 1.0, 0.0, []
        for _ in range(N_CLOSES + 1):
            found.append(self.swing * math.sin(2 * math.pi * turns) + drift)
            pace = min(max(1 + 0.93 * (pace - 1) + chance.gauss(0, 0.25), 0.2), 1.8)
            turns += pace / self.days_of_turn
            drift = self.keep * drift + chance.gauss(0, self.noise)
        return [value - found[-1] for value in found]


WAVES = {
    "": Wave(0.0, 1, 0, 0.0, 0.0),
    "ai": Wave(0.15, 130, 15, 0.985, 0.021),
    "usa": Wave(0.09, 90, 40, 0.98, 0.011),
}

MADE_IN_USA = (
    "ripple solana usd-coin figure-heloc cardano synthetic-harbor chainlink stellar near litecoin avalanche-2 "
    "paypal-usd hedera-hashgraph render-token the-graph synthetic-beacon"
)
LAYER_1 = (
    "bitcoin ethereum binancecoin ripple solana tron cardano bitcoin-cash hyperliquid monero synthetic-summit stellar "
    "near litecoin avalanche-2 hedera-hashgraph polkadot"
)
ARTIFICIAL_INTELLIGENCE = (
    "bittensor near synthetic-oracle synthetic-neuron render-token fetch-ai synthetic-ember synthetic-cortex the-graph "
    "synthetic-lattice synthetic-beacon synthetic-prism synthetic-signal"
)
# Slug to name and members; the first three are narratives of the settings.
CATEGORIES: dict[str, tuple[str, tuple[str, ...]]] = {
    slug: (name, tuple(members.split()))
    for slug, name, members in (
        ("made-in-usa", "Made in USA", MADE_IN_USA),
        ("layer-1", "Layer 1 (L1)", LAYER_1),
        ("artificial-intelligence", "Artificial Intelligence (AI)", ARTIFICIAL_INTELLIGENCE),
        ("stablecoins", "Stablecoins", "tether usd-coin paypal-usd"),
        ("exchange-based-tokens", "Exchange-based Tokens", "binancecoin leo-token okb kucoin-shares mantle"),
        ("meme-token", "Meme", "dogecoin"),
        ("depin", "DePIN", "bittensor render-token the-graph synthetic-beacon"),
        ("ai-agents", "AI Agents", "bittensor near synthetic-oracle fetch-ai"),
        ("ethereum-ecosystem", "Ethereum Ecosystem", "ethereum tether usd-coin chainlink the-graph fetch-ai okb"),
        ("solana-ecosystem", "Solana Ecosystem", "solana usd-coin paypal-usd render-token synthetic-signal"),
        ("synthetic-ventures-portfolio", "Synthetic Ventures Portfolio", "near avalanche-2 synthetic-harbor"),
    )
}
NARRATIVES = tuple(CATEGORIES)[:3]


@dataclass(frozen=True)
class CoinPath:
    """A coin at every time at which it was seen, in order of time."""

    coin: Coin
    times: list[datetime] = field(default_factory=list)
    prices: list[float] = field(default_factory=list)
    supplies: list[float] = field(default_factory=list)
    volumes: list[float] = field(default_factory=list)
    lags: list[float] = field(default_factory=list)

    def cap(self, at: int) -> float:
        """Price times supply, but for what the price moved between both."""
        return round(self.prices[at] * self.supplies[at] * (1 + self.lags[at]), 2)

    def place(self, moment: datetime) -> int | None:
        """Of the last value at or before a moment; None before the first."""
        return bisect_right(self.times, moment) - 1 if self.times and self.times[0] <= moment else None

    def change_pct(self, at: int, days: int) -> float | None:
        """Change of the price from the last value at or before some days earlier; None for a younger coin."""
        before = self.place(self.times[at] - days * DAY)
        return None if before is None else round(100 * (self.prices[at] / self.prices[before] - 1), 5)


def rounded(value: float, digits: int = 6) -> float:
    """The value to some significant digits."""
    return float(f"{value:.{digits}g}")


def closes_of(symbol: str, bars: Path) -> tuple[list[float], list[float]]:
    """Price and volume at each close from the daily bars; a day without a bar is between its neighbours."""
    table = pq.read_table(bars, columns=["symbol", "session", "close_usd", "volume"]).to_pylist()
    known = {
        row["session"]: (float(row["close_usd"]), float(row["volume"])) for row in table if row["symbol"] == symbol
    }
    # The close of a session is that of the midnight after it.
    sessions = [(FIRST_CLOSE + (at - 1) * DAY).date() for at in range(N_CLOSES)]
    prices, volumes = [], []
    for day in sessions:
        around = [known[day]] if day in known else [known[day - DAY], known[day + DAY]]
        prices.append(rounded(math.exp(math.fsum(math.log(price) for price, _ in around) / len(around)), 8))
        volumes.append(around[-1][1])
    return prices, volumes


def make_world(seed: int, bars: Path) -> dict[str, CoinPath]:
    """Every coin's path, the same for the same seed and bars, by coin."""
    now = math.exp(random.Random(f"{seed} now").gauss(0, 0.01))  # noqa: S311
    closes = {coin: closes_of(symbol, bars) for coin, symbol in BARS_OF.items()}
    bitcoin = [*closes["bitcoin"][0], closes["bitcoin"][0][-1] * now]
    market = [math.log(price / bitcoin[-2]) for price in bitcoin]
    waves = {name: wave.path(random.Random(f"{seed} wave {name} {DRAW}")) for name, wave in WAVES.items()}  # noqa: S311
    return {coin.coin_id: _path(coin, seed, market, waves[coin.wave], closes.get(coin.coin_id)) for coin in COINS}


def _path(
    coin: Coin, seed: int, market: list[float], wave: list[float], closes: tuple[list[float], list[float]] | None
) -> CoinPath:
    chance = random.Random(f"{seed} {coin.coin_id}")  # noqa: S311
    lag = random.Random(f"{seed} {coin.coin_id} lag")  # noqa: S311
    own, path = 0.0, CoinPath(coin)
    supply_at_end = coin.cap_usd / coin.price_usd
    for at, common in enumerate(market):
        is_now = at == N_CLOSES
        moment = AS_OF - timedelta(seconds=_seconds_before_now(coin, chance)) if is_now else FIRST_CLOSE + at * DAY
        own = KEEP * own + chance.gauss(0, coin.noise)
        level = coin.beta * common + wave[at] + own
        price = coin.price_usd * math.exp(level + _shift(coin, moment, at)) / _units(coin, moment)
        supply = supply_at_end * math.exp(-coin.growth * (N_CLOSES - at)) * _supply_factor(coin, moment)
        volume = coin.turnover * price * supply * _unusual(coin, chance.gauss(0, 0.3), is_now=is_now)
        if closes is not None:
            price = closes[0][-1] * math.exp(market[-1]) if is_now else closes[0][at]
            volume = closes[1][-1] if is_now else closes[1][at]
        if _is_listed(coin, moment):
            path.times.append(moment)
            path.prices.append(rounded(price, 8 if closes else 6))
            path.supplies.append(float(round(supply)))
            path.volumes.append(rounded(volume, 3))
            path.lags.append(lag.gauss(0, LAG_DEVIATION))
    return path


def day_before(path: CoinPath, seed: int) -> CoinPath:
    """A coin as it was seen a day before its last time: between the closes around; of a delisted coin nothing."""
    if path.times[-1] <= LAST_CLOSE:
        return CoinPath(path.coin)
    chance, moment = random.Random(f"{seed} {path.coin.coin_id} day before"), path.times[-1] - DAY  # noqa: S311
    at = path.place(moment)
    assert at is not None
    part = (moment - path.times[at]) / (path.times[at + 1] - path.times[at])
    noise = chance.gauss(0, path.coin.noise * math.sqrt(part * (1 - part)))
    level = (1 - part) * math.log(path.prices[at]) + part * math.log(path.prices[at + 1]) + noise
    return CoinPath(
        path.coin,
        [moment],
        [rounded(math.exp(level))],
        [path.supplies[at]],
        [rounded(path.volumes[at] * math.exp(chance.gauss(0, 0.1)), 3)],
        [chance.gauss(0, LAG_DEVIATION)],
    )


def _unusual(coin: Coin, noise: float, *, is_now: bool) -> float:
    """A time's volume over the usual one."""
    if is_now and coin.coin_id in {QUIET, *VOLUMES_NOW}:
        return VOLUMES_NOW.get(coin.coin_id, 1.0)
    return math.exp(noise)


def _seconds_before_now(coin: Coin, chance: random.Random) -> int:
    """The service refreshes coins one after another; a quiet one was last refreshed two hours ago."""
    late = chance.randrange(1, 11)
    return {"bitcoin": 2, "ethereum": 0, QUIET: 7_200 + late}.get(coin.coin_id, late)


def _is_listed(coin: Coin, moment: datetime) -> bool:
    if coin.coin_id == LISTED[0]:
        return moment.date() >= LISTED[1]
    return coin.coin_id != DELISTED[0] or moment.date() < DELISTED[1]


def _shift(coin: Coin, moment: datetime, at: int) -> float:
    """Of the logarithm of the price: a fall on the way, or a swing about a limit."""
    if coin.coin_id == CROSSING[0]:
        return CROSSING[2] * math.sin(2 * math.pi * at / CROSSING[3])
    if coin.coin_id not in FALLS:
        return 0.0
    first, last, depth = FALLS[coin.coin_id]
    return depth * min(max((moment.date() - first) / (last - first), 0.0), 1.0)


def _units(coin: Coin, moment: datetime) -> float:
    """How many new coins stand for an old one."""
    name, day, factor = REDENOMINATED
    return float(factor) if coin.coin_id == name and moment.date() >= day else 1.0


def _supply_factor(coin: Coin, moment: datetime) -> float:
    factor, day = _units(coin, moment), moment.date()
    if coin.coin_id == LARGE_STEP[0] and day < LARGE_STEP[1]:
        factor /= LARGE_STEP[2]
    if coin.coin_id == BURST[0]:
        done = min(max((day - BURST[1]).days / BURST[2], 0.0), 1.0)
        factor *= (1 + BURST[3] * done) / (1 + BURST[3])
    return factor


def ranked(world: Mapping[str, CoinPath], slug: str, moment: datetime) -> list[tuple[str, int]]:
    """Members of a category that were listed at a moment, the largest first, with the place of their value."""
    found = []
    for coin in CATEGORIES[slug][1]:
        path = world[coin]
        at = path.place(moment)
        if at is not None and moment - path.times[at] < DAY:
            found.append((coin, at))
    return sorted(found, key=lambda pair: -world[pair[0]].cap(pair[1]))


def crossings(path: CoinPath, limit: float) -> list[datetime]:
    """Times at which a coin's cap was on the other side of a limit than at the time before."""
    sides = [path.cap(at) > limit for at in range(len(path.times))]
    return [path.times[at + 1] for at, (before, now) in enumerate(pairwise(sides)) if before != now]
