"""Evidence that the figures can be trusted, or not.

What belongs here: finding suspicious observations and counting what is covered. What does not: verdicts, which checks
give against thresholds of their own.
"""

from __future__ import annotations

import polars as pl

from marketflows_pipeline.transforms.grid import GridSpec
from marketflows_pipeline.transforms.ordering import order_by_coin, within_coin


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
    often than issuance, so it is no flow. Observations without a positive price are passed over.

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
        order_by_coin(frame)
        .lazy()
        .with_columns(within_coin(value, 1).alias(previous))
        .with_columns(change_pct=change)
        .filter(pl.col("change_pct").abs() > above)
        .sort(pl.col("change_pct").abs(), "coin_id", "ts", descending=[True, False, False])
        .collect()
    )
