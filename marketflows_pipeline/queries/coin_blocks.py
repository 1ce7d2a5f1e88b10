"""Stored rows of many coins, some coins at a time: what a step holds then does not grow with their number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import polars as pl

from marketflows_pipeline.transforms.market_caps.grid import GridSpec
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline.warehouse.text_lists import IS_ONE_OF, as_parameter

# Rows of one block, about: 100 bytes each while it is worked on.
ROWS_A_BLOCK = 2_000_000


def in_blocks(coins: Iterable[str], n_times: int) -> list[list[str]]:
    """Coins in the order of their ids, cut into blocks of `ROWS_A_BLOCK` rows of so many times; one at least."""
    ordered = sorted(coins)
    n_coins = max(ROWS_A_BLOCK // n_times, 1)
    return [ordered[first : first + n_coins] for first in range(0, max(len(ordered), 1), n_coins)]


def table_in_blocks(warehouse: Warehouse, table: str, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
    """The whole of a table that has every coin at the same times, in blocks of whole coins by their ids.

    Args:
        warehouse: the private file.
        table: ``core.market_cap_grid`` or ``core.buckets``.
        columns: those wanted.
    """
    counted = warehouse.query(
        f"select coin_id, count(*) as n_times from {table} group by coin_id"
        if table in warehouse.tables()
        else "select '' as coin_id, 1 as n_times where false"
    )
    blocks = in_blocks(counted["coin_id"], max(counted["n_times"].to_list(), default=1))
    if len(blocks) == 1:
        yield warehouse.read(table, columns=columns)
        return
    for coins in blocks:
        yield warehouse.read(table, columns=columns, where="coin_id between ? and ?", params=[coins[0], coins[-1]])


def grid_and_buckets(warehouse: Warehouse) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """The grid (without prices) in blocks of whole coins, each with what ``core.buckets`` says of its coins."""
    for grid in table_in_blocks(warehouse, "core.market_cap_grid", ("coin_id", "ts", "market_cap_usd", "fill")):
        ends = [grid["coin_id"].min(), grid["coin_id"].max()]
        yield grid, warehouse.read("core.buckets", where="coin_id between ? and ?", params=ends)


def observations_in_blocks(
    warehouse: Warehouse, columns: Sequence[str], since: datetime, n_times: int
) -> Iterator[pl.DataFrame]:
    """Accepted observations since a moment, in blocks of whole coins by their ids.

    Args:
        warehouse: the private file.
        columns: those wanted of ``raw.market_caps``.
        since: the moment, aware.
        n_times: how many observations a coin has, about.
    """
    coins = warehouse.query("select distinct coin_id from accepted.market_caps where ts >= ?", [since])["coin_id"]
    blocks = in_blocks(coins, n_times)
    for block in blocks:
        of_block, ends = _within(block, blocks)
        yield warehouse.accepted("raw.market_caps", columns=columns, where=f"ts >= ?{of_block}", params=[since, *ends])


def window_observations(warehouse: Warehouse, coins: Sequence[str], spec: GridSpec) -> Iterator[pl.DataFrame]:
    """Observations of these coins inside the grid, and of each coin the last one before it and all after it.

    Yields:
        ``coin_id, ts, market_cap_usd, price_usd`` by coin and time, in blocks of whole coins by their ids; those
        outside the grid are neighbours to interpolate from.
    """
    before = warehouse.query(
        f"""
        select coin_id, max(ts) as ts, arg_max(market_cap_usd, ts) as market_cap_usd,
               arg_max_null(price_usd, ts) as price_usd
        from accepted.market_caps where ts < ? and coin_id {IS_ONE_OF} group by coin_id
        """,
        [spec.start, as_parameter(coins)],
    )
    blocks = in_blocks(coins, spec.n_times)
    for block in blocks:
        of_block, ends = _within(block, blocks)
        inside = warehouse.query(
            f"""
            select coin_id, ts, market_cap_usd, price_usd from accepted.market_caps
            where ts >= ? and coin_id {IS_ONE_OF}{of_block}
            """,
            [spec.start, as_parameter(block), *ends],
        )
        neighbours = before.filter(pl.col("coin_id").is_in(block))
        yield pl.concat([neighbours, inside]).sort("coin_id", "ts")


def _within(block: Sequence[str], blocks: Sequence[Sequence[str]]) -> tuple[str, list[str]]:
    """A further condition for the rows of one of several blocks, and its parameters."""
    return (" and coin_id between ? and ?", [block[0], block[-1]]) if len(blocks) > 1 else ("", [])
