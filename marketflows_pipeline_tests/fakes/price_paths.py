"""Prices that look like a market's and are a pure function of coin and time, so that every endpoint agrees.

A path is a sum of value noises whose periods grow fourfold and whose swings grow with the root of the period, as those
of a random walk do; one such path is shared by all coins, as a market's mood is.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
OCTAVE_HOURS = (1, 4, 16, 64, 256, 1024, 4096)
SWING_PER_ROOT_HOUR = 0.004
MARKET_SEED = 1


def chance(seed: Ints, cell: Ints) -> Floats:
    """A number in [0, 1) for each pair of seed and cell, always the same one."""
    with np.errstate(over="ignore"):
        bits = seed.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + cell.astype(np.uint64)
        # splitmix64
        bits += np.uint64(0x9E3779B97F4A7C15)
        bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        bits ^= bits >> np.uint64(31)
    return (bits >> np.uint64(11)).astype(np.float64) / float(1 << 53)


def log_path(seed: Ints, ts_ms: Ints) -> Floats:
    """Log of a price relative to its level, for each pair of seed and time."""
    total = np.zeros(np.broadcast(seed, ts_ms).shape)
    for hours in OCTAVE_HOURS:
        cell, rest = np.divmod(ts_ms, hours * HOUR_MS)
        share = rest / (hours * HOUR_MS)
        octave = seed * 64 + hours.bit_length()
        swing = 2 * SWING_PER_ROOT_HOUR * hours**0.5
        total += swing * ((1 - share) * chance(octave, cell) + share * chance(octave, cell + 1) - 0.5)
    return total


def price_path(level: Floats, seed: Ints, volatility: Floats, ts_ms: Ints) -> Floats:
    """Price in USD of coins around a level, ten digits of it, for each pair of coin and time."""
    mood = log_path(np.full_like(ts_ms, MARKET_SEED), ts_ms)
    price = level * np.exp(volatility * (log_path(seed, ts_ms) + mood))
    scale = 10.0 ** (10 - np.ceil(np.log10(level)))
    return np.round(price * scale) / scale
