from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given

from marketflows_pipeline.transforms.market_caps.grid import market_cap_grid
from marketflows_pipeline.transforms.market_caps.groups import group_totals
from marketflows_pipeline.transforms.market_caps.quality import (
    coverage,
    extrapolated_share,
    find_jumps,
    find_supply_revisions,
    held_values,
    observation_gaps,
)
from marketflows_pipeline_tests.transforms.frames import at, grid_of, hourly, members_of, observations
from marketflows_pipeline_tests.transforms.market_caps.test_grid import from_minutes, histories


def test_two_steps_without_an_observation_are_a_gap_and_one_is_not() -> None:
    observed = observations({"a": {0: 1.0, 2: 1.0, 5: 1.0}})

    assert observation_gaps(observed, hourly(5)).rows() == [("a", at(3), at(4), 2)]


def test_a_gap_counts_from_half_a_step_after_an_observation() -> None:
    # 0:30 still serves 1:00, so 2:00 and 3:00 are missing; 3:31 serves 4:00 only
    observed = observations({"a": {0.5: 1.0, 3.52: 1.0}, "b": {0.5: 1.0, 3.5: 1.0}})

    assert observation_gaps(observed, hourly(5)).rows() == [("a", at(2), at(3), 2)]


def test_a_gap_is_cut_to_the_grid() -> None:
    observed = observations({"a": {-5: 1.0, 2: 1.0, 9: 1.0}})

    assert observation_gaps(observed, hourly(5)).rows() == [("a", at(0), at(1), 2), ("a", at(3), at(5), 3)]


def test_what_lies_before_the_first_or_after_the_last_observation_is_no_gap_between() -> None:
    assert observation_gaps(observations({"a": {3: 1.0}, "b": {4: 1.0}}), hourly(9)).is_empty()


@given(histories)
def test_gaps_are_the_runs_that_the_grid_calls_interpolated(history: dict[str, dict[int, float]]) -> None:
    observed, spec = from_minutes(history), hourly(10)

    filled = market_cap_grid(observed, spec).with_columns(run=pl.struct("coin_id", "fill").rle_id())
    runs = filled.group_by("run", maintain_order=True).agg(
        pl.first("coin_id", "fill"),
        gap_start=pl.col("ts").min(),
        gap_end=pl.col("ts").max(),
        n_steps=pl.len().cast(pl.Int32),
    )

    columns = ["coin_id", "gap_start", "gap_end", "n_steps"]
    expected = runs.filter(pl.col("fill") == "interpolated", pl.col("n_steps") >= 2).select(columns)
    assert observation_gaps(observed, spec).rows() == expected.rows()


def test_the_held_share_is_what_coins_without_observations_add_to_a_series() -> None:
    grid = market_cap_grid(observations({"old": {0: 75.0, 2: 75.0}, "new": {2: 25.0}}), hourly(2))
    members = members_of({("Narratives", "ai"): ["old", "new"], ("Narratives", "usa"): ["old"]})

    held = extrapolated_share(held_values(grid, members), group_totals(grid, members))

    assert held.rows() == [("Narratives", "ai", at(0), 25.0, ["new"]), ("Narratives", "ai", at(1), 25.0, ["new"])]


def test_membership_that_changes_with_time_counts_at_its_time() -> None:
    grid = grid_of({"a": [10.0, 30.0]}).with_columns(fill=pl.lit("after_last"))
    totals = pl.DataFrame(
        {"category": "Ranges", "series": ["1", "20"], "ts": [at(0), at(1)], "market_cap_usd": [40.0, 30.0]}
    )
    members = totals.select("category", "series", "ts", coin_id=pl.lit("a"))

    assert extrapolated_share(held_values(grid, members), totals)["extrapolated_pct"].to_list() == [25.0, 100.0]


def test_a_move_of_more_than_half_in_one_step_is_a_jump_either_way_the_largest_first() -> None:
    jumps = find_jumps(
        grid_of({"a": [100.0, 151.0, 150.0, 70.0], "b": [1.0, 9.0, 9.0, 9.0], "c": [100.0, 150.0, 75.0, 75.0]})
    )

    assert jumps.select("coin_id", "ts").rows() == [("b", at(1)), ("a", at(3)), ("a", at(1))]
    assert jumps["change_pct"].to_list() == pytest.approx([800.0, -100 * 80 / 150, 51.0])
    assert jumps["previous_usd"].to_list() == [1.0, 150.0, 100.0]


def test_a_supply_that_changes_by_more_than_a_tenth_between_observations_is_a_revision() -> None:
    observed = observations({"a": {0: 100.0, 1: 240.0, 2: 262.0}, "b": {0: 10.0, 1: 99.0}}).with_columns(
        price_usd=pl.Series([1.0, 2.0, 2.0, 1.0, None])
    )

    revisions = find_supply_revisions(observed)

    # a has 100, 120 and 131 coins; b's price is missing once, so nothing is implied
    assert revisions.select("coin_id", "ts", "supply", "previous_supply").rows() == [("a", at(1), 120.0, 100.0)]
    assert revisions["change_pct"].to_list() == pytest.approx([20.0])


def test_coverage_weighs_coins_by_cap_and_asks_for_an_observation_in_the_last_two_steps() -> None:
    cohort = pl.DataFrame({"coin_id": ["a", "b", "c"], "market_cap_usd": [60.0, 30.0, 10.0]})
    observed = observations({"a": {9: 1.0}, "b": {7.0: 1.0}, "c": {6.9: 1.0}})

    assert coverage(cohort, observed, hourly(9)) == pytest.approx(90.0)


def test_of_an_empty_cohort_nothing_is_missing() -> None:
    cohort = pl.DataFrame(schema={"coin_id": pl.String(), "market_cap_usd": pl.Float64()})

    assert coverage(cohort, observations({}), hourly(1)) == 100.0
