"""Compute the tutorial's golden tables of market caps, independently of the package's code.

Usage: ``python tools/golden.py [FOLDER]``. Reads ``config.toml``, ``market_caps.parquet`` and ``categories.csv`` in
``marketflows_pipeline/tutorial/`` (or FOLDER) and writes ``golden.<table>.parquet`` beside them. It imports nothing of
the package: plain loops over numpy arrays, written from the rules in the documentation, so that an error would have to
be made twice to go unseen. Clear before fast.

A series is an array over the grid times, NaN where it has no value; NaN becomes null in the files.
"""

from __future__ import annotations

import csv
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

TUTORIAL = Path(__file__).resolve().parent.parent / "marketflows_pipeline" / "tutorial"
HOUR_MS = 3_600_000
DEFAULT_EXCLUDED = ("stablecoins", "wrapped-tokens", "liquid-staking-tokens")
PEGGED = {"figure-heloc"}

Array = npt.NDArray[np.float64]
Series = dict[tuple[str, str], Array]
Curves = dict[tuple[str, str, str, int, int], Array]  # category, series, base asset, EMA period, order
Rows = dict[str, list[Any]]


@dataclass(frozen=True)
class Inputs:
    """What the tutorial is given.

    Attributes:
        config: ``config.toml`` as written.
        observed: coin to (times in ms, caps in USD), by time.
        prices: coin to the price at each of these times.
        narratives: slug to coins.
        left_out: coins that are in no narrative and no range.
    """

    config: dict[str, Any]
    observed: dict[str, tuple[Array, Array]]
    prices: dict[str, Array]
    narratives: dict[str, list[str]]
    left_out: set[str]

    @property
    def source(self) -> dict[str, Any]:
        """The table of the provider."""
        table: dict[str, Any] = self.config["providers"]["coingecko"]
        return table

    @property
    def step_ms(self) -> int:
        """Distance of grid times: 5 minutes for one day, an hour up to 90 days, else a day."""
        days = self.source["days"]
        if days == 1:
            return HOUR_MS // 12
        return HOUR_MS if days <= 90 else 24 * HOUR_MS

    @property
    def grid_ms(self) -> Array:
        """Grid times: from now - days to now, both floored to the step; now is the last observation of all."""
        now = max(times[-1] for times, _ in self.observed.values())
        step = self.step_ms
        first = (now - self.source["days"] * 24 * HOUR_MS) // step * step
        return np.arange(first, now // step * step + step, step, dtype=np.float64)


def read_inputs(folder: Path) -> Inputs:
    """Read the packaged files."""
    table = pq.read_table(folder / "market_caps.parquet").to_pydict()
    points: dict[str, list[tuple[float, float, float]]] = {}
    columns = (table[name] for name in ("coin_id", "ts", "market_cap_usd", "price_usd"))
    for coin, ts, cap, price in zip(*columns, strict=True):
        # Rule 1: what is null, not finite, zero or negative is no observation.
        if cap is not None and np.isfinite(cap) and cap > 0:
            points.setdefault(coin, []).append((round(ts.timestamp() * 1000), cap, price))
    observed, prices = {}, {}
    for coin, triples in points.items():
        times, caps, prices_seen = zip(*sorted(triples), strict=True)
        observed[coin] = (np.array(times, dtype=np.float64), np.array(caps, dtype=np.float64))
        prices[coin] = np.array(prices_seen, dtype=np.float64)
    narratives: dict[str, list[str]] = {}
    with (folder / "categories.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            narratives.setdefault(row["category_id"], []).append(row["coin_id"])
    config = tomllib.loads((folder / "config.toml").read_text(encoding="utf-8"))
    return Inputs(config, observed, prices, narratives, left_out_of(config))


def left_out_of(config: dict[str, Any]) -> set[str]:
    """Rule 3a: stablecoins, wrapped and staked coins, and of the packaged coins the one pegged to a dollar."""
    categories = config["providers"]["coingecko"].get("exclude_categories", DEFAULT_EXCLUDED)
    if not categories:
        return set()
    with (TUTORIAL / "exchanges" / "category_members.csv").open(encoding="utf-8", newline="") as lines:
        members = {row["coin_id"] for row in csv.DictReader(lines) if row["category"] in categories}
    return members | PEGGED


def grid_of(inputs: Inputs) -> tuple[dict[str, Array], dict[str, list[str]]]:
    """Rule 2: each coin's caps on the grid, linear between observations and held outside; and how each was filled."""
    caps, fills = {}, {}
    for coin, (times, values) in inputs.observed.items():
        # numpy holds the first and last value outside of the observations.
        caps[coin] = np.interp(inputs.grid_ms, times, values)
        fills[coin] = [_fill(moment, times, inputs.step_ms / 2) for moment in inputs.grid_ms]
    return caps, fills


def _fill(moment: float, times: Array, half_step: float) -> str:
    if np.min(np.abs(times - moment)) <= half_step:
        return "observed"
    if moment < times[0]:
        return "before_first"
    return "after_last" if moment > times[-1] else "interpolated"


def group_totals_of(inputs: Inputs, grid: dict[str, Array]) -> tuple[Series, dict[tuple[str, str], int]]:
    """Rule 3: sums over the members of narratives and portfolios, and the coins of each portfolio one by one."""
    members: dict[tuple[str, str], list[str]] = {}
    for slug in inputs.source["narratives"]:
        in_it = [coin for coin in inputs.narratives[slug] if coin not in inputs.left_out]
        at_the_end = sorted(in_it, key=lambda coin: -inputs.observed[coin][1][-1])
        members["Narratives", slug] = at_the_end[: inputs.source.get("narrative_top_n", 10)]
    for name, coins in inputs.source["asset_groups"].items():
        members["Portfolios", name] = coins
        for coin in coins:
            members[name, coin] = [coin]
    totals = {key: np.sum([grid[coin] for coin in coins], axis=0) for key, coins in members.items()}
    return totals, {key: len(coins) for key, coins in members.items()}


@dataclass(frozen=True)
class Ranges:
    """Rule 5: the cohort, and which limit each of its coins exceeds at each time (NaN below the lowest)."""

    limits: list[float]
    cohort: list[str]
    bucket: dict[str, Array]

    @classmethod
    def of(cls, limits: list[float], grid: dict[str, Array], left_out: set[str]) -> Ranges:
        """Choose the cohort by the last grid time, without what is left out, and put it into buckets at every time."""
        ascending = sorted(limits)
        cohort = [coin for coin in sorted(grid) if grid[coin][-1] > ascending[0] and coin not in left_out]
        bucket = {}
        for coin in cohort:
            exceeded = [[limit for limit in ascending if cap > limit] for cap in grid[coin]]
            bucket[coin] = np.array([limits_below[-1] if limits_below else np.nan for limits_below in exceeded])
        return cls(ascending, cohort, bucket)

    def members(self, limit: float, at: int) -> list[str]:
        """Coins of the bucket at a grid time."""
        return [coin for coin in self.cohort if self.bucket[coin][at] == limit]

    def level(self, caps: dict[str, Array], limit: float) -> Array:
        """Sum over the bucket's coins at each time."""
        return self._sums(limit, 0, lambda coin, at: caps[coin][at], len(next(iter(caps.values()))))

    def growth(self, caps: dict[str, Array], limit: float) -> Array:
        """Sum of the change since t-1 over the coins that were in the bucket at t-1."""
        return self._sums(
            limit, 1, lambda coin, at: caps[coin][at] - caps[coin][at - 1], len(next(iter(caps.values())))
        )

    def inflection(self, caps: dict[str, Array], limit: float) -> Array:
        """Sum of the second difference over the coins that were in the bucket at t-2."""
        return self._sums(
            limit,
            2,
            lambda coin, at: caps[coin][at] - 2 * caps[coin][at - 1] + caps[coin][at - 2],
            len(next(iter(caps.values()))),
        )

    def _sums(self, limit: float, lag: int, term: Callable[[str, int], float], n_times: int) -> Array:
        sums = np.full(n_times, np.nan)
        for at in range(lag, n_times):
            coins = self.members(limit, at - lag)
            if coins:
                sums[at] = sum(term(coin, at) for coin in coins)
        return sums


def first_valid(values: Array) -> float:
    """The first value that is there."""
    return float(values[~np.isnan(values)][0])


def ema_of(values: Array, span: int) -> Array:
    """Exponential moving average: y = ((1 - a)^n y_old + a x) / ((1 - a)^n + a), n steps after the value before.

    With no gaps (n = 1) this is y = (1 - a) y_old + a x, where a = 2 / (span + 1).
    """
    alpha = 2 / (span + 1)
    smoothed = np.full_like(values, np.nan)
    average, steps = np.nan, 0
    for at, value in enumerate(values):
        steps += 1
        if np.isnan(value):
            continue
        if np.isnan(average):
            average = value
        else:
            old_weight = (1 - alpha) ** steps
            average = (old_weight * average + alpha * value) / (old_weight + alpha)
        steps = 0
        smoothed[at] = average
    return smoothed


def in_base(caps: Array, base: str, grid: dict[str, Array]) -> Array:
    """Caps in units of the base asset's cap."""
    return caps if base == "us-dollar" else caps / grid[base]


def curves_of(inputs: Inputs, grid: dict[str, Array], totals: Series, ranges: Ranges) -> Curves:
    """Rules 4 and 5: every curve of every series, except those scaled to 0..1."""
    analysis = inputs.config["analysis"]
    periods = sorted({1, *analysis["ema_periods"]})
    curves: Curves = {}
    for base in _bases(inputs):
        for (category, series), caps in totals.items():
            relative = in_base(caps, base, grid)
            relative = relative / first_valid(relative)
            for period in periods:
                level = relative if period == 1 else ema_of(relative, period)
                curves[category, series, base, period, 0] = level
                for order in range(1, max(analysis["diff_orders"]) + 1 if category != "Ranges" else 1):
                    change = np.concatenate([[np.nan], np.diff(level)])
                    level = ema_of(change, analysis["smoothing_ema"]) if analysis["smoothing_ema"] > 1 else change
                    curves[category, series, base, period, order] = level
        coins_in_base = {coin: in_base(grid[coin], base, grid) for coin in ranges.cohort}
        for limit in ranges.limits:
            first = first_valid(ranges.level(coins_in_base, limit))
            by_order = {1: ranges.growth(coins_in_base, limit), 2: ranges.inflection(coins_in_base, limit)}
            for order, change in by_order.items():
                for period in periods:
                    relative = change / first
                    curves["Ranges", str(int(limit)), base, period, order] = (
                        relative if period == 1 else ema_of(relative, period)
                    )
    return curves


def unit_scaled(curves: Curves) -> Curves:
    """Each curve's place between the smallest and the largest of its category, base, period and order, time by time."""
    scaled: Curves = {}
    for key, values in curves.items():
        category, _, base, period, order = key
        peers = np.array(
            [other for (c, _, b, p, o), other in curves.items() if (c, b, p, o) == (category, base, period, order)]
        )
        result = np.full_like(values, np.nan)
        for at, value in enumerate(values):
            there = peers[:, at][~np.isnan(peers[:, at])]
            if not np.isnan(value) and there.max() > there.min():
                result[at] = (value - there.min()) / (there.max() - there.min())
        scaled[key] = result
    return scaled


def gains_of(inputs: Inputs, grid: dict[str, Array], totals: Series) -> Rows:
    """Rule 6 for offsets of a step and longer; the packaged days have no observations to answer shorter ones with."""
    times, step = inputs.grid_ms, inputs.step_ms
    rows: Rows = {name: [] for name in ("category", "series", "base_asset", "hours_ago", "as_of", "gain_pct", "basis")}
    for (category, series), caps in sorted(totals.items()):
        for base in _bases(inputs):
            values = in_base(caps, base, grid)
            for hours in inputs.config["plots"]["hours_ago"]:
                is_short = hours * HOUR_MS < step
                start = times[-1] - hours * HOUR_MS
                known = not is_short and start >= times[0]
                before = float(np.interp(start, times, values)) if known else np.nan
                gain = float((values[-1] / before - 1) * 100)
                for name, value in zip(
                    rows,
                    (
                        category,
                        series,
                        base,
                        float(hours),
                        times[-1],
                        None if np.isnan(gain) else gain,
                        "observations" if is_short else "grid",
                    ),
                    strict=True,
                ):
                    rows[name].append(value)
    return rows


def _bases(inputs: Inputs) -> list[str]:
    return list(dict.fromkeys(["us-dollar", *inputs.source["base_assets"]]))


def _null(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _curve_rows(curves: Curves, times: Array, wanted: Callable[[int, int], bool], keys: tuple[str, ...]) -> Rows:
    """Rows of a metric table: the curves whose period and order are wanted, by key and time."""
    names = ("category", "series", "base_asset", "ema_period", "diff_order")
    rows: Rows = {name: [] for name in (*keys, "ts", "value")}
    for key, values in sorted(curves.items()):
        if wanted(key[3], key[4]):
            named = dict(zip(names, key, strict=True))
            for moment, value in zip(times, values, strict=True):
                for name in keys:
                    rows[name].append(named[name])
                rows["ts"].append(moment)
                rows["value"].append(_null(value))
    return rows


def tables_of(inputs: Inputs) -> Iterator[tuple[str, Rows]]:
    """Every table with its columns."""
    times = inputs.grid_ms
    grid, fills = grid_of(inputs)
    yield (
        "core.market_cap_grid",
        {
            "coin_id": [coin for coin in sorted(grid) for _ in times],
            "ts": [moment for _ in grid for moment in times],
            "market_cap_usd": [float(cap) for coin in sorted(grid) for cap in grid[coin]],
            # The same line between the same observations as the cap's.
            "price_usd": [
                float(price)
                for coin in sorted(grid)
                for price in np.interp(times, inputs.observed[coin][0], inputs.prices[coin])
            ],
            "fill": [fill for coin in sorted(grid) for fill in fills[coin]],
        },
    )
    totals, sizes = group_totals_of(inputs, grid)
    ranges = Ranges.of(inputs.source["range_lower_limits"], grid, inputs.left_out)
    for limit in ranges.limits:
        totals["Ranges", str(int(limit))] = ranges.level(grid, limit)
    keys = sorted(totals)
    yield (
        "core.group_totals",
        {
            "category": [key[0] for key in keys for _ in times],
            "series": [key[1] for key in keys for _ in times],
            "ts": [moment for _ in keys for moment in times],
            "market_cap_usd": [_null(cap) for key in keys for cap in totals[key]],
            "n_assets": [
                sizes[key] if key in sizes else len(ranges.members(float(key[1]), at))
                for key in keys
                for at in range(len(times))
            ],
        },
    )
    curves = curves_of(inputs, grid, totals, ranges)
    base = ("category", "series", "base_asset")
    yield "mart.normalized", _curve_rows(curves, times, lambda period, order: (period, order) == (1, 0), base)
    yield (
        "mart.ema",
        _curve_rows(curves, times, lambda period, order: period > 1 and order == 0, (*base, "ema_period")),
    )
    every = (*base, "ema_period", "diff_order")
    yield "mart.derivatives", _curve_rows(curves, times, lambda _, order: order > 0, every)
    if inputs.config["analysis"]["is_unit_normalize"]:
        yield "mart.unit_normalized", _curve_rows(unit_scaled(curves), times, lambda _period, _order: True, every)
    yield "mart.percent_gains", gains_of(inputs, grid, totals)


TYPES = {
    "ts": pa.timestamp("ms", tz="UTC"),
    "as_of": pa.timestamp("ms", tz="UTC"),
    "ema_period": pa.int32(),
    "diff_order": pa.int32(),
    "n_assets": pa.int32(),
    **dict.fromkeys(("market_cap_usd", "price_usd", "value", "gain_pct", "hours_ago"), pa.float64()),
    **dict.fromkeys(("coin_id", "fill", "category", "series", "base_asset", "basis"), pa.string()),
}


def main(arguments: list[str]) -> int:
    """Compute all tables and write them beside their inputs."""
    folder = Path(arguments[0]) if arguments else TUTORIAL
    for name, rows in tables_of(read_inputs(folder)):
        columns = {}
        for column, values in rows.items():
            if pa.types.is_timestamp(TYPES[column]):
                columns[column] = pa.array([int(value) for value in values], pa.int64()).cast(TYPES[column])
            else:
                columns[column] = pa.array(values, TYPES[column])
        numbers = [column for column in columns if pa.types.is_floating(TYPES[column])]
        pq.write_table(
            pa.table(columns),
            folder / f"golden.{name}.parquet",
            compression="zstd",
            compression_level=19,
            use_dictionary=[column for column in columns if column not in numbers],
            use_byte_stream_split=numbers,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
