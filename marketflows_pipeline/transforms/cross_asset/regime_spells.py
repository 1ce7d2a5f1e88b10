"""Since when a regime has lasted, and how often each was: plain rows in, so that a command need not load polars."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

_NAMES = ("risk_on", "mixed", "risk_off")
_UNKNOWN = "unknown"


@dataclass(frozen=True)
class Spell:
    """Sessions in a row with the same regime.

    Attributes:
        since: the first of them.
        n_sessions: how many they are.
        is_seen_to_begin: whether a session with another regime stands before it.
    """

    since: date
    n_sessions: int
    is_seen_to_begin: bool


def newest_spell(regimes: Sequence[tuple[date, str | None]]) -> Spell:
    """The spell that the newest session belongs to.

    Args:
        regimes: session and regime (None where it is unknown), the oldest first; not empty.
    """
    *before, newest = [[session for session, _ in rows] for _, rows in groupby(regimes, key=lambda row: row[1])]
    return Spell(newest[0], len(newest), is_seen_to_begin=bool(before))


def regime_shares(regimes: Sequence[str | None]) -> dict[str, float]:
    """The share of sessions in each regime, and in ``unknown`` where there are any; not empty."""
    counts = Counter(regime or _UNKNOWN for regime in regimes)
    names = (*_NAMES, _UNKNOWN) if counts[_UNKNOWN] else _NAMES
    return {name: counts[name] / len(regimes) for name in names}
