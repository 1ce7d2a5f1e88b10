"""Members and weights of the chained index, by the methodology's worked examples."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.transforms.market_caps.index_rule import (
    IndexRule,
    Reconstitution,
    Weighting,
    select_members,
    with_weights,
)

RULE = IndexRule("cap", 10, 2, "monthly", ("stablecoins", "bridged"))


def coins(names: str, **columns: object) -> pl.DataFrame:
    """One index `x` of coins named by letters, with more columns."""
    named = names.split()
    return pl.DataFrame({"category": "Narratives", "series": "x", "coin_id": named, **columns})


def members_of(ranked: str, incumbents: str, *, is_complete: bool = True) -> list[str]:
    listed = coins(ranked, rank=range(1, len(ranked.split()) + 1), is_complete=is_complete)
    return select_members(listed, coins(incumbents), top_n=3, buffer=2)["coin_id"].to_list()


def weights_of(caps: list[float], weighting: Weighting) -> list[float]:
    members = coins(" ".join("abcdefghij"[: len(caps)]), market_cap_usd=[float(cap) for cap in caps])
    return with_weights(members, weighting)["weight"].to_list()


@pytest.mark.parametrize(
    ("incumbents", "members"), [("A B E F", ["A", "B", "E"]), ("F", ["A", "B", "C"]), ("C D E", ["C", "D", "E"])]
)
def test_members_stay_within_the_buffer_best_first(incumbents: str, members: list[str]) -> None:
    assert members_of("A B C D E F", incumbents) == members


def test_without_a_list_that_reaches_so_far_no_buffer_is_applied() -> None:
    """Rows of older versions end at the last member: whether one is still within the buffer can't be told."""
    assert members_of("A B C D E F", "C D E", is_complete=False) == ["A", "B", "C"]


@pytest.mark.parametrize(
    ("caps", "weights"),
    [([60, 20, 10, 6, 4], [0.25, 0.25, 0.25, 0.15, 0.10]), ([50, 30, 20], [1 / 3] * 3), ([7], [1.0])],
)
def test_what_is_above_the_limit_goes_to_the_others_in_proportion(caps: list[float], weights: list[float]) -> None:
    assert weights_of(caps, "capped") == pytest.approx(weights)


def test_weights_by_cap_and_equal_ones() -> None:
    assert weights_of([30, 10], "cap") == [0.75, 0.25]
    assert weights_of([30, 10], "equal") == [0.5, 0.5]


@given(st.lists(st.floats(1, 1e6), min_size=1, max_size=10), st.sampled_from(["cap", "capped", "equal"]))
def test_weights_sum_to_one_and_keep_the_limit(caps: list[float], weighting: Weighting) -> None:
    weights = weights_of(caps, weighting)

    assert sum(weights) == pytest.approx(1)
    if weighting == "capped":
        assert max(weights) <= max(0.25, 1 / len(caps)) * (1 + 1e-9)


@pytest.mark.parametrize(
    ("calendar", "due", "not_due"),
    [
        ("weekly", datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)),
        ("monthly", datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)),
        ("quarterly", datetime(2026, 4, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)),
    ],
)
def test_members_are_set_anew_at_the_first_close_of_a_period(
    calendar: Reconstitution, due: datetime, not_due: datetime
) -> None:
    rule = IndexRule("cap", 10, 2, calendar, ())

    assert rule.is_due(due)
    assert not rule.is_due(not_due)


def test_the_rule_in_words_names_all_of_it() -> None:
    assert RULE.words == ("cap-weighted, 10 largest, members stay to rank 12, monthly, without bridged, stablecoins")
