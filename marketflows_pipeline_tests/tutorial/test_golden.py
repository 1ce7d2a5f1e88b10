"""The package's own formulas agree with the golden tables, which were computed without them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from marketflows_pipeline.schema import table
from marketflows_pipeline.settings.providers import PEGGED_COINS
from marketflows_pipeline.transforms.market_caps.gains import percent_gains
from marketflows_pipeline.transforms.market_caps.grid import GridSpec, market_cap_grid
from marketflows_pipeline.transforms.market_caps.groups import group_members, group_totals
from marketflows_pipeline.transforms.market_caps.metrics import derivatives, ema, normalize, unit_normalize
from marketflows_pipeline.transforms.market_caps.observations import clean_observations
from marketflows_pipeline.transforms.market_caps.ranges import (
    assign_buckets,
    bucket_totals,
    range_derivatives,
    range_members,
    select_cohort,
)
from marketflows_pipeline.tutorial.files import PACKAGED, data_as_of, load_tutorial_settings, packaged_caps
from marketflows_pipeline.tutorial.provider import TutorialProvider
from marketflows_pipeline.tutorial.verify import compare_tables


def coins_of(provider: TutorialProvider, slug: str) -> list[str]:
    return provider.category_members(slug)["coin_id"].to_list()


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pl.DataFrame]:
    """The tutorial's tables by the package's transforms, without Dagster and database."""
    settings = load_tutorial_settings(tmp_path_factory.mktemp("tutorial"))
    source, analysis = settings.providers.coingecko, settings.analysis
    provider = TutorialProvider()
    observations, _ = clean_observations(packaged_caps())
    spec = GridSpec.from_window(data_as_of(), source.days)
    grid = market_cap_grid(observations, spec)
    left_out = {*PEGGED_COINS, *(each for slug in source.exclude_categories for each in coins_of(provider, slug))}
    narratives = pl.concat(
        provider.narrative(slug)
        .filter(~pl.col("coin_id").is_in(list(left_out)))
        .head(source.narrative_top_n)
        .select(pl.lit(slug).alias("narrative"), "coin_id")
        for slug in source.narratives
    )
    members = group_members(narratives, source.narratives, source.asset_groups)
    cohort = select_cohort(grid, source.range_lower_limits, left_out)
    buckets = assign_buckets(grid, cohort, source.range_lower_limits)
    totals = pl.concat([group_totals(grid, members), bucket_totals([buckets], source.range_lower_limits, spec)])
    base_caps = grid.filter(pl.col("coin_id") == "bitcoin")
    normalized = normalize(totals, base_caps, source.base_assets)
    smoothed = ema(normalized, analysis.ema_periods)
    differences = pl.concat(
        [
            derivatives(normalized, smoothed, analysis.diff_orders, analysis.smoothing_ema),
            range_derivatives(
                [buckets],
                base_caps=base_caps,
                base_assets=source.base_assets,
                limits=source.range_lower_limits,
                ema_periods=analysis.ema_periods,
                diff_orders=analysis.diff_orders,
            ),
        ]
    )
    gains = percent_gains(
        totals,
        base_caps=base_caps,
        base_assets=source.base_assets,
        hours_ago=settings.plots.hours_ago,
        spec=spec,
        observations=observations,
        members=pl.concat([members, range_members(buckets, spec)]),
    )
    return {
        "core.market_cap_grid": grid,
        "core.group_totals": totals,
        "mart.normalized": normalized,
        "mart.ema": smoothed,
        "mart.derivatives": differences,
        "mart.unit_normalized": unit_normalize(normalized, smoothed, differences),
        "mart.percent_gains": gains,
    }


@pytest.mark.slow
def test_every_table_agrees_to_a_billionth(tables: dict[str, pl.DataFrame]) -> None:
    packaged = {file.stem.removeprefix("golden."): file for file in PACKAGED.glob("golden.*.parquet")}
    # Those of the other parts are compared beside the scripts that compute them.
    others = {name: pl.read_parquet(packaged[name]) for name in packaged if table(name).part != "market_caps"}
    assert tables.keys() == packaged.keys() - others.keys()
    assert [str(difference) for difference in compare_tables((tables | others).__getitem__)] == []


def test_the_golden_tables_exercise_every_rule() -> None:
    grid = pl.read_parquet(PACKAGED / "golden.core.market_cap_grid.parquet")
    assert grid["ts"].n_unique() == 366
    assert set(grid["fill"]) == {"observed", "before_first"}
    totals = pl.read_parquet(PACKAGED / "golden.core.group_totals.parquet")
    per_range = totals.filter(pl.col("category") == "Ranges").group_by("series").agg(pl.col("n_assets").n_unique())
    assert per_range.height == 4
    assert (per_range["n_assets"] > 1).sum() >= 3, "coins cross limits"
    derivatives = pl.read_parquet(PACKAGED / "golden.mart.derivatives.parquet")
    assert set(derivatives.select("ema_period", "diff_order").unique().rows()) == {(1, 1), (1, 2), (20, 1), (20, 2)}
    assert set(derivatives["base_asset"].unique()) == {"us-dollar", "bitcoin"}
    gains = pl.read_parquet(PACKAGED / "golden.mart.percent_gains.parquet")
    assert gains["hours_ago"].n_unique() == 9


def test_the_packaged_files_are_small() -> None:
    assert sum(file.stat().st_size for file in PACKAGED.glob("golden.*.parquet")) < 1_500_000
    figures = [file for file in PACKAGED.rglob("*") if file.suffix in {".parquet", ".csv", ".md", ".json"}]
    assert sum(file.stat().st_size for file in figures) < 2_500_000


def test_the_settings_keep_to_files_of_their_own(tmp_path: Path) -> None:
    files = load_tutorial_settings(tmp_path).warehouse
    assert files.path == tmp_path / ".marketflows/tutorial.duckdb"
    assert files.published_path == tmp_path / "warehouse/marketflows_tutorial.duckdb"


def test_a_narrative_gains_on_bitcoin_what_its_own_coins_gain() -> None:
    """Two stablecoins and a loan at a dollar once made a gain of 5.09 %, in a market that fell."""
    gains = pl.read_parquet(PACKAGED / "golden.mart.percent_gains.parquet")
    (shown,) = gains.filter(series="made-in-usa", base_asset="bitcoin", hours_ago=672.0)["gain_pct"].to_list()
    listed = pl.read_csv(PACKAGED / "categories.csv").filter(category_id="made-in-usa")["coin_id"].to_list()
    caps = packaged_caps().pivot("coin_id", index="ts", values="market_cap_usd").filter(pl.col("ts").dt.hour() == 0)
    now, then = caps.row(-1, named=True), caps.row(-29, named=True)
    own = set(listed) - {"usd-coin", "paypal-usd", "figure-heloc"}
    newest = dict(packaged_caps().group_by("coin_id").agg(pl.col("market_cap_usd").last()).iter_rows())
    largest = sorted(own, key=lambda coin: -newest[coin])[:8]
    totals = [sum(at[coin] for coin in largest) / at["bitcoin"] for at in (then, now)]
    assert shown == pytest.approx(100 * (totals[1] / totals[0] - 1))


def test_prices_on_the_grid_are_those_of_the_observations() -> None:
    grid = pl.read_parquet(PACKAGED / "golden.core.market_cap_grid.parquet")
    (before,) = grid.filter(coin_id="synthetic-cortex", ts=datetime(2026, 1, 14, tzinfo=UTC)).to_dicts()
    (after,) = grid.filter(coin_id="synthetic-cortex", ts=datetime(2026, 1, 15, tzinfo=UTC)).to_dicts()
    assert after["price_usd"] / before["price_usd"] == pytest.approx(0.1, rel=0.1), "ten new coins for an old one"
    assert after["market_cap_usd"] / before["market_cap_usd"] == pytest.approx(1.0, rel=0.1)
