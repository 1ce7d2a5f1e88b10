from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.transforms.categories import OTHER
from marketflows_pipeline.transforms.market_caps.overlap import disjoint_assignment, market_map, narrative_overlap
from marketflows_pipeline_tests.transforms.market_caps.closes_by_day import closes_of, day

# Example 9 of the methodology.
CAPS = {"a": 10.0, "b": 30.0, "c": 60.0, "d": 20.0, "e": 5.0}
HELD = {"ai": "ab", "l1": "bcd"}


def caps_of(caps: dict[str, float]) -> pl.DataFrame:
    closes = closes_of({coin: [1.0] for coin in caps}, {coin: [cap] for coin, cap in caps.items()})
    return closes.filter(pl.col("ts") == day(0))


def members_of(held: dict[str, str], *, is_backfilled: bool = False) -> pl.DataFrame:
    rows = [(series, coin, is_backfilled) for series, coins in held.items() for coin in coins]
    schema = {"series": pl.String, "coin_id": pl.String, "is_backfilled": pl.Boolean}
    return pl.DataFrame(rows, schema=schema, orient="row")


def test_the_worked_example_of_what_two_narratives_share() -> None:
    (row,) = narrative_overlap(members_of(HELD), caps_of(CAPS)).rows(named=True)
    assert (row["series"], row["other_series"], row["n_shared"], row["shared_usd"]) == ("ai", "l1", 1, 30.0)
    assert row["of_smaller_pct"] == pytest.approx(100 * 30 / 40)
    assert row["of_union_pct"] == pytest.approx(100 * 30 / 120)


def test_the_worked_example_of_the_disjoint_assignment() -> None:
    placed = disjoint_assignment(members_of(HELD), caps_of(CAPS))
    assert dict(placed.select("coin_id", "series").iter_rows()) == {
        "a": "ai",
        "b": "ai",
        "c": "l1",
        "d": "l1",
        "e": OTHER,
    }
    totals = dict(placed.group_by("series").agg(pl.col("market_cap_usd").sum()).iter_rows())
    assert totals == {"ai": 40.0, "l1": 80.0, OTHER: 5.0}
    assert placed.sort("coin_id")["n_narratives"].to_list() == [1, 2, 1, 1, 0]


def test_narratives_that_share_nothing_are_a_pair_of_zero() -> None:
    (row,) = narrative_overlap(members_of({"x": "a", "y": "c"}), caps_of(CAPS)).rows(named=True)
    assert (row["n_shared"], row["shared_usd"], row["of_smaller_pct"], row["of_union_pct"]) == (0, 0.0, 0.0, 0.0)


def test_narratives_of_one_size_come_in_the_order_of_their_slugs() -> None:
    placed = disjoint_assignment(members_of({"zeta": "ab", "alpha": "ba"}), caps_of(CAPS))
    assert set(placed.filter(pl.col("coin_id").is_in(["a", "b"]))["series"]) == {"alpha"}


def test_a_member_without_a_cap_is_in_no_part() -> None:
    assert disjoint_assignment(members_of({"x": "az"}), caps_of(CAPS))["coin_id"].to_list() == list("abcde")


def test_the_change_of_a_part_is_weighted_by_the_caps_before() -> None:
    """100 and 300 before; the one doubles, the other stays: 400 to 500."""
    closes = closes_of({"a": [1.0, 2.0], "b": [3.0, 3.0]}, {"a": [100.0, 200.0], "b": [300.0, 300.0]})
    rows = market_map(members_of({"x": "ab"}), closes, pl.Series("coin_id", [], pl.String))
    assert rows["series_price_change_1d_pct"].to_list() == pytest.approx([25.0, 25.0])
    assert rows["price_change_1d_pct"].to_list() == pytest.approx([100.0, 0.0])
    assert rows["price_change_7d_pct"].to_list() == [None, None]
    assert rows["share_pct"].to_list() == pytest.approx([40.0, 60.0])


def test_issuance_is_no_change_of_price() -> None:
    closes = closes_of({"a": [1.0, 1.0], "b": [1.0, 1.0]}, {"a": [100.0, 500.0], "b": [100.0, 100.0]})
    rows = market_map(members_of({"x": "ab"}), closes, pl.Series("coin_id", [], pl.String))
    assert rows["series_price_change_1d_pct"].to_list() == pytest.approx([0.0, 0.0])


def test_that_members_are_those_of_later_is_said_of_their_part_only() -> None:
    closes = closes_of({"a": [1.0, 2.0], "b": [3.0, 3.0]})
    rows = market_map(members_of({"x": "a"}, is_backfilled=True), closes, pl.Series("coin_id", ["b"]))
    assert rows.select("coin_id", "series", "is_backfilled").rows() == [("a", "x", True), ("b", OTHER, False)]


narratives = st.dictionaries(
    st.sampled_from(["ai", "l1", "meme", "rwa"]), st.text("abcdefgh", min_size=1, max_size=8), max_size=4
)


@given(narratives, st.lists(st.floats(1.0, 1e12), min_size=8, max_size=8))
def test_the_parts_add_to_the_whole_whatever_the_narratives(held: dict[str, str], caps: list[float]) -> None:
    held = {series: "".join(sorted(set(coins))) for series, coins in held.items()}
    of_coins = dict(zip("abcdefgh", caps, strict=True))
    closes = caps_of(of_coins)
    rows = market_map(members_of(held), closes, closes["coin_id"])
    assert rows["coin_id"].to_list() == list("abcdefgh")
    assert rows["share_pct"].sum() == pytest.approx(100.0)
    assert rows.unique("series")["series_share_pct"].sum() == pytest.approx(100.0)
    for coin, series in rows.select("coin_id", "series").iter_rows():
        containing = [name for name, coins in held.items() if coin in coins]
        totals = {name: sum(of_coins[each] for each in held[name]) for name in containing}
        smallest = min(totals.values(), default=None)
        assert series == OTHER if not containing else totals[series] == pytest.approx(smallest)
