"""Measure data quality: coverage, extrapolation and other evidence for the checks."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from marketflows_pipeline.transforms.market_caps.grid import GridSpec
from marketflows_pipeline.transforms.ordering import in_order, within_coin

_MIN_STEPS = 2
_TIME = pl.Datetime("us", "UTC")


def observation_gaps(observations: pl.DataFrame, spec: GridSpec) -> pl.DataFrame:
    """Runs of two or more grid steps without an observation within half a step, between two observations of a coin.

    These are the grid times that `market_cap_grid` calls ``interpolated``, where at least two follow each other.

    Args:
        observations: coin_id, ts as `clean_observations` returns them.
        spec: the grid.

    Returns:
        coin_id, gap_start, gap_end (first and last grid time of the run), n_steps by (coin_id, gap_start).
    """
    # A run holds the grid times strictly more than half a step after one observation and before the next.
    half, last_place = spec.step / 2, spec.n_times - 1
    first = (spec.steps_to(pl.col("ts") + half).floor() + 1).clip(lower_bound=0)
    last = (spec.steps_to(pl.col("until") - half).ceil() - 1).clip(upper_bound=last_place)
    return (
        in_order(observations.select("coin_id", "ts"), "coin_id", "ts")
        .lazy()
        .with_columns(until=within_coin("ts", -1))
        .filter(pl.col("until") - pl.col("ts") > spec.step)
        .with_columns(first=first.cast(pl.Int64), last=last.cast(pl.Int64))
        .with_columns(n_steps=(pl.col("last") - pl.col("first") + 1).cast(pl.Int32))
        .filter(pl.col("n_steps") >= _MIN_STEPS)
        .select("coin_id", gap_start=_grid_time("first", spec), gap_end=_grid_time("last", spec), n_steps="n_steps")
        .collect()
    )


def held_values(grid: pl.DataFrame, members: pl.DataFrame) -> pl.DataFrame:
    """The extrapolated values of members: caps held flat before a coin's first and after its last observation.

    Args:
        grid: coin_id, ts, market_cap_usd, fill.
        members: category, series, coin_id; with a column ts where membership changes with time.

    Returns:
        category, series, ts, coin_id, market_cap_usd.
    """
    member_key = [name for name in ("coin_id", "ts") if name in members.columns]
    return (
        grid.lazy()
        .filter(pl.col("fill").is_in(["before_first", "after_last"]))
        .join(members.lazy(), on=member_key)
        .select("category", "series", "ts", "coin_id", "market_cap_usd")
        .collect()
    )


def extrapolated_share(held: pl.DataFrame, group_totals: pl.DataFrame) -> pl.DataFrame:
    """The part of each series' market cap that is extrapolated.

    Args:
        held: as `held_values` gives them.
        group_totals: category, series, ts, market_cap_usd.

    Returns:
        category, series, ts, extrapolated_pct (of the series' cap), coin_ids (extrapolated, largest first) by key; only
        where something is.
    """
    series_key = ["category", "series", "ts"]
    return (
        held.lazy()
        .sort("market_cap_usd", "coin_id", descending=[True, False])
        .group_by(series_key, maintain_order=True)
        .agg(extrapolated_usd=pl.col("market_cap_usd").sum(), coin_ids=pl.col("coin_id"))
        .join(group_totals.lazy().select(*series_key, "market_cap_usd"), on=series_key)
        .select(
            *series_key,
            extrapolated_pct=100 * pl.col("extrapolated_usd") / pl.col("market_cap_usd"),
            coin_ids="coin_ids",
        )
        .sort(series_key)
        .collect()
    )


def find_jumps(grid: pl.DataFrame, above_pct: float = 50.0) -> pl.DataFrame:
    """Coins whose market cap moved by more than a share of itself in one grid step, up or down.

    Args:
        grid: coin_id, ts, market_cap_usd.
        above_pct: the move that is still believed, in percent of the cap one step before.

    Returns:
        coin_id, ts, market_cap_usd, previous_usd, change_pct; the largest moves first.
    """
    return _changes(
        grid.select("coin_id", "ts", "market_cap_usd"), value="market_cap_usd", previous="previous_usd", above=above_pct
    )


def find_supply_revisions(observations: pl.DataFrame, above_pct: float = 10.0) -> pl.DataFrame:
    """Observations whose implied supply differs from the one before by more than a share of it.

    Implied supply is market cap over price at the same moment. A large change is a re-count by the service far more
    often than issuance, so it is no flow. Observations without a positive price are ignored.

    Args:
        observations: coin_id, ts, market_cap_usd, price_usd.
        above_pct: the change that is still believed, in percent of the supply before.

    Returns:
        coin_id, ts, supply, previous_supply, change_pct; the largest changes first.
    """
    implied = observations.filter(pl.col("price_usd") > 0).select(
        "coin_id", "ts", supply=pl.col("market_cap_usd") / pl.col("price_usd")
    )
    return _changes(implied, value="supply", previous="previous_supply", above=above_pct)


def largest_first(changes: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """What `find_jumps` or `find_supply_revisions` found in blocks of whole coins, as if it had looked at all at once.

    Args:
        changes: of each block, one at least.
    """
    return pl.concat(changes).sort(pl.col("change_pct").abs(), "coin_id", "ts", descending=[True, False, False])


def coverage(cohort: pl.DataFrame, observations: pl.DataFrame, spec: GridSpec, within_steps: int = 2) -> float:
    """The percentage of the cohort's market cap whose coin was observed near the end of the grid.

    Args:
        cohort: coin_id, market_cap_usd at the last grid time.
        observations: coin_id, ts.
        spec: the grid.
        within_steps: how many steps before the last grid time an observation still counts.

    Returns:
        0 to 100; 100 for an empty cohort, of which nothing is missing.
    """
    fresh = observations.lazy().filter(pl.col("ts") >= spec.end - within_steps * spec.step).select("coin_id").unique()
    covered = cohort.lazy().join(fresh, on="coin_id", how="semi").select(pl.col("market_cap_usd").sum())
    total = float(cohort.get_column("market_cap_usd").sum())
    return 100.0 * float(covered.collect().item()) / total if total else 100.0


def _changes(frame: pl.DataFrame, *, value: str, previous: str, above: float) -> pl.DataFrame:
    change = 100 * (pl.col(value) / pl.col(previous) - 1)
    return (
        in_order(frame, "coin_id", "ts")
        .lazy()
        .with_columns(within_coin(value, 1).alias(previous))
        .with_columns(change_pct=change)
        .filter(pl.col("change_pct").abs() > above)
        .sort(pl.col("change_pct").abs(), "coin_id", "ts", descending=[True, False, False])
        .collect()
    )


def _grid_time(place: str, spec: GridSpec) -> pl.Expr:
    return (pl.lit(spec.start).cast(_TIME) + pl.col(place) * pl.lit(spec.step)).cast(_TIME)
