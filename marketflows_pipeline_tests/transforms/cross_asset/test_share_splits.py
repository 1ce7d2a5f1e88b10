"""A change of basis of an issuer's figures is no flow, and a flow is no change of basis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.transforms.cross_asset.share_splits import nearest_simple, share_splits
from marketflows_pipeline_tests.examples import at_most, one_quick
from marketflows_pipeline_tests.transforms.cross_asset.frames import (
    assert_in_shape,
    bars_of,
    column,
    day,
    flows_of,
    shares_of,
    splits_of,
    weekdays,
)

Values = Sequence[float | None]


def told(
    closes: Values, shares: Values, navs: Values | None = None, splits: Mapping[date, float] | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Flows and splits of a fund."""
    bars = bars_of({"A": closes})
    figures = shares_of({"A": shares}, {"A": navs} if navs else None)
    listed = {"A": splits or {}}
    found = share_splits(bars, figures, splits_of(listed))
    assert_in_shape(found, "core.share_splits")
    return flows_of(bars, figures, splits=listed), found


STATUS = ("session", "status", "is_inferred", "ratio")


def test_an_unlisted_split_that_the_net_asset_value_tells_of_is_no_flow() -> None:
    """Shares x 10 with a net asset value / 10 and no row in splits.csv were a flow of 900 % of the fund."""
    flows, found = told([25.0, 25.5, 25.5, 26.0], [100.0, 100.0, 1000.0, 1010.0], [250.0, 255.0, 25.5, 26.0])

    assert column(flows, "flow_usd") == [None, 0, 0, 260]
    assert column(flows, "price_effect_usd") == [None, 500, 0, 500]
    assert column(flows, "market_cap_usd") == [25_000, 25_500, 25_500, 26_260]
    assert column(flows, "previous_session") == [None, day(0), day(1), day(2)]
    assert column(flows, "price_return") == [None, pytest.approx(0.02), 0, pytest.approx(0.5 / 25.5)]
    assert found.select(STATUS).rows() == [(day(2), "inferred", True, pytest.approx(10))]
    evidence = found.select("previous_session", "share_ratio", "nav_ratio", "close_ratio", "basis_ratio", "splits_line")
    assert evidence.row(0) == (day(1), 10, pytest.approx(0.1), 1, pytest.approx(10), "A,2026-03-04,10")


def test_the_evidence_of_a_split_is_told_beside_what_the_market_did() -> None:
    """Rounded down, a close that rose by a fifth would stand as one that stayed."""
    _, found = told([25.0, 30.0], [100.0, 1000.0], [250.0, 30.0])

    evidence = found.select("share_ratio", "nav_ratio", "close_ratio", "basis_ratio").row(0)
    assert evidence == pytest.approx((10, 0.12, 1.2, 10))


def test_a_ratio_that_is_no_simple_one_is_told_to_nine_digits() -> None:
    """With eight, closes restated by the line would be off in the ninth digit that services give."""
    _, found = told([50.0, 50.0], [1e6, 1.234567891234e6], [50.0, 50.0 / 1.234567891234])

    assert found["splits_line"].to_list() == ["A,2026-03-03,1.23456789"]


def test_a_creation_while_the_value_falls_by_as_much_stays_a_flow() -> None:
    # 21:20 baskets while the net asset value falls by 4.76 %: net assets stay the same, and 1.9 million came in
    flows, found = told([40.0, 38.1], [1e6, 1.05e6], [40.0, 40 / 1.05])

    assert column(flows, "flow_usd")[1] == pytest.approx(0.05e6 * 40 / 1.05)
    assert found.is_empty()


def test_a_close_that_moves_by_itself_is_no_split() -> None:
    flows, found = told([100.0, 100.2], [1e6, 1.01e6], [100.0, 100.0])

    assert column(flows, "flow_usd")[1] == pytest.approx(1e6)
    assert found.is_empty()


@pytest.mark.parametrize(
    ("basis", "count", "is_inferred"),
    [(1.25, 1.25, True), (1.25, 1.275, True), (1.25, 1.29, False), (0.89, 0.89, True), (4, 1, False), (1, 4, False)],
)
def test_a_basis_must_change_by_more_than_a_tenth_and_as_the_shares_do(
    basis: float, count: float, is_inferred: bool
) -> None:
    flows, found = told([50.0, 50.0], [1000.0, 1000.0 * count], [50.0, 50.0 / basis])

    assert column(found, "status") == (["inferred"] if is_inferred else [])
    assert (column(flows, "flow_usd")[1] == 0) == (is_inferred or count == 1)


@pytest.mark.parametrize("premium", [0.9, 1.1])
def test_a_premium_of_just_a_tenth_is_no_split(premium: float) -> None:
    """Creations and premiums are as large, and a tenth of the fund would be lost."""
    flows, found = told([50.0, 50.0 * premium], [1000.0, 1000.0 * premium], [50.0, 50.0])

    assert found.is_empty()
    assert column(flows, "flow_usd")[1] == pytest.approx(50_000 * (premium - 1))


