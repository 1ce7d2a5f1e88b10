"""Our numbers and the published package's, from the answers of one service at one moment."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.providers.coingecko.client import CoinGecko
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
from marketflows_pipeline_tests.fakes.coingecko.access import DEMO_KEY, Access
from marketflows_pipeline_tests.fakes.coingecko.service import FakeCoinGecko
from marketflows_pipeline_tests.fakes.generate import generate
from marketflows_pipeline_tests.providers.memory_ledger import MemoryLedger
from marketflows_pipeline_tests.reference.environment import run_published_program
from marketflows_pipeline_tests.reference.recorded import RecordedMarket

pytestmark = [pytest.mark.reference, pytest.mark.timeout(3600)]

# Within a minute after a five-minute step: theirs floors that grid to the minute, ours to its step.
NOW = datetime(2026, 9, 18, 4, 20, 13, tzinfo=UTC)
BASES = ["us-dollar", "bitcoin", "tether"]
PORTFOLIOS = {"Majors": ["bitcoin", "ethereum"], "Rest": ["cardano", "solana", "dogecoin"]}
NARRATIVES = ["made-in-usa", "layer-1"]
HOURS_AGO = [1, 4, 4.5, 24, 36, 168, 672]
ORDER_NAMES = {"growth": 1, "inflection": 2, "deriv3": 3}
KEY = ["category", "series", "base_asset", "ema_period", "diff_order", "is_unit"]

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Scenario:
    """What both programs are asked for."""

    days: int
    limits: list[float]
    ema_periods: list[int]
    diff_orders: list[int]
    smoothing_ema: int
    has_real_caps: bool = False


SCENARIOS = {
    "hourly": Scenario(90, [2e9, 1e10, 1e11], [1, 20], [0, 1, 2], 10),
    "daily, unsmoothed": Scenario(200, [2e9, 2e10], [1, 5, 20], [0, 1, 2], 1),
    "daily, real caps": Scenario(91, [5e9, 1e10, 5e10, 1e11], [1, 20], [0, 1, 2], 10, has_real_caps=True),
    "five minutes, third order, no ranges": Scenario(1, [], [1, 20], [0, 1, 2, 3], 10),
}


@dataclass(frozen=True)
class Run:
    """Both programs' numbers: key to values in order of time."""

    scenario: Scenario
    spec: GridSpec
    ours: dict[tuple[Any, ...], Numbers]
    theirs: dict[tuple[Any, ...], Numbers]
    their_times: npt.NDArray[np.int64]
    our_gains: dict[tuple[Any, ...], float | None]
    their_gains: dict[tuple[Any, ...], float]


