"""Who is in the fixed set that measures over time are over, and on which days it is complete."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl
import pytest

from marketflows_pipeline.transforms.exchanges.market_values import market_values
from marketflows_pipeline.transforms.exchanges.members import exchange_members, in_fixed_set
from marketflows_pipeline_tests.transforms.exchanges.frames import (
    assert_in_shape,
    day,
    exchanges_of,
    snapshot_of,
    volumes_of,
)


def values_of(volumes: Mapping[str, Mapping[int, float | None]]) -> pl.DataFrame:
    """The values of all exchanges' spot volume."""
    return market_values(volumes_of(volumes), exchanges_of(), snapshot_of())


def members_of(values: pl.DataFrame) -> dict[str, bool]:
    members = exchange_members(values)
    assert_in_shape(members, "mart.exchange_members")
    return dict(members.select("exchange_key", "is_member").iter_rows())


def days_of(values: pl.DataFrame) -> list[int]:
    """Days ago on which the set is complete."""
    fixed = in_fixed_set(values, exchange_members(values))
    return [(day(0) - found).days for found in fixed["day"].unique().sort(descending=True)]


@pytest.mark.parametrize(("n_days", "is_member"), [(81, True), (80, False)])
def test_a_member_is_measured_on_ninety_percent_of_ninety_days(n_days: int, is_member: bool) -> None:
    always = dict.fromkeys(range(90), 1.0)
    values = values_of({"a": always, "b": always, "x": dict.fromkeys(range(n_days), 1.0)})

    assert members_of(values) == {"a": True, "b": True, "x": is_member}


def test_what_is_longer_ago_than_the_window_makes_no_member() -> None:
    """One that closed three months ago would be in the set for a year."""
    always = dict.fromkeys(range(200), 1.0)
    values = values_of({"a": always, "b": always, "closed": dict.fromkeys(range(90, 200), 1.0)})

    assert members_of(values) == {"a": True, "b": True}
    assert days_of(values) == list(range(200)), "the set is followed as far back as it is complete"


def test_days_on_which_nobody_was_measured_count_for_nobody() -> None:
    """An outage of three weeks would have emptied the set."""
    seen = dict.fromkeys([*range(10), *range(31, 90)], 1.0)

    assert members_of(values_of({"a": seen, "b": seen})) == {"a": True, "b": True}


def test_a_value_of_zero_or_none_is_no_day() -> None:
    always = dict.fromkeys(range(10), 1.0)
    values = values_of({"a": always, "b": always, "x": {**always, 3: 0.0, 4: None}})

    assert members_of(values)["x"] is False


def test_a_day_counts_while_at_most_a_hundredth_of_the_market_is_missing() -> None:
    """One small exchange of six hundred lacks a figure on every other day."""
    always = dict.fromkeys(range(20), 60.0)
    small = {ago: 0.5 for ago in always if ago != 5}
    large = {ago: 39.5 for ago in always if ago != 7}

    assert days_of(values_of({"a": always, "large": large, "small": small})) == [ago for ago in always if ago != 7]


def test_nothing_measured_has_no_members() -> None:
    assert members_of(values_of({})) == {}
