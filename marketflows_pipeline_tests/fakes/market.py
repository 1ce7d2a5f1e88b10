"""A coherent market: coins that come and go, categories that change, and what a service shows of them at a moment.

Cap is price times supply everywhere, except where a flaw of the real service is shown in its place; then every endpoint
shows the same flaw.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

import numpy as np

from marketflows_pipeline_tests.fakes.price_paths import DAY_MS, HOUR_MS, Floats, Ints, chance, price_path

FOREVER_MS = 1 << 62
FIVE_MINUTES_MS = 300_000
# Milliseconds around the grid within which sub-daily stamps fall.
JITTER_MS = {FIVE_MINUTES_MS: (-5_000, 45_000), HOUR_MS: (-30_000, 90_000)}

Cap = float | None
CapFlaw = Literal["always_null", "always_zero", "now_and_then"]


@dataclass(frozen=True)
class FakeCategory:
    """A category, until the service removes it."""

    slug: str
    name: str
    removed_at_ms: int = FOREVER_MS


@dataclass(frozen=True)
class Membership:
    """A coin's stay in a category."""

    slug: str
    from_ms: int = 0
    to_ms: int = FOREVER_MS


@dataclass(frozen=True)
class FakeCoin:
    """A coin, and how the service treats it.

    Attributes:
        level_usd: price that the path moves around.
        is_rehypothecated: wrapped, bridged or staked: hidden unless asked for.
        refresh_ms: time from one refresh of its figures to the next.
        cap_flaw: how its caps go wrong.
        loses_points: now and then a point is missing from its history.
        has_unequal_arrays: the three arrays of its history differ in length.
        is_sparse: every field that may be null is.
    """

    id: str
    symbol: str
    name: str
    level_usd: float
    supply: float
    seed: int
    volatility: float = 1.0
    memberships: tuple[Membership, ...] = ()
    listed_at_ms: int = 0
    delisted_at_ms: int = FOREVER_MS
    is_rehypothecated: bool = False
    refresh_ms: int = 90_000
    cap_flaw: CapFlaw | None = None
    loses_points: bool = False
    has_unequal_arrays: bool = False
    is_sparse: bool = False


@dataclass(frozen=True)
class Chart:
    """Points of a history: stamps and what is served at each."""

    ts_ms: list[int]
    prices: list[float]
    caps: list[Cap]
    volumes: list[float]