@pytest.fixture(scope="module", params=SCENARIOS)
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Both programs against one service that stands still."""
    scenario = SCENARIOS[request.param]
    market = generate(60, start=NOW, has_churn=True, has_flaws=True)
    if scenario.has_real_caps:
        market = RecordedMarket(market, end=NOW)
    access = Access(calls_per_minute=None, monthly_credits=None)
    with FakeCoinGecko(market, clock=FixedClock(NOW), access=access) as service:
        theirs = ask_published_program(service.url, scenario, tmp_path_factory.mktemp("published"))
        yield both(scenario, service.url, theirs)


def ask_published_program(url: str, scenario: Scenario, folder: Path) -> dict[str, Any]:
    provider = {
        "days": scenario.days,
        "flow_types": ["narratives", "individual_assets", *(["market_cap_ranges"] if scenario.limits else [])],
        "base_assets": BASES[1:],
        "narratives": NARRATIVES,
        "range_lower_limits": scenario.limits,
        "asset_groups": PORTFOLIOS,
    }
    analysis = {
        "ema_periods": scenario.ema_periods,
        "diff_orders": scenario.diff_orders,
        "smoothing_ema": scenario.smoothing_ema,
        "is_unit_normalize": True,
    }
    options = {"provider": provider, "analysis": analysis, "hours_ago": HOURS_AGO}
    (folder / "config.json").write_text(json.dumps(options), encoding="utf-8")
    run_published_program("answers", url, NOW.isoformat(), folder / "config.json", folder / "numbers.npz")
    with np.load(folder / "numbers.npz") as stored:
        return dict(stored)


def both(scenario: Scenario, url: str, theirs: dict[str, Any]) -> Run:
    spec = GridSpec.from_window(NOW, scenario.days)
    step_seconds = spec.step.total_seconds()
    curves: dict[tuple[Any, ...], Numbers] = {}
    gains: dict[tuple[Any, ...], float] = {}
    for name, values in theirs.items():
        match name.split("|"):
            case [category, column]:
                key = (category, *column_key(column))
                is_unit, order = key[-1], key[-2]
                curves[key] = values if is_unit else values * step_seconds**order
            case ["gains", category, series, base]:
                gains |= {(category, plain(series), base, h): gain for h, gain in zip(HOURS_AGO, values, strict=True)}
    ours, our_gains = analyse(scenario, spec, url)
    return Run(scenario, spec, ours, curves, theirs["times"], our_gains, gains)


def column_key(column: str) -> tuple[str, str, int, int, bool]:
    """series, base_asset, ema_period, diff_order, is_unit from one of their column names."""
    series, _, suffixes = column.partition("_by_")
    base, *marks = suffixes.split("_")
    emas = [int(mark.removeprefix("ema")) for mark in marks if mark.startswith("ema")]
    orders = [ORDER_NAMES[mark] for mark in marks if mark in ORDER_NAMES]
    return plain(series), base, (emas or [1])[0], (orders or [0])[0], "unit" in marks


def plain(series: str) -> str:
    """Their name of a range, such as 2000000000.0, as ours."""
    return series.removesuffix(".0")


def analyse(
    scenario: Scenario, spec: GridSpec, url: str
) -> tuple[dict[tuple[Any, ...], Numbers], dict[tuple[Any, ...], float | None]]:
    """Our provider and our transforms, from the first request to the last number."""
    clock = FixedClock(NOW)
    with CoinGecko(
        clock=clock, ledger=MemoryLedger(), api_key=DEMO_KEY, base_url=url, calls_per_minute=100_000
    ) as coingecko:
        listed = pl.concat(
            coingecko.narrative(slug).head(10).select(narrative=pl.lit(slug), coin_id="coin_id") for slug in NARRATIVES
        )
        coins = {*BASES[1:], *listed["coin_id"], *(coin for held in PORTFOLIOS.values() for coin in held)}
        if scenario.limits:
            pages = pl.concat(coingecko.snapshot_pages(min(scenario.limits)))
            coins.update(pages.filter(pl.col("market_cap_usd") > min(scenario.limits))["coin_id"])
        histories = pl.concat(coingecko.history(coin, scenario.days) for coin in sorted(coins))
    observations, _ = clean_observations(histories)
    grid = market_cap_grid(observations, spec)
    members = group_members(listed, NARRATIVES, PORTFOLIOS)
    totals = [group_totals(grid, members)]
    base_caps = grid.filter(pl.col("coin_id").is_in(BASES))
    range_changes = []
    if scenario.limits:
        buckets = assign_buckets(grid, select_cohort(grid, scenario.limits), scenario.limits)
        members = pl.concat([members, range_members(buckets, spec)])
        totals.append(bucket_totals([buckets], scenario.limits, spec))
        range_changes.append(
            range_derivatives(
                [buckets],
                base_caps=base_caps,
                base_assets=BASES,
                limits=scenario.limits,
                ema_periods=scenario.ema_periods,
                diff_orders=scenario.diff_orders,
            )
        )
    group_caps = pl.concat(totals)
    normalized = normalize(group_caps, base_caps, BASES)
    smooth = ema(normalized, scenario.ema_periods)
    derived = pl.concat([derivatives(normalized, smooth, scenario.diff_orders, scenario.smoothing_ema), *range_changes])
    unit = unit_normalize(normalized, smooth, derived)
    gains = percent_gains(
        group_caps,
        base_caps=base_caps,
        base_assets=BASES,
        hours_ago=HOURS_AGO,
        spec=spec,
        observations=observations,
        members=members,
    )
    on_grid = gains.filter(basis="grid").select("category", "series", "base_asset", "hours_ago", "gain_pct")
    return curves_by_key(normalized, smooth, derived, unit), {row[:-1]: row[-1] for row in on_grid.rows()}


def curves_by_key(*tables: pl.DataFrame) -> dict[tuple[Any, ...], Numbers]:
    normalized, smooth, derived, unit = tables
    no_ema, level = pl.lit(1, pl.Int32).alias("ema_period"), pl.lit(0, pl.Int32).alias("diff_order")
    metrics = pl.concat(
        frame.with_columns(*missing, is_unit=pl.lit(is_unit)).select(*KEY, "ts", "value")
        for frame, missing, is_unit in (
            (normalized, [no_ema, level], False),
            (smooth, [level], False),
            (derived, [], False),
            (unit, [], True),
        )
    )
    by_key = metrics.sort("ts").group_by(KEY, maintain_order=True).agg("value")
    return {
        tuple(row[:-1]): np.array(row[-1], dtype=float)
        for row in by_key.iter_rows()
        if any(value is not None for value in row[-1])
    }


def is_comparable(key: tuple[Any, ...]) -> bool:
    """All but the derivatives of ranges in other bases, whose order of steps differs (docs/decisions)."""
    category, _, base, _, order, _ = key
    return not (category == "Ranges" and base != "us-dollar" and order > 0)


def test_both_have_the_same_grid_times(run: Run) -> None:
    assert run.spec.times().to_physical().to_list() == run.their_times.tolist()


def test_both_have_the_same_curves(run: Run) -> None:
    assert {key for key in run.ours if is_comparable(key)} == {key for key in run.theirs if is_comparable(key)}
    assert len({key[:3] for key in run.theirs}) == (9 + len(run.scenario.limits)) * len(BASES)


def test_every_value_of_every_curve_agrees_to_a_millionth(run: Run) -> None:
    apart = {}
    for key in filter(is_comparable, run.theirs):
        ours, theirs = run.ours[key], run.theirs[key]
        assert np.array_equal(np.isnan(ours), np.isnan(theirs)), key
        # Differences cross zero, where rounding alone exceeds any share of the value.
        rounding = 1e-10 * np.nanmax(np.abs(theirs))
        excess = np.abs(ours - theirs) - 1e-6 * np.abs(theirs) - rounding
        if np.nanmax(excess) > 0:
            apart[key] = float(np.nanmax(excess))
    assert apart == {}


def test_every_gain_between_grid_values_agrees_to_a_millionth(run: Run) -> None:
    known = {key: gain for key, gain in run.our_gains.items() if gain is not None}

    assert len(known) >= 9 * len(BASES)
    assert known == {key: pytest.approx(run.their_gains[key], rel=1e-6, abs=1e-9) for key in known}


def test_derivatives_of_ranges_in_other_bases_differ_as_decided(run: Run) -> None:
    """Theirs divide the change in USD by the base's cap; ours are changes of caps already divided by it."""
    if run.scenario.limits:
        growth = ("Ranges", str(int(run.scenario.limits[0])), "bitcoin", 1, 1, False)
        assert not np.allclose(run.ours[growth], run.theirs[growth], rtol=1e-3, equal_nan=True)
