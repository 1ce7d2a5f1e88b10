from __future__ import annotations

import math

import polars as pl

from marketflows_pipeline.transforms.market_caps.observations import clean_observations
from marketflows_pipeline_tests.transforms.frames import at, observations


def test_caps_that_state_nothing_are_removed_and_counted_by_reason() -> None:
    raw = observations({"a": {0: 5.0, 1: None, 2: math.nan, 3: math.inf, 4: 0.0, 5: -1.0, 6: 7.0, 7: 1e15, 8: 1.1e15}})

    clean, rejected = clean_observations(raw)

    assert clean["market_cap_usd"].to_list() == [5.0, 7.0, 1e15]
    assert rejected == {"null": 1, "non_finite": 2, "not_positive": 2, "too_large": 1, "duplicate": 0}


def test_of_two_rows_for_the_same_coin_and_moment_the_later_row_wins() -> None:
    first, revised = observations({"a": {0: 1.0, 1: 2.0}}), observations({"a": {0: 1.5}, "b": {0: 9.0}})

    clean, rejected = clean_observations(pl.concat([first, revised]))

    assert clean.rows() == [("a", at(0), 1.5), ("a", at(1), 2.0), ("b", at(0), 9.0)]
    assert rejected["duplicate"] == 1


def test_a_later_row_that_states_nothing_does_not_replace_an_observation() -> None:
    clean, rejected = clean_observations(pl.concat([observations({"a": {0: 1.0}}), observations({"a": {0: None}})]))

    assert clean["market_cap_usd"].to_list() == [1.0]
    assert rejected["null"] == 1


def test_disorder_is_put_in_order_of_coin_and_time_and_further_columns_stay() -> None:
    raw = observations({"b": {1: 4.0, 0: 3.0}, "a": {2: 2.0, 1: 1.0}}).with_columns(source=pl.lit("history"))

    clean, _ = clean_observations(raw)

    assert clean.select("coin_id", "ts").rows() == [("a", at(1)), ("a", at(2)), ("b", at(0)), ("b", at(1))]
    assert clean["source"].to_list() == ["history"] * 4


def test_the_trailing_point_of_a_history_stays_at_its_own_timestamp() -> None:
    clean, _ = clean_observations(observations({"a": {0: 1.0, 24: 2.0, 41.3: 3.0}}))

    assert clean["ts"].to_list()[-1] == at(41.3)


def test_no_observations_at_all_are_no_fault() -> None:
    clean, rejected = clean_observations(observations({}))

    assert clean.is_empty()
    assert set(rejected.values()) == {0}
