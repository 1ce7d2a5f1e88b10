"""What is read some coins at a time is what would be read at once, and so is what is computed from it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from marketflows_pipeline.errors import WarehouseError
from marketflows_pipeline.queries import coin_blocks
from marketflows_pipeline.queries.coin_blocks import (
    grid_and_buckets,
    in_blocks,
    observations_in_blocks,
    table_in_blocks,
    window_observations,
)
from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.market_caps.caveats import category_caveats, crossing_words
from marketflows_pipeline.transforms.market_caps.grid import GridSpec, market_cap_grid
from marketflows_pipeline.transforms.market_caps.groups import group_totals
from marketflows_pipeline.transforms.market_caps.quality import find_jumps, largest_first
from marketflows_pipeline.transforms.market_caps.ranges import (
    assign_buckets,
    bucket_members,
    bucket_totals,
    range_derivatives,
)
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.transforms.frames import at, hourly, members_of

LIMITS = [10.0, 100.0]
# Their ids sort differently by letters and by numbers, and one holds what SQL ends a text with.
COINS = ["a", "b'c", "Z", "coin-10", "coin-9", "é"]
SPEC = hourly(6)


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    with Warehouse(tmp_path / "warehouse.duckdb") as opened:
        rows = [
            (coin, at(hour) + timedelta(minutes=place), 7.3 * (place + 1) ** (1 + hour % 3), 1.0 + place)
            for place, coin in enumerate(COINS)
            for hour in range(-3 if place % 2 else 2, 7)
            if (hour + place) % 4
        ]
        frame = pl.DataFrame(
            rows,
            schema={
                "coin_id": pl.String,
                "ts": pl.Datetime("us", "UTC"),
                "market_cap_usd": pl.Float64,
                "price_usd": pl.Float64,
            },
            orient="row",
        ).sample(fraction=1, shuffle=True, seed=3)
        whole = frame.with_columns(volume_usd=1.0, source=pl.lit("made up"), fetched_at="ts")
        opened.merge("raw.market_caps", whole.select(table("raw.market_caps").column_names))
        yield opened


def stored(warehouse: Warehouse) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Grid and buckets, made at once and stored."""
    (observed,) = window_observations(warehouse, COINS, SPEC)
    grid = market_cap_grid(observed, SPEC)
    buckets = assign_buckets(grid, grid.select("coin_id").unique(), LIMITS)
    warehouse.replace("core.market_cap_grid", grid)
    warehouse.replace("core.buckets", buckets)
    return grid, buckets


def two_coins_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coin_blocks, "ROWS_A_BLOCK", 2 * SPEC.n_times)


