"""What protocols and exchanges hold, as a pure function of time, so that every endpoint agrees.

A value is quantity times price everywhere, and a price is that of its token whoever holds it: where quantities stand
still, only prices move the total.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np

from marketflows_pipeline_tests.fakes.generate import KNOWN_COINS
from marketflows_pipeline_tests.fakes.price_paths import Floats, Ints, chance, log_path, price_path

FOREVER_S = 1 << 40
HOUR_S = 3_600
DAY_S = 24 * HOUR_S
# The service writes a record some minutes after the hour, and keeps the first of each day.
WRITTEN_AFTER_S = (60, 420)
CLOCK_SEED = 11
# What the service writes instead of its key for parts that are not on a chain.
NOT_ON_A_CHAIN = ("staking", "pool2", "borrowed")

STABLE = ("USDT", "USDC", "DAI", "FDUSD")
# A token under a new name keeps its price.
SAME_AS = {"WETH": "ETH", "WBTC": "BTC", "WBNB": "BNB"}
LEVELS_USD: dict[str, float] = {symbol.upper(): level for _, symbol, _, level, _ in KNOWN_COINS} | {
    "DAI": 1.0,
    "FDUSD": 1.0,
    "OKB": 190.0,
    "LEO": 9.5,
    "BIT": 1.1,
    "MNT": 1.6,
    "CRO": 0.21,
    "HT": 1.2,
    "KCS": 11.0,
    "GT": 16.0,
    "BGB": 5.1,
    "MX": 2.7,
    "KUB": 1.5,
    "CET": 0.04,
    "UNI-V3": 1.0,
}

Breakdown = Literal["whole", "empty", "null"]


@dataclass(frozen=True)
class Holding:
    """A token that a protocol holds on one chain, from one time to another.

    Attributes:
        chain: as the service spells it; ``Ethereum-staking`` and the like are parts that do not count.
        seed: of the path of its quantity.
        swing: how far the quantity moves; 0 stands still.
        jump_s: when the quantity is suddenly `jump` times what it was, as when wallets are labelled anew.
    """

    chain: str
    token: str
    quantity: float
    seed: int
    swing: float = 1.0
    from_s: int = 0
    to_s: int = FOREVER_S
    jump_s: int = FOREVER_S
    jump: float = 1.0

    @property
    def counts(self) -> bool:
        """Whether it is part of the total."""
        return not self.chain.lower().endswith(NOT_ON_A_CHAIN)


@dataclass(frozen=True)
class FakeProtocol:
    """A protocol, and what the service breaks down of it.

    Attributes:
        name: display name, of which the slug is made.
        category: free text of the service; None where it says none.
        started_s: time of its first record.
        has_adapter: without one nothing is measured.
        breakdown: whether its tokens are served, are an empty list or null.
        tokens_late_days: how many days later than the total the breakdown begins.
        loses_days: now and then a day is missing from one array and not from another.
    """

    id: str
    name: str
    category: str | None
    holdings: tuple[Holding, ...] = ()
    started_s: int = 0
    symbol: str = "-"
    parent: str | None = None
    gecko_id: str | None = None
    mcap: float | None = None
    has_adapter: bool = True
    breakdown: Breakdown = "whole"
    is_misrepresented: bool = False
    tokens_late_days: int = 0
    loses_days: bool = False

    @property
    def slug(self) -> str:
        """Its name as it stands in addresses."""
        return slug_of(self.name)

    def chains(self, at_s: int) -> list[str]:
        """The chains it is on at a time, parts that do not count left out."""
        return list(dict.fromkeys(held.chain for held in self.holdings if held.counts and held.from_s <= at_s))


@dataclass(frozen=True)
class Balances:
    """Quantities and values of holdings, a row each date and a column each holding; NaN is not held."""

    holdings: Sequence[Holding]
    quantity: Floats
    value: Floats

    def of(self, chosen: Sequence[bool]) -> Balances:
        """The holdings that are chosen."""
        kept = np.array(chosen, dtype=bool)
        return Balances(
            [held for held, is_chosen in zip(self.holdings, chosen, strict=True) if is_chosen],
            self.quantity[:, kept],
            self.value[:, kept],
        )

    def by_token(self) -> tuple[list[str], Floats, Floats]:
        """Names, quantities and values of each token over its chains; NaN where it is held on none."""
        names = list(dict.fromkeys(held.token for held in self.holdings))
        member = np.array([[held.token == name for name in names] for held in self.holdings], dtype=float)
        if not names:
            return [], self.quantity, self.value
        is_held = (~np.isnan(self.quantity)).astype(float) @ member > 0
        sums = (np.nan_to_num(figures) @ member for figures in (self.quantity, self.value))
        quantity, value = (np.where(is_held, summed, np.nan) for summed in sums)
        return names, quantity, value

    def total(self) -> Floats:
        """Value of all that counts, each date."""
        counting = self.of([held.counts for held in self.holdings])
        totals: Floats = np.nansum(counting.value, axis=1)
        return totals


def slug_of(name: str) -> str:
    """A name as it stands in addresses."""
    return name.lower().replace(" ", "-").replace("'", "")


def to_s(moment: datetime) -> int:
    """Whole seconds since 1970."""
    return int(moment.timestamp())


def recorded_s(hours: Ints) -> Ints:
    """When the record of each hour since 1970 is written."""
    first, last = WRITTEN_AFTER_S
    share = chance(np.full_like(hours, CLOCK_SEED), hours)
    written: Ints = hours * HOUR_S + first + np.floor(share * (last - first)).astype(np.int64)
    return written


def latest_s(now_s: int) -> int:
    """Time of the newest record there is."""
    hours = np.array([now_s // HOUR_S, now_s // HOUR_S - 1])
    written = recorded_s(hours)
    return int(written[0] if written[0] <= now_s else written[1])


def daily_s(from_s: int, now_s: int) -> Ints:
    """Times of the daily records up to now."""
    days = np.arange(from_s // DAY_S, now_s // DAY_S + 1, dtype=np.int64)
    written = recorded_s(days * 24)
    return written[written <= now_s]


def prices(tokens: Sequence[str], at_s: Ints) -> Floats:
    """Price of each token at each time, a row each time."""
    seeds = np.array([_seed_of(token) for token in tokens], dtype=np.int64)
    levels = np.array([level_of(token) for token in tokens])
    swing = np.array([0.0 if token in STABLE else 1.0 for token in tokens])
    ms = (at_s * 1000)[:, None]
    shape = (at_s.size, len(tokens))
    return price_path(
        np.broadcast_to(levels, shape),
        np.broadcast_to(seeds, shape),
        np.broadcast_to(swing, shape),
        np.broadcast_to(ms, shape),
    )


def balances(holdings: Sequence[Holding], at_s: Ints) -> Balances:
    """What is held at each time."""
    shape = (at_s.size, len(holdings))
    if not holdings:
        return Balances(holdings, np.empty(shape), np.empty(shape))
    ms = np.broadcast_to((at_s * 1000)[:, None], shape)
    seeds = np.broadcast_to(np.array([held.seed for held in holdings], dtype=np.int64), shape)
    swing = np.array([held.swing for held in holdings])
    quantity = np.array([held.quantity for held in holdings]) * np.exp(0.5 * swing * log_path(seeds, ms))
    jumped = at_s[:, None] >= np.array([held.jump_s for held in holdings])
    quantity = quantity * np.where(jumped, np.array([held.jump for held in holdings]), 1.0)
    is_held = (at_s[:, None] >= np.array([held.from_s for held in holdings])) & (
        at_s[:, None] < np.array([held.to_s for held in holdings])
    )
    quantity = np.where(is_held, quantity, np.nan)
    return Balances(holdings, quantity, quantity * prices([held.token for held in holdings], at_s))


def total_usd(protocol: FakeProtocol, at_s: int) -> float | None:
    """What a protocol holds in all at a time, or None where nobody measures it."""
    if not protocol.has_adapter or at_s < protocol.started_s:
        return None
    return float(balances(protocol.holdings, np.array([at_s])).total()[0])


def net_inflow_usd(protocol: FakeProtocol, own_tokens: Sequence[str], from_s: int, to_s: int) -> float:
    """Change of the quantities at a price, as the service reports it: tokens held at both ends, dust left out."""
    held = balances(protocol.holdings, np.array([from_s, to_s]))
    names, quantity, value = held.of([each.counts for each in held.holdings]).by_token()
    dust = max(10_000.0, 0.0001 * float(np.nansum(value, axis=1).min()))
    flow = 0.0
    for at, name in enumerate(names):
        (before, after), (was_usd, is_usd) = quantity[:, at], value[:, at]
        if name in own_tokens or not (was_usd >= dust and is_usd >= dust):
            continue
        price = was_usd / before if was_usd > is_usd else is_usd / after
        flow += (after - before) * price
    return float(flow)


def level_of(token: str) -> float:
    """The price that a token's path moves around, in USD."""
    name = SAME_AS.get(token, token)
    if name in LEVELS_USD:
        return LEVELS_USD[name]
    share = float(chance(np.array([_seed_of(name)]), np.array([0]))[0])
    return float(10 ** (4 * share - 2))


def _seed_of(token: str) -> int:
    return zlib.crc32(SAME_AS.get(token, token).encode()) % 1_000_003
