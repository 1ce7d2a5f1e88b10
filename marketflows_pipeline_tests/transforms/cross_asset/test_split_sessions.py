"""Which session's figures take a listed split."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date

import polars as pl
import pytest

from marketflows_pipeline.transforms.cross_asset.split_sessions import matched_splits
from marketflows_pipeline_tests.transforms.cross_asset.frames import rows_of, shares_of, splits_of, weekdays

DAYS = weekdays(16)
LISTED = 8


def matched(
    values: Sequence[float], splits: Mapping[int, float], column: str = "shares", convention: str = "as_traded"
) -> list[tuple[date, date]]:
    """Listed session and the session of the figures, of splits by number of day."""
    days = dict(zip(DAYS, values, strict=False))
    figures = shares_of({"A": days} if column == "shares" else {"A": {}}, {"A": days}, convention=convention)
    listed = splits_of({"A": {DAYS[number]: ratio for number, ratio in splits.items()}})
    return matched_splits(figures, listed, column, within=5).select("session", "figures_session").rows()


def stepping(*steps: tuple[int, float], start: float = 1.0) -> list[float]:
    """Sixteen values; from each of these days on, so many times as large."""
    return [start * math.prod(ratio for day, ratio in steps if number >= day) for number in range(len(DAYS))]


def at(number: int) -> list[tuple[date, date]]:
    return [(DAYS[LISTED], DAYS[number])]


@pytest.mark.parametrize("column", ["shares", "nav_usd"])
@pytest.mark.parametrize(("taken", "found"), [(2, 8), (3, 3), (7, 7), (8, 8), (9, 9), (13, 13), (14, 8)])
def test_figures_take_a_split_up_to_five_sessions_off(column: str, taken: int, found: int) -> None:
    step = 4.0 if column == "shares" else 0.25

    assert matched(stepping((taken, step)), {LISTED: 4.0}, column) == at(found)


@pytest.mark.parametrize("ratio", [4.0, 2.0, 1.05, 0.1])
@pytest.mark.parametrize(("part", "found"), [(1.09, 10), (1.11, 8), (0.91, 10), (0.89, 8)])
def test_on_another_session_the_change_is_within_a_tenth_of_the_split(ratio: float, part: float, found: int) -> None:
    """A flow of another day would be taken for the split, and the split for a flow."""
    assert matched(stepping((10, ratio**part)), {LISTED: ratio}) == at(found)


@pytest.mark.parametrize(("step", "found"), [(2.1, 8), (2.0, 9), (1.9, 9)])
def test_on_its_own_session_more_than_half_of_a_split_shows_it(step: float, found: int) -> None:
    """Money left on the day of a 4:1 split, and a creation of the next day had its size."""
    assert matched(stepping((LISTED, step), (9, 4.0)), {LISTED: 4.0}) == at(found)


def test_of_two_changes_the_nearer_to_the_split_counts_then_the_nearer_in_time() -> None:
    assert matched(stepping((7, 3.9), (11, 4.0)), {LISTED: 4.0}) == at(11)
    assert matched(stepping((7, 4.0), (11, 4.0)), {LISTED: 4.0}) == at(7)


def test_each_split_of_a_fund_is_matched_by_itself() -> None:
    found = matched(stepping((4, 2.0), (11, 10.0)), {3: 2.0, 12: 10.0})

    assert found == [(DAYS[3], DAYS[4]), (DAYS[12], DAYS[11])]


def test_figures_in_present_shares_tell_nothing_of_a_session() -> None:
    """They take no split at all: four times the shares are a creation."""
    assert matched(stepping((10, 4.0)), {LISTED: 4.0}, convention="split_adjusted") == at(8)


@pytest.mark.parametrize("nothing", [0.0, -1.0])
def test_a_count_of_0_or_below_is_no_count(nothing: float) -> None:
    """An issuer gave 0 on the session before it switched, and the split became a flow of 300 %."""
    values = stepping((10, 4.0))
    values[9] = nothing

    assert matched(values, {LISTED: 4.0}) == at(10)


def test_net_asset_values_below_a_dollar_count() -> None:
    assert matched(stepping((10, 10.0), start=0.05), {LISTED: 0.1}, "nav_usd") == at(10)


def test_dividends_and_ratios_of_1_are_no_splits() -> None:
    dividend = rows_of(
        "raw.corporate_actions", {"symbol": "A", "session": DAYS[LISTED], "action": "dividend", "value": 4.0}
    )

    assert matched_splits(shares_of({"A": [1.0, 4.0]}), dividend, "shares", within=5).is_empty()
    assert matched(stepping((10, 4.0)), {LISTED: 1.0}) == []


def test_a_fund_without_figures_keeps_the_listed_session() -> None:
    listed = pl.concat([splits_of({"A": {DAYS[1]: 2.0}}), splits_of({"B": {DAYS[1]: 2.0}})])
    found = matched_splits(shares_of({"A": [1.0, 1.0, 2.0]}), listed, "shares", within=5)

    assert found.select("symbol", "figures_session").rows() == [("A", DAYS[2]), ("B", DAYS[1])]