@dataclass
class Market:
    """All coins and categories, and what is true of them at a time."""

    coins: Sequence[FakeCoin]
    categories: Sequence[FakeCategory] = ()
    _index: dict[str, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._index = {coin.id: at for at, coin in enumerate(self.coins)}
        self._level = np.array([coin.level_usd for coin in self.coins])
        self._supply = np.array([coin.supply for coin in self.coins])
        self._seed = np.array([coin.seed for coin in self.coins], dtype=np.int64)
        self._volatility = np.array([coin.volatility for coin in self.coins])
        self._refresh = np.array([coin.refresh_ms for coin in self.coins], dtype=np.int64)
        self._listed = np.array([coin.listed_at_ms for coin in self.coins], dtype=np.int64)
        self._delisted = np.array([coin.delisted_at_ms for coin in self.coins], dtype=np.int64)

    def coin(self, coin_id: str, now_ms: int) -> FakeCoin | None:
        """The coin of this id, where it is listed now."""
        at = self._index.get(coin_id)
        return self.coins[at] if at is not None and self._listed[at] <= now_ms < self._delisted[at] else None

    def delist(self, coin_id: str, at_ms: int) -> None:
        """The service drops a coin at a time that was not planned."""
        self._delisted[self._index[coin_id]] = at_ms

    def delisted_ms(self, position: int) -> int:
        """When the service drops the coin at a position, planned or not."""
        return int(self._delisted[position])

    def listed(self, now_ms: int) -> list[int]:
        """Positions of the coins that are listed now."""
        return np.flatnonzero((self._listed <= now_ms) & (now_ms < self._delisted)).tolist()

    def members(self, slug: str, now_ms: int) -> set[str]:
        """Ids in a category now."""
        return {
            coin.id
            for coin in self.coins
            for stay in coin.memberships
            if stay.slug == slug and stay.from_ms <= now_ms < stay.to_ms
        }

    def refreshed_ms(self, at: Ints, now_ms: int) -> Ints:
        """When the service last renewed the figures of these coins; never before they were listed."""
        phase = self._seed[at] * 7_919 % self._refresh[at]
        last = (now_ms - phase) // self._refresh[at] * self._refresh[at] + phase
        return np.maximum(last, self._listed[at])

    def prices(self, at: Ints, ts_ms: Ints) -> Floats:
        """Price in USD for each pair of coin and time."""
        return price_path(self._level[at], self._seed[at], self._volatility[at], ts_ms)

    def figures(self, at: Ints, ts_ms: Ints) -> tuple[list[float], list[Cap], list[float]]:
        """Price, market cap and volume of 24 hours in USD as served, flaws and all, for each pair of coin and time."""
        prices = self.prices(at, ts_ms)
        true_caps = prices * self._supply[at]
        seed, hour = self._seed[at], ts_ms // HOUR_MS
        luck = chance(seed + 5, hour).tolist()
        flaws = [self.coins[position].cap_flaw for position in at.tolist()]
        shown = zip(np.round(true_caps, 2).tolist(), flaws, luck, strict=True)
        caps = [cap if flaw is None else _shown(cap, flaw, draw) for cap, flaw, draw in shown]
        volumes = np.round(true_caps * (0.02 + 0.08 * chance(seed + 3, hour)), 2)
        return prices.tolist(), caps, volumes.tolist()

    def chart(self, coin_id: str, *, start_ms: int, end_ms: int, step_ms: int, now_ms: int) -> Chart:
        """History of a coin from start to end, its stamps jittered below a day, without a point for the present."""
        position = self._index[coin_id]
        coin = self.coins[position]
        cells = np.arange(-(-start_ms // step_ms), end_ms // step_ms + 1, dtype=np.int64)
        seed = np.full_like(cells, coin.seed)
        stamps = cells * step_ms
        if step_ms < DAY_MS:
            low, high = JITTER_MS[step_ms]
            stamps = stamps + (low + (high - low) * chance(seed + 7, cells)).astype(np.int64)
        last = int(self.refreshed_ms(np.array([position]), now_ms)[0])
        kept = (stamps >= coin.listed_at_ms) & (stamps <= last)
        if coin.loses_points:
            kept &= chance(seed + 11, cells) >= 1 / 150
        if coin.refresh_ms > step_ms:
            # A service that did not look at a coin within a step has no point for it.
            kept &= stamps - self._refreshes_before(coin, stamps) <= step_ms
        return self._points(position, stamps[kept])

    def present(self, coin_id: str, now_ms: int) -> Chart:
        """The one point that stands for the present: the last refresh."""
        position = self._index[coin_id]
        return self._points(position, self.refreshed_ms(np.array([position]), now_ms))

    def _points(self, position: int, ts_ms: Ints) -> Chart:
        return Chart(ts_ms.tolist(), *self.figures(np.full_like(ts_ms, position), ts_ms))

    @staticmethod
    def _refreshes_before(coin: FakeCoin, ts_ms: Ints) -> Ints:
        phase = coin.seed * 7_919 % coin.refresh_ms
        return (ts_ms - phase) // coin.refresh_ms * coin.refresh_ms + phase


def _shown(cap: float, flaw: CapFlaw, draw: float) -> Cap:
    match flaw:
        case "always_null":
            return None
        case "always_zero":
            return 0.0
        case "now_and_then" if draw < 0.003:
            return None
        case "now_and_then" if draw < 0.006:
            return 0.0
        case "now_and_then" if draw < 0.009:
            return -1.0
        case _:
            return cap


def to_ms(moment: datetime) -> int:
    """Milliseconds since 1970."""
    return round(moment.timestamp() * 1000)


def iso(ts_ms: int) -> str:
    """A time as the service writes it."""
    return datetime.fromtimestamp(ts_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