@pytest.mark.parametrize(
    ("ratio", "is_suspected"),
    [(4, True), (1.5, True), (2 / 3, True), (0.1, True), (4.04, True), (4.2, False), (4 / 3, False), (3 / 4, False)],
)
def test_without_net_asset_values_a_simple_ratio_leaves_the_flow_unknown(ratio: float, is_suspected: bool) -> None:
    """Shares of 100, then 400 of a split that nobody lists were a flow of 300 % of the fund."""
    flows, found = told([250.0, 250.0, 250.0], [100.0, 100.0 * ratio, 100.0 * ratio])

    assert column(flows, "flow_unknown_reason") == [None, "suspected_split" if is_suspected else None, None]
    assert (column(flows, "flow_usd")[1] is None) is is_suspected
    assert column(flows, "share_effect_usd")[1] == column(flows, "flow_usd")[1]
    assert column(flows, "flow_usd")[2] == 0
    assert found.select("status", "is_inferred").rows() == ([("suspected", False)] if is_suspected else [])


def test_simple_splits_are_those_that_are_made() -> None:
    """Each of these ratios was once listed; a count that grew by another is taken for money."""
    made = [*range(2, 11), 12, 15, 20, 25, 30, 40, 50, 100, 3 / 2, 5 / 2, 7 / 2, 9 / 2]
    made += [4 / 3, 5 / 3, 7 / 3, 8 / 3, 10 / 3, 6 / 5, 5 / 4]
    both_ways = [float(each) for ratio in made for each in (ratio, 1 / ratio)]
    others = [1.0, 7 / 6, 7 / 4, 9 / 4, 11 / 3, 11 / 2, 11.0, 14.0, 17.0, 22.0, 35.0, 60.0, 101.5, float("inf")]

    assert nearest_simple(pl.Series(both_ways)).to_list() == both_ways
    assert nearest_simple(pl.Series([*others, None])).to_list() == [None] * (len(others) + 1)


@pytest.mark.slow
def test_a_line_in_the_file_of_splits_settles_what_is_suspected() -> None:
    closes, shares = [250.0] * 4, [100.0, 100.0, 400.0, 400.0]
    _, found = told(closes, shares)
    symbol, session, ratio = found["splits_line"].item().split(",")
    assert (symbol, session, ratio) == ("A", day(2).isoformat(), "4")

    split, _ = told(closes, shares, splits={date.fromisoformat(session): float(ratio)})
    assert column(split, "flow_usd") == [None, 0, 0, 0]
    assert column(split, "market_cap_usd") == [100_000] * 4

    denied, found = told(closes, shares, splits={date.fromisoformat(session): 1.0})
    assert column(denied, "flow_usd") == [None, 0, 75_000, 0]
    assert column(denied, "is_large_creation") == [False, False, True, False]
    assert found.select(STATUS).rows() == [(day(2), "denied", False, 1)]


def test_a_ratio_of_1_denies_what_net_asset_values_tell_too() -> None:
    flows, _ = told([25.0, 25.0], [100.0, 1000.0], [250.0, 25.0], {day(1): 1.0})

    assert column(flows, "flow_usd")[1] == 900 * 25


def test_only_a_ratio_of_1_denies() -> None:
    """A listed 2:1 on the day of a 10:1 leaves five shares for one to be told; it says nothing against them."""
    flows, found = told([25.0, 25.0], [100.0, 1000.0], [250.0, 25.0], {day(1): 2.0})

    assert found.select(STATUS).rows() == [(day(1), "inferred", True, pytest.approx(5))]
    assert column(flows, "flow_usd")[1] == 0


def test_a_line_of_ratio_1_alone_is_no_split() -> None:
    _, found = told([25.0, 25.0], [100.0, 101.0], [25.0, 25.0], {day(1): 1.0})

    assert found.is_empty()


@pytest.mark.parametrize(("denied", "status"), [(0, "suspected"), (1, "denied"), (2, "denied"), (3, "suspected")])
def test_a_line_denies_what_came_after_the_figures_before_and_up_to_its_session(denied: int, status: str) -> None:
    """A line of another year would otherwise deny every later split of its fund."""
    _, found = told([250.0] * 4, [100.0, None, 400.0, 400.0], splits={day(denied): 1.0})

    assert found.select("session", "status").rows() == [(day(2), status)]


def test_a_line_denies_nothing_of_later_figures() -> None:
    _, found = told([250.0] * 3, [100.0, 100.0, 400.0], splits={day(0): 1.0})

    assert column(found, "status") == ["suspected"]


