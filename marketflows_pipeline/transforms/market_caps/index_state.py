"""What the chained index is extended from, and what an extension gives."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from marketflows_pipeline.schema import table


@dataclass(frozen=True)
class Chain:
    """Indices as they stand at their last final close.

    Attributes:
        levels: category, series, ts (the last final close), index_version, rule, price_index, cap_index,
            is_backfilled: one row each.
        held: what they hold, as `holdings` returns it, and effective_from.
    """

    levels: pl.DataFrame
    held: pl.DataFrame


@dataclass(frozen=True)
class MarketData:
    """What an extension is computed from.

    Attributes:
        listed: category, series, ts (the close at which the list was known), coin_id, rank (from 1), is_complete.
        closes: coin_id, ts, market_cap_usd, price_usd; the later ones may still change.
        times: every close since the oldest one wanted, ascending.
        answered: coin_id, answered_at: when the service last answered, or refused, a request for the coin's history.
    """

    listed: pl.DataFrame
    closes: pl.DataFrame
    times: pl.Series
    answered: pl.DataFrame


@dataclass(frozen=True)
class Extension:
    """New final closes and what follows from them.

    Attributes:
        closes: category, series, ts, index_version, price_index, cap_index, n, coverage_pct, turnover_pct,
            is_backfilled.
        contributions: as `contributions` returns them.
        constituents: members set at the new closes: index_version, category, series, coin_id, effective_from,
            rank, weight, units, price_usd, market_cap_usd, is_incumbent, reason, rule.
        restated: category, series, coin_id, effective_from, unit_factor of members that were redenominated.
        chain: the indices as they stand now.
    """

    closes: pl.DataFrame
    contributions: pl.DataFrame
    constituents: pl.DataFrame
    restated: pl.DataFrame
    chain: Chain


def as_stored(frames: list[pl.DataFrame], name: str, without: tuple[str, ...] = ()) -> pl.DataFrame:
    """Frames on top of each other with the columns and types of a registered table.

    Args:
        frames: with those columns, and maybe others.
        name: ``schema.table``.
        without: columns that come later.
    """
    schema = {column: dtype for column, dtype in table(name).polars_schema.items() if column not in without}
    return pl.concat(
        [pl.DataFrame(schema=schema), *(frame.select(*schema).cast(pl.Schema(schema)) for frame in frames)]
    )
