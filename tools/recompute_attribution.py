"""Attribute changes of market cap a second time, by the text of the methodology: what price, supply and members did.

``change = price + supply + large supply step + timing + arrivals - departures``, exact. Price is ``Q_before dP``,
supply ``P_after dQ``, timing ``d(C - Q P)``, with Q the trailing median of cap / price over 7 closes. A step of Q above
10 % of a coin that is not pegged, wrapped or a lending receipt is a large supply step. Members of the close before are
followed even if they leave; arrivals and departures count at the cap after. It imports nothing of the package.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from recompute_closes import Closes, supplies

LARGE = 0.10
HYSTERESIS = 0.05


@dataclass(frozen=True)
class State:
    """A coin at a close."""

    cap: float
    price: float
    supply: float


@dataclass(frozen=True)
class Effects:
    """What a change is made of, in USD."""

    price: float = 0.0
    supply: float = 0.0
    large_step: float = 0.0
    timing: float = 0.0
    arrivals: float = 0.0
    departures: float = 0.0

    @property
    def change(self) -> float:
        """Of the total."""
        return math.fsum((self.price, self.supply, self.large_step, self.timing, self.arrivals, -self.departures))


def added(parts: Iterable[Effects]) -> Effects:
    """Sums that do not depend on the order."""
    rows = list(parts)
    names = ("price", "supply", "large_step", "timing", "arrivals", "departures")
    return Effects(**{name: math.fsum(getattr(row, name) for row in rows) for name in names})


def effects(before: State, now: State, *, is_pegged: bool = False) -> Effects:
    """What one coin's own cap did."""
    issued = now.price * (now.supply - before.supply)
    is_large = not is_pegged and abs(now.supply / before.supply - 1) > LARGE
    return Effects(
        price=before.supply * (now.price - before.price),
        supply=0.0 if is_large else issued,
        large_step=issued if is_large else 0.0,
        timing=(now.cap - now.supply * now.price) - (before.cap - before.supply * before.price),
    )


def group_effects(
    members_before: Collection[str],
    members_now: Collection[str],
    before: Mapping[str, State],
    now: Mapping[str, State],
    pegged: Collection[str] = (),
) -> dict[str, Effects]:
    """Of a group of coins: what each did to its total. Every coin is known on both sides where it is a member."""
    parts = {}
    for coin in sorted({*members_before, *members_now}):
        own = effects(before[coin], now[coin], is_pegged=coin in pegged) if coin in members_before else Effects()
        came = now[coin].cap if coin in members_now and coin not in members_before else 0.0
        left = now[coin].cap if coin in members_before and coin not in members_now else 0.0
        parts[coin] = added([own, Effects(arrivals=came, departures=left)])
    return parts


def states(closes: Closes, smoothed: Mapping[str, Mapping[date, float]] | None = None) -> dict[str, dict[date, State]]:
    """Coin to its states at its closes, of closes in one unit throughout."""
    found = {}
    for coin, own in closes.items():
        quantity = (smoothed or {}).get(coin) or supplies(own)
        found[coin] = {day: State(close.cap, close.price, quantity[day]) for day, close in own.items()}
    return found


def range_of(cap: float, limits: Sequence[float]) -> float | None:
    """The largest limit that a cap exceeds: one equal to a limit is below it."""
    return max((limit for limit in limits if cap > limit), default=None)


def sticky_range(held: float | None, cap: float, limits: Sequence[float], *, is_new: bool = False) -> float | None:
    """The range in which a coin is counted: another one only once the cap is 5 % beyond the limit."""
    if is_new:
        return range_of(cap, limits)
    upper = min((limit for limit in limits if held is None or limit > held), default=math.inf)
    if cap > upper * (1 + HYSTERESIS) or (held is not None and cap <= held * (1 - HYSTERESIS)):
        return range_of(cap, limits)
    return held


def range_chain(paths: Mapping[str, Sequence[float]], limits: Sequence[float], limit: float) -> list[float]:
    """The composition-neutral level of a range from 1 on, of caps at daily closes without gaps.

    ``L_t = L_{t-1} sum(C_t) / sum(C_{t-1})`` over the coins counted in the range at t-1; held where there are none.
    """
    n = len(next(iter(paths.values())))
    held = {coin: sticky_range(None, caps[0], limits, is_new=True) for coin, caps in paths.items()}
    levels = [1.0]
    for at in range(1, n):
        inside = sorted(coin for coin, own in held.items() if own == limit)
        before, now = (math.fsum(paths[coin][place] for coin in inside) for place in (at - 1, at))
        levels.append(levels[-1] * now / before if inside else levels[-1])
        held = {coin: sticky_range(held[coin], caps[at], limits) for coin, caps in paths.items()}
    return levels