@pytest.mark.parametrize("off", [-5, -1, 0, 1, 5])
@pytest.mark.parametrize("has_navs", [True, False])
@pytest.mark.parametrize("ratio", one_quick([4.0, 0.1, 1.25, 1.05]))
def test_a_listed_split_is_matched_to_the_session_on_which_the_count_takes_it(
    off: int, has_navs: bool, ratio: float
) -> None:
    """A 4:1 split that the count took a session late was a flow of -75 %, undone by one of 300 %."""
    days, listed, taken = weekdays(16), 8, 8 + off
    closes = [250.0 + number for number in range(16)]
    shares = [1e6 * (ratio if number >= taken else 1) for number in range(16)]
    navs = [close / (1 if number >= taken else 1 / ratio) for number, close in enumerate(closes)]
    flows, found = told(closes, shares, navs if has_navs else None, {days[listed]: ratio})

    assert column(flows, "flow_usd") == [None, *[pytest.approx(0, abs=1e-3)] * 15]
    caps = [close * 1e6 * ratio for close in closes]
    assert column(flows, "market_cap_usd") == [pytest.approx(cap) for cap in caps]
    evidence = found.select("session", "listed_session", "status", "is_inferred")
    assert evidence.rows() == [(days[taken], days[listed], "listed", False)]


def test_money_that_comes_on_the_day_of_a_listed_split_is_a_flow() -> None:
    flows, _ = told([250.0] * 3, [100.0, 100.0, 412.0], splits={day(1): 4.0})

    assert column(flows, "flow_usd") == [None, 0, 12 * 250]


def test_a_split_in_net_assets_alone_is_no_flow() -> None:
    figures = shares_of({}, {"A": [250.0, 25.0]}, {"A": [25_000.0, 25_000.0]})
    flows = flows_of(bars_of({"A": [25.0, 25.0]}), figures)

    assert column(flows, "flow_usd")[1] == 0
    assert column(flows, "flow_method")[1] == "aum"


def test_shares_of_one_side_alone_are_compared_as_net_assets_over_net_asset_value() -> None:
    """A source that began to give counts on the day of a split made a flow of nine times the fund."""
    bars = bars_of({"A": [30.0, 30.0]})
    figures = shares_of({"A": [None, 1000.0]}, {"A": [300.0, 30.0]}, {"A": [25_000.0, 25_000.0]})
    found = share_splits(bars, figures, splits_of({}))

    assert found.select("status", "share_ratio").rows() == [("inferred", pytest.approx(10, rel=1e-12))]
    assert column(flows_of(bars, figures), "flow_usd")[1] == pytest.approx(0)


def test_a_flow_beyond_a_third_is_kept_and_told_apart() -> None:
    flows, _ = told([10.0] * 3, [100.0, 136.0, 138.0], [10.0] * 3)

    assert column(flows, "flow_usd") == [None, 360, 20]
    assert column(flows, "is_large_creation") == [False, True, False]


@pytest.mark.slow
def test_between_count_and_listing_nobody_knew_in_which_shares_the_count_is() -> None:
    """What is told by a split of later days must not be known to a model before them."""
    opens = [datetime(2026, 3, number, 14, 30, tzinfo=UTC) for number in (3, 4, 5, 6)]
    late, _ = told([250.0] * 4, [100.0, 100.0, 400.0, 400.0], splits={day(1): 4.0})
    early, _ = told([250.0] * 4, [100.0, 400.0, 400.0, 400.0], splits={day(2): 4.0})

    for flows in (late, early):
        assert column(flows, "known_at")[1:3] == [opens[2], opens[2]]


@at_most(15)
@given(
    st.lists(st.tuples(st.floats(80, 90), st.floats(1e6, 1.1e6)), min_size=4, max_size=9),
    st.sampled_from([10.0, 4.0, 1.5, 0.5, 0.1]),
    st.data(),
)
def test_an_unlisted_split_moves_no_money_and_hides_none_on_other_days(
    history: list[tuple[float, float]], ratio: float, data: st.DataObject
) -> None:
    closes, shares = (list(each) for each in zip(*history, strict=True))
    at = data.draw(st.integers(1, len(closes) - 1))
    # No money came on the day of the split itself.
    shares[at] = shares[at - 1]
    plain, _ = told(closes, shares, closes)
    unit = [1 if number >= at else 1 / ratio for number in range(len(closes))]
    split, found = told(
        closes,
        [count * each for count, each in zip(shares, unit, strict=True)],
        [close / each for close, each in zip(closes, unit, strict=True)],
    )

    assert column(found, "status") == ["inferred"]
    for name in ("flow_usd", "price_effect_usd", "market_cap_usd", "market_cap_change_usd"):
        for left, right in zip(column(plain, name), column(split, name), strict=True):
            assert left == (right if right is None else pytest.approx(right, rel=1e-9, abs=1e-2)), name