@pytest.mark.parametrize(("n_coins", "sizes"), [(0, [0]), (1, [1]), (4, [2, 2]), (5, [2, 2, 1])])
def test_coins_are_cut_in_the_order_of_their_ids(
    n_coins: int, sizes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    two_coins_a_block(monkeypatch)
    blocks = in_blocks(reversed(COINS[:n_coins]), SPEC.n_times)

    assert list(map(len, blocks)) == sizes
    assert [coin for block in blocks for coin in block] == sorted(COINS[:n_coins])
    assert [len(block) for block in in_blocks(COINS, 10**9)] == [1] * len(COINS), "a block has one coin at least"


@pytest.mark.slow
def test_a_grid_in_blocks_is_the_grid_at_once(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    grid, _ = stored(warehouse)
    assert set(grid["fill"]) == {"observed", "interpolated", "before_first", "after_last"}
    two_coins_a_block(monkeypatch)

    observed = list(window_observations(warehouse, COINS, SPEC))
    n_rows = warehouse.replace_in_blocks("core.market_cap_grid", (market_cap_grid(each, SPEC) for each in observed))

    assert len(observed) == 3
    assert n_rows == grid.height
    assert_frame_equal(warehouse.read("core.market_cap_grid"), grid, check_exact=True)


@pytest.mark.slow
def test_what_is_summed_in_blocks_is_the_same_to_the_last_bit(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    grid, buckets = stored(warehouse)
    members = members_of({("Narratives", "ai"): COINS[:3]})
    totals = group_totals(grid, members)
    columns = ("coin_id", "ts", "market_cap_usd")
    two_coins_a_block(monkeypatch)

    def of_ranges(blocks: list[pl.DataFrame]) -> pl.DataFrame:
        return range_derivatives(
            blocks,
            base_caps=grid.filter(pl.col("coin_id") == "a"),
            base_assets=["us-dollar", "a"],
            limits=LIMITS,
            ema_periods=[1, 3],
            diff_orders=[1, 2],
        )

    in_turn = list(table_in_blocks(warehouse, "core.buckets", table("core.buckets").column_names))
    assert len(in_turn) == 3
    assert_frame_equal(bucket_totals(in_turn, LIMITS, SPEC), bucket_totals([buckets], LIMITS, SPEC), check_exact=True)
    assert_frame_equal(of_ranges(in_turn), of_ranges([buckets]), check_exact=True)
    jumps = largest_first(find_jumps(block) for block in table_in_blocks(warehouse, "core.market_cap_grid", columns))
    assert jumps.height > 3
    assert_frame_equal(jumps, find_jumps(grid.select(columns)), check_exact=True)
    assert crossing_words(in_turn) == crossing_words([buckets]) != ""
    both = ((part, bucket_members(of_part)) for part, of_part in grid_and_buckets(warehouse))
    said = category_caveats(both, members, totals)
    assert said == category_caveats([(grid, bucket_members(buckets))], members, totals) != {}


def test_observations_in_blocks_are_each_accepted_one_once(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns, since = ["coin_id", "ts", "market_cap_usd"], at(1)
    two_coins_a_block(monkeypatch)
    blocks = list(observations_in_blocks(warehouse, columns, since, SPEC.n_times))

    wanted = warehouse.accepted("raw.market_caps", columns=columns, where="ts >= ?", params=[since])
    assert len(blocks) == 3
    assert_frame_equal(pl.concat(blocks).sort("coin_id", "ts"), wanted.sort("coin_id", "ts"), check_exact=True)


@pytest.mark.slow
def test_without_any_coin_there_is_one_empty_block(tmp_path: Path) -> None:
    with Warehouse(tmp_path / "warehouse.duckdb") as empty:
        (observed,) = window_observations(empty, [], SPEC)
        (grid,) = table_in_blocks(empty, "core.buckets", ("coin_id", "ts", "lower_limit_usd", "market_cap_usd"))
        (raw,) = observations_in_blocks(empty, ["coin_id", "ts"], at(0), 1)

    assert observed.is_empty()
    assert grid.is_empty()
    assert raw.is_empty()
    assert market_cap_grid(observed, SPEC).is_empty()


@pytest.mark.slow
def test_blocks_that_overlap_leave_what_was_stored(warehouse: Warehouse) -> None:
    grid, _ = stored(warehouse)
    first, last = grid.filter(pl.col("coin_id") < "coin"), grid.filter(pl.col("coin_id") >= "coin")

    for blocks in ([last, first], [first, last, last.tail(1)]):
        with pytest.raises(WarehouseError, match="coin_id is in more than one block"):
            warehouse.replace_in_blocks("core.market_cap_grid", blocks)
    with pytest.raises(WarehouseError, match="the frame is empty"):
        warehouse.replace_in_blocks("core.market_cap_grid", [grid.clear(), grid.clear()])
    assert_frame_equal(warehouse.read("core.market_cap_grid"), grid, check_exact=True)


@pytest.mark.slow
def test_a_block_that_fails_leaves_what_was_stored(warehouse: Warehouse) -> None:
    grid, _ = stored(warehouse)

    def broken() -> Iterator[pl.DataFrame]:
        yield grid.head(7)
        raise OSError("no more")

    with pytest.raises(OSError, match="no more"):
        warehouse.replace_in_blocks("core.market_cap_grid", broken())
    assert_frame_equal(warehouse.read("core.market_cap_grid"), grid, check_exact=True)


def test_the_window_is_read_as_the_spec_says(warehouse: Warehouse) -> None:
    (observed,) = window_observations(warehouse, COINS[:2], GridSpec(at(3), at(6), timedelta(hours=1)))

    before = observed.filter(pl.col("ts") < at(3))
    assert before["coin_id"].to_list() == sorted(COINS[:2]), "one neighbour a coin"
    assert isinstance(observed["ts"][0], datetime)
    assert set(observed["coin_id"]) == set(COINS[:2])
