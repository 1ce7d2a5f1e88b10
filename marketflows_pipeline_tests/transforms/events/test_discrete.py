"""Changes of state against how often their subject, and their kind, changed before."""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.transforms.events.discrete import discrete_events, shares_of_past
from marketflows_pipeline.transforms.events.scores import frequency_pct, normal_equivalent
from marketflows_pipeline_tests.transforms.events.frames import changes, observed, on_day


def shares(days: dict[str, list[int]], n_days: int) -> list[tuple[str, int, float]]:
    return shares_of_past(changes(days), observed(days, n_days)).select("subject", "n_past", "share").rows()


def test_a_share_counts_the_days_before_on_which_the_subject_changed() -> None:
    assert shares({"a": [4, 8, 10]}, 11) == [("a", 4, 0.0), ("a", 8, 1 / 8), ("a", 10, 2 / 10)]


def test_a_first_change_on_the_first_day_has_no_past() -> None:
    assert shares({"a": [0]}, 3) == [("a", 0, 0.0)]


def test_days_on_which_the_subject_was_not_observed_do_not_count() -> None:
    watched = observed(["a"], 30).filter(pl.col("ts") >= on_day(20))
    found = shares_of_past(changes({"a": [22, 29]}), pl.concat([watched, observed(["b"], 30)]))
    assert found.select("n_past", "share").rows() == [(2, 0.0), (9, 1 / 9)]


def test_without_subjects_all_of_them_were_observed() -> None:
    found = shares_of_past(changes({"a": [5], "b": [7]}), observed(["x"], 10).select("ts"))
    assert found.select("subject", "n_past", "share").rows() == [("a", 5, 0.0), ("b", 7, 0.0)]


def test_a_first_change_in_twenty_days_is_an_event() -> None:
    (found,) = discrete_events(changes({"a": [20]}), observed("a", 21)).rows(named=True)
    assert (found["subject"], found["was"], found["became"], found["n_past"]) == ("a", "before", "after", 20)
    assert (found["z"], found["percentile"], found["threshold"]) == (None, None, None)
    assert found["frequency_pct"] == pytest.approx(100 / 21)
    assert found["score"] == pytest.approx(NormalDist().inv_cdf(1 - 1 / 42))
    assert found["severity"] == "notable"


def test_nineteen_days_before_are_too_few() -> None:
    assert discrete_events(changes({"a": [19]}), observed("a", 20)).is_empty()


def test_one_as_rare_within_twenty_days_makes_it_common() -> None:
    """b's first change too was a first one: 2 of 21 days, counting today."""
    assert discrete_events(changes({"a": [20], "b": [10]}), observed("ab", 21)).is_empty()
    # Of 41 days it is one in twenty.
    found = discrete_events(changes({"a": [40], "b": [10]}), observed("ab", 41))
    assert found.select("subject", "frequency_pct").rows() == [("a", pytest.approx(200 / 41))]


def test_a_subject_that_changes_daily_hides_no_rare_one() -> None:
    found = discrete_events(changes({"a": [50], "busy": list(range(51))}), observed(["a", "busy"], 51))
    # busy's own first change, on day 0, was as rare as any first one.
    assert found.select("subject", "frequency_pct").rows() == [("a", pytest.approx(200 / 51))]


def test_first_changes_of_ever_new_subjects_are_not_ever_rarer() -> None:
    names = [f"coin-{day}" for day in range(0, 200, 2)]
    found = discrete_events(changes({name: [2 * i] for i, name in enumerate(names)}), observed(names, 200))
    assert found.is_empty()


def test_of_two_changes_on_a_day_the_last_counts() -> None:
    rows = changes({"a": [30, 30]}).with_columns(
        became=pl.Series(["later", "first"]), ts=pl.Series([on_day(30).replace(hour=9), on_day(30)])
    )
    assert discrete_events(rows, observed("a", 31))["became"].to_list() == ["later"]


def test_what_covers_half_counts_half() -> None:
    (whole,) = discrete_events(changes({"a": [30]}), observed("a", 31))["score"]
    (half,) = discrete_events(changes({"a": [30]}, coverage_pct=50), observed("a", 31))["score"]
    assert half == pytest.approx(whole / 2)


def test_no_changes_give_no_events() -> None:
    assert discrete_events(changes({}), observed("a", 50)).is_empty()
    assert discrete_events(changes({}), observed("", 0)).is_empty()


def test_a_frequency_is_never_nought_and_one_in_twenty_is_as_rare_as_two_deviations() -> None:
    assert frequency_pct(0, 99) == 1.0
    assert normal_equivalent(4.55) == pytest.approx(2.0, abs=1e-3)
    assert normal_equivalent(0.27) == pytest.approx(3.0, abs=1e-3)


DAYS = st.dictionaries(st.sampled_from("abcd"), st.lists(st.integers(0, 59), max_size=8), min_size=1)


@given(DAYS, st.lists(st.integers(60, 80), max_size=4))
def test_later_days_change_no_earlier_event(days: dict[str, list[int]], later: list[int]) -> None:
    now = discrete_events(changes(days), observed("abcd", 60))
    more = discrete_events(changes(days | {"d": days.get("d", []) + later}), observed("abcd", 81))
    assert more.filter(pl.col("ts") < on_day(60)).equals(now)


@given(DAYS, st.randoms())
def test_the_order_of_rows_does_not_matter(days: dict[str, list[int]], random: Any) -> None:
    rows, watched = changes(days), observed("abcd", 60)
    orders = [list(range(frame.height)) for frame in (rows, watched)]
    for order in orders:
        random.shuffle(order)
    assert discrete_events(rows[orders[0]], watched[orders[1]]).equals(discrete_events(rows, watched))
