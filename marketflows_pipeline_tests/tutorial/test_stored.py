"""What earlier daily runs would have stored, and the events that it has to show."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from marketflows_pipeline.schema import table
from marketflows_pipeline.tutorial.files import PACKAGED, packaged_caps, stored_caps
from marketflows_pipeline.tutorial.stored import STORED_FOLDER, seed_warehouse, stored_rows
from marketflows_pipeline.warehouse.store import Warehouse

TABLES = ("raw.category_snapshots", "raw.cohort_members", "raw.coins", "raw.market_caps", "raw.narrative_members")
MONTH_ENDS = [datetime(2025, 12, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)]


def _members(slug: str, day: datetime) -> pl.DataFrame:
    """Members of a narrative on a day, without the excluded ones, from the largest on."""
    rows = stored_rows("raw.narrative_members").filter(~pl.col("is_excluded"), narrative=slug)
    return rows.filter(pl.col("observed_at").dt.truncate("1d") == day).sort("rank")


def test_the_files_are_rows_of_raw_tables_that_say_they_are_made_up() -> None:
    assert sorted(file.stem for file in STORED_FOLDER.iterdir()) == list(TABLES)
    for name in TABLES:
        assert pl.read_parquet_metadata(STORED_FOLDER / f"{name}.parquet")["source"] == "Made-up data, seed 1"
        rows = stored_rows(name)
        assert rows.columns == list(table(name).column_names)
        assert rows.select(pl.struct(table(name).key).is_unique().all()).item()
        needed = [column.name for column in table(name).columns if not column.nullable]
        assert rows.select(needed).null_count().sum_horizontal().item() == 0
    assert stored_rows("raw.market_caps")["source"].unique().to_list() == ["tutorial:stored"]


@pytest.mark.slow
def test_an_empty_database_begins_with_them_and_another_is_left_as_it_is(tmp_path: Path) -> None:
    with Warehouse(tmp_path / "tutorial.duckdb") as warehouse:
        seed_warehouse(warehouse)
        counts = warehouse.row_counts()
        assert {name: counts[name] for name in TABLES} == {name: stored_rows(name).height for name in TABLES}
        later = datetime(2026, 3, 4, tzinfo=UTC)
        warehouse.merge("raw.coins", warehouse.read("raw.coins").with_columns(last_seen_at=pl.lit(later)))
        seed_warehouse(warehouse)
        assert warehouse.read("raw.coins")["last_seen_at"].unique().to_list() == [later]


def test_every_day_of_the_last_hundred_has_full_pages() -> None:
    rows = stored_rows("raw.narrative_members")
    days = rows.group_by("narrative").agg(pl.col("observed_at").n_unique())
    assert dict(days.iter_rows()) == dict.fromkeys(
        ("made-in-usa", "layer-1", "artificial-intelligence", "stablecoins"), 100
    )
    assert rows["is_full_page"].all()
    in_use = rows.filter(~pl.col("is_reserve"), ~pl.col("is_excluded")).group_by("observed_at", "narrative").len()
    assert in_use["len"].unique().to_list() == [8]


def test_one_member_falls_inside_the_buffer_and_one_outside() -> None:
    places = [
        {coin: place for place, coin in enumerate(_members("artificial-intelligence", day)["coin_id"], 1)}
        for day in MONTH_ENDS
    ]
    assert [at["synthetic-neuron"] for at in places] == [4, 9, 8]
    assert [at["synthetic-oracle"] for at in places] == [3, 3, 11]


@pytest.mark.parametrize(
    ("coin", "day", "supply", "price"),
    [
        ("synthetic-cortex", datetime(2026, 1, 15, tzinfo=UTC), 10.0, 0.1),
        ("synthetic-harbor", datetime(2026, 1, 20, tzinfo=UTC), 1.18, 1.0),
    ],
)
def test_a_redenomination_keeps_the_cap_and_a_large_step_the_price(
    coin: str, day: datetime, supply: float, price: float
) -> None:
    quotient = pl.col("market_cap_usd") / pl.col("price_usd")
    rows = packaged_caps().filter(coin_id=coin).with_columns(supply=quotient).sort("ts")
    step = rows.with_columns(pl.col("supply", "price_usd") / pl.col("supply", "price_usd").shift(1)).filter(ts=day)
    assert step["supply"].item() == pytest.approx(supply, rel=0.001)
    assert step["price_usd"].item() == pytest.approx(price, rel=0.1)


def test_a_coin_is_listed_and_another_delisted_among_stored_days() -> None:
    cohort = stored_rows("raw.cohort_members")
    listed, delisted = (
        cohort.filter(coin_id=coin)["observed_at"].dt.date() for coin in ("synthetic-prism", "synthetic-ember")
    )
    assert str(listed.min()) == "2025-12-15"
    assert str(delisted.max()) == "2026-02-09"
    (ember,) = stored_rows("raw.coins").filter(coin_id="synthetic-ember").to_dicts()
    assert not ember["is_active"]
    closes = stored_rows("raw.market_caps").filter(coin_id="synthetic-ember")["ts"]
    assert (closes.len(), str(closes.max())) == (377, "2026-02-09 00:00:00+00:00")


def test_a_coin_crosses_a_limit_to_and_fro() -> None:
    caps = packaged_caps().filter(coin_id="synthetic-summit")["market_cap_usd"]
    sides = (caps > 5e9).cast(pl.Int8).diff().drop_nulls()
    assert (sides == 1).sum() >= 10
    assert (sides == -1).sum() >= 10


def test_cap_and_price_are_not_of_one_instant() -> None:
    """Without noise between them every effect of timing was zero, and nothing showed what the median is for."""
    quotient = pl.col("market_cap_usd") / pl.col("price_usd")
    caps = packaged_caps().sort("coin_id", "ts").with_columns(supply=quotient)
    steps = caps.select("coin_id", step=(pl.col("supply") / pl.col("supply").shift(1) - 1).over("coin_id").abs())
    usual = steps.group_by("coin_id").agg(pl.col("step").median())
    assert usual["step"].is_between(1e-4, 2e-3).all()


def test_every_coin_was_seen_a_day_before_the_clocks_moment() -> None:
    """31 of 40 coins had no change over 24 hours, and the chart of unusual volumes left them out."""
    newest = packaged_caps().group_by("coin_id").agg(pl.col("ts").max())
    stored = stored_caps().join(newest, on="coin_id", suffix="_newest")
    day_before = stored.filter(pl.col("ts") == pl.col("ts_newest").dt.offset_by("-24h"))
    assert sorted(day_before["coin_id"]) == sorted(newest["coin_id"])


def test_only_the_injected_volumes_of_our_own_coins_are_unusual() -> None:
    signals = pl.read_parquet(PACKAGED / "golden.mart.whale_signals.parquet")
    unusual = set(signals.filter("is_unusual", score_basis="zscore")["coin_id"])
    assert unusual == {"synthetic-signal", "synthetic-harbor", "bitcoin"}
    (pegged,) = signals.filter(coin_id="figure-heloc")["volume_zscore"].to_list()
    assert abs(pegged) < 1


def test_a_narrative_turns_at_no_regular_pace() -> None:
    """Its path was a sine wave that everybody saw."""
    coins = ["bittensor", "near", "render-token", "fetch-ai", "the-graph"]
    closes = packaged_caps().filter(pl.col("ts").dt.hour() == 0)
    logs = closes.pivot("coin_id", index="ts", values="price_usd").sort("ts").select(pl.col(*coins, "bitcoin").log())
    wave = logs.select(wave=pl.mean_horizontal(coins) - 1.15 * pl.col("bitcoin")).with_row_index()
    turn, centred = pl.col("index") * (2 * math.pi / 130), pl.col("wave") - pl.col("wave").mean()
    fitted = pl.sum_horizontal((centred * each).sum() ** 2 / (each**2).sum() for each in (turn.sin(), turn.cos()))
    assert wave.select(fitted / (centred**2).sum()).item() < 0.5


def test_stablecoins_are_pegged_and_issued() -> None:
    supply = pl.col("market_cap_usd") / pl.col("price_usd")
    for coin in ("tether", "usd-coin", "paypal-usd"):
        rows = packaged_caps().filter(coin_id=coin)
        assert rows.select((pl.col("price_usd") - 1).abs().max()).item() < 0.005
        assert rows.select(supply.last() / supply.first()).item() > 1.05
