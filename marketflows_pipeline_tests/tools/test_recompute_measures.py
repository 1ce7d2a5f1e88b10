"""The scripts that compute the measures on closes a second time reproduce the methodology's worked examples."""

from __future__ import annotations

import math
import random
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from types import ModuleType

import pytest

from marketflows_pipeline_tests.tools.conftest import LoadTool

FIRST = date(2026, 1, 1)


def day(at: int) -> date:
    return FIRST + timedelta(days=at)


@pytest.fixture(scope="module")
def closes(tool: LoadTool) -> ModuleType:
    tool("recompute")
    tool("recompute_compare")
    return tool("recompute_closes")


@pytest.fixture(scope="module")
def index(closes: ModuleType, tool: LoadTool) -> ModuleType:
    assert closes
    return tool("recompute_index")


@pytest.fixture(scope="module")
def attribution(closes: ModuleType, tool: LoadTool) -> ModuleType:
    assert closes
    return tool("recompute_attribution")


@pytest.fixture(scope="module")
def breadth(closes: ModuleType, tool: LoadTool) -> ModuleType:
    assert closes
    return tool("recompute_breadth")


@pytest.fixture(scope="module")
def rotation(closes: ModuleType, tool: LoadTool) -> ModuleType:
    assert closes
    return tool("recompute_rotation")


@pytest.fixture(scope="module")
def overlap(breadth: ModuleType, tool: LoadTool) -> ModuleType:
    assert breadth
    return tool("recompute_overlap")


def test_the_chained_index_of_three_coins(closes: ModuleType, index: ModuleType) -> None:
    prices = {"A": (10, 11, 12, 12), "B": (20, 22, 11, 11), "C": (5, 4, 6, 9)}
    caps = {"A": (1000, 1210, 1320, 1320), "B": (1000, 1100, 550, 550), "C": (1500, 1200, 1800, 2700)}
    market = {
        coin: {day(at): closes.Close(caps[coin][at], prices[coin][at]) for at in range(4)} for coin in ("A", "B", "C")
    }
    baskets = {day(0): ("A", "B"), day(2): ("A", "C")}

    def by_cap(when: date, _incumbents: list[str]) -> dict[str, float] | None:
        coins = baskets.get(when)
        return coins and index.weights_of({coin: market[coin][when].cap for coin in coins}, "cap")

    levels = [*index.chain([day(at) for at in range(4)], by_cap, market).values()]
    assert [level.price for level in levels] == pytest.approx([1, 1.1, 0.875, 1.127404], abs=5e-7)
    assert [level.cap for level in levels] == pytest.approx([1, 1.155, 0.935, 1.204712], abs=5e-7)
    assert levels[1].contributions == pytest.approx({"A": 0.05, "B": 0.05})
    assert levels[2].contributions == pytest.approx({"A": 0.045455, "B": -0.25}, abs=5e-7)
    assert levels[3].contributions == pytest.approx({"A": 0, "C": 0.288462}, abs=5e-7)
    assert levels[2].turnover == pytest.approx(0.576923, abs=5e-7)

    def equal(when: date, _incumbents: list[str]) -> dict[str, float] | None:
        return index.weights_of(dict.fromkeys(baskets[when], 1.0), "equal") if when in baskets else None

    levels = [*index.chain([day(at) for at in range(4)], equal, market).values()]
    assert [level.price for level in levels] == pytest.approx([1, 1.1, 0.875, 1.09375])


def test_a_missing_price_is_held_and_not_covered(closes: ModuleType, index: ModuleType) -> None:
    market = {
        "A": {day(at): closes.Close(100.0 + at, 1.0 + at / 100) for at in range(3)},
        "B": {day(0): closes.Close(100.0, 1.0)},
    }
    levels = index.chain(
        [day(0), day(1), day(2)], lambda when, _: {"A": 0.5, "B": 0.5} if when == FIRST else None, market
    )
    assert [level.price for level in levels.values()] == pytest.approx([1, 1.005, 1.01])
    assert levels[day(2)].coverage == pytest.approx(0.51 / 1.01)


def test_excess_weight_goes_to_coins_that_are_not_capped(index: ModuleType) -> None:
    weights = dict(zip("ABCDE", (0.60, 0.20, 0.10, 0.06, 0.04), strict=True))
    assert [*index.capped_weights(weights, 0.25).values()] == pytest.approx([0.25, 0.25, 0.25, 0.15, 0.10])
    three = dict(zip("ABC", (0.5, 0.3, 0.2), strict=True))
    assert [*index.capped_weights(three, 0.25).values()] == pytest.approx([1 / 3] * 3)


@pytest.mark.parametrize(("incumbents", "members"), [("ABEF", "ABE"), ("F", "ABC"), ("CDE", "CDE")])
def test_incumbents_stay_within_the_buffer(index: ModuleType, incumbents: str, members: str) -> None:
    assert index.members_of([*"ABCDEF"], [*incumbents], 3, 2) == [*members]


def test_a_redenomination_changes_units_and_no_return(closes: ModuleType) -> None:
    prices = (2.0, 2.1, 0.21, 0.2)
    own = {day(at): closes.Close(price * (100 if at < 2 else 1001), price) for at, price in enumerate(prices)}
    assert closes.redenominations(own) == {day(2): 10.0}
    restated = closes.restated({"A": own})["A"]
    assert [close.price for close in restated.values()] == pytest.approx([2.0, 2.1, 2.1, 2.0])
    doubled = {day(at): closes.Close(100.0 * (1 + at), 1.0) for at in range(2)}
    assert closes.redenominations(doubled) == {}


def test_a_close_is_the_last_observation_of_at_most_two_days(closes: ModuleType) -> None:
    seen = {"A": [(datetime(2026, 1, 1, 15, tzinfo=UTC), closes.Close(1.0, 1.0))]}
    assert [*closes.daily_closes(seen, date(2026, 1, 6))["A"]] == [date(2026, 1, 2), date(2026, 1, 3)]


def test_the_attribution_of_a_swap(attribution: ModuleType) -> None:
    state = attribution.State
    before = {"A": state(1000, 10, 100), "B": state(900, 9, 100)}
    now = {"A": state(1320, 11, 120), "B": state(1000, 10, 100), "C": state(990, 1, 990)}
    parts = attribution.group_effects("AB", "BC", before, now)
    total = attribution.added(parts.values())
    assert (total.price, total.supply, total.large_step) == (200, 0, 220)
    assert (total.timing, total.arrivals, total.departures, total.change) == (0, 990, 1320, 90)
    as_pegged = attribution.added(attribution.group_effects("AB", "BC", before, now, {"A"}).values())
    assert (as_pegged.supply, as_pegged.large_step) == (220, 0)


def test_a_spike_of_supply_is_timing_and_a_step_is_seen_once_it_stays(
    closes: ModuleType, attribution: ModuleType
) -> None:
    caps = (100, 100, 130, 100, 150, 150, 150)
    supply = closes.median_supply([float(cap) for cap in caps], 5)
    assert supply == [100, 100, 100, 100, 100, 130, 150]
    points = [attribution.State(cap, 1, quantity) for cap, quantity in zip(caps, supply, strict=True)]
    days = [attribution.effects(before, now) for before, now in pairwise(points)]
    assert [each.large_step + each.supply for each in days] == [0, 0, 0, 0, 30, 20]
    assert [each.timing for each in days] == [0, 30, -30, 50, -30, -20]
    assert all(each.supply == 0 for each in days)


def test_a_crossing_coin_leaves_its_own_move_with_its_origin(attribution: ModuleType) -> None:
    state, limits = attribution.State, (100.0, 1000.0)
    before = {"A": state(90, 9, 10), "B": state(500, 5, 100), "D": state(100, 1, 100)}
    now = {"A": state(120, 12, 10), "B": state(1200, 10, 120), "D": state(100, 1, 100)}
    found = {}
    for limit in limits:
        inside = [
            [coin for coin, at in each.items() if attribution.range_of(at.cap, limits) == limit]
            for each in (before, now)
        ]
        found[limit] = attribution.added(attribution.group_effects(*inside, before, now).values())
    low, high = found[100.0], found[1000.0]
    assert (low.price, low.supply + low.large_step) == (500, 200)
    assert (low.arrivals, low.departures, low.change) == (120, 1200, -380)
    assert (high.price, high.supply, high.arrivals, high.departures, high.change) == (0, 0, 1200, 0, 1200)


def test_noise_at_a_limit_invents_no_growth(attribution: ModuleType) -> None:
    """Ten coins with half a percent of noise at a limit once gained 439 %."""
    dice = random.Random(1)
    noisy = {f"n{at}": [1e9 * math.exp(dice.gauss(0, 0.005)) for _ in range(500)] for at in range(10)}
    paths = noisy | {f"s{at}": [2e9] * 500 for at in range(5)}
    levels = attribution.range_chain(paths, (1e8, 1e9), 1e9)
    assert all(abs(level - 1) < 0.01 for level in levels)


def test_a_coin_changes_its_range_five_percent_beyond_the_limit(attribution: ModuleType) -> None:
    limits = (100.0, 1000.0)
    assert attribution.sticky_range(100.0, 1050.0, limits) == 100.0
    assert attribution.sticky_range(100.0, 1051.0, limits) == 1000.0
    assert attribution.sticky_range(1000.0, 951.0, limits) == 1000.0
    assert attribution.sticky_range(1000.0, 950.0, limits) == 100.0
    assert attribution.sticky_range(100.0, 94.0, limits) is None


def test_breadth_of_eight_members(closes: ModuleType, breadth: ModuleType) -> None:
    prices = dict(zip("ABCDEFGH", (11, 11, 11, 11, 12, 9, 9, 10), strict=True))
    market = breadth.Market.of(
        {
            coin: {day(0): closes.Close(100.0, 10.0), day(1): closes.Close(10.0 * price, float(price))}
            for coin, price in prices.items()
        }
        | {"bitcoin": {day(0): closes.Close(1e3, 100.0), day(1): closes.Close(1050.0, 105.0)}}
    )
    row = breadth.measures(market, prices, day(1))
    assert (row["n"], row["n_advancing"], row["n_declining"]) == (8, 5, 2)
    assert row["advance_decline"] == pytest.approx(428.571429)
    assert row["median_return_pct"] == pytest.approx(10)
    assert row["cap_weighted_return_pct"] == pytest.approx(5)
    assert row["median_minus_cap_weighted_pct"] == pytest.approx(5)
    assert row["dispersion_pct"] == pytest.approx(10.6904, abs=5e-5)
    assert row["n_effective"] == pytest.approx(7.928090)
    gains = [market.gain(coin, day(1), 1) for coin in prices]
    assert breadth.share_pct([gain > market.gain("bitcoin", day(1), 1) for gain in gains]) == 100 * 5 / 8
    seven = breadth.measures(market, [*"ABCDEFG"], day(1))
    assert seven["n"] == 7
    assert {seven[name] for name in ("advance_decline", "median_return_pct", "hhi_index", "dispersion_pct")} == {None}


def test_mcclellan_needs_thirty_nine_numbers(breadth: ModuleType) -> None:
    found = breadth.mcclellan([None, *[0.0] * 20, *[1000.0] * 20])
    assert found[:39] == [None] * 39
    assert all(value > 0 for value in found[39:])


def test_equal_caps_share_the_mean_of_their_places(breadth: ModuleType) -> None:
    assert breadth.average_ranks([5.0, 7.0, 5.0, 9.0]) == [1.5, 3, 1.5, 4]
    assert breadth.churn([1.0, 2.0, 3.0], [10.0, 20.0, 30.0]) == pytest.approx(0)
    assert breadth.churn([1.0, 2.0, 3.0], [30.0, 20.0, 10.0]) == pytest.approx(2)


def test_an_average_over_a_gap_ages_the_past(closes: ModuleType) -> None:
    assert closes.ema([3.0, 6.0, None, 9.0], 2) == [3, 5, None, pytest.approx(8.428571)]


def test_rotation_with_span_two_and_window_three(rotation: ModuleType) -> None:
    points = rotation.points_of([1.0, 1.1, 1.05, 1.2, 1.3, 1.25, 1.2], 2, 3)
    smoothed = [100, 106.666667, 105.555556, 115.185185, 125.061728, 125.020576, 121.673525]
    assert [point.smoothed for point in points] == pytest.approx(smoothed)
    ratio = [100.414781, 101.148262, 101.004193, 100.573731, 98.845364]
    assert [point.ratio for point in points] == [None, None, *map(pytest.approx, ratio)]
    change = [0.733482, 0.148447, -0.237492, -1.231408]
    assert [point.change for point in points[3:]] == pytest.approx(change, abs=5e-7)
    assert [point.momentum for point in points[5:]] == pytest.approx([99.074809, 98.888529])
    assert [point.quadrant for point in points[3:]] == [None, None, "weakening", "lagging"]


def test_what_does_not_vary_has_no_place(rotation: ModuleType) -> None:
    assert [point.ratio for point in rotation.points_of([1.0] * 30)] == [None] * 30


def test_a_heading_is_clockwise_from_straight_up(rotation: ModuleType) -> None:
    point = rotation.Point
    here, right = point(1.0, 100.0, 0.0, 100.0), point(1.0, 101.0, 0.0, 100.0)
    assert rotation.step_of(here, right) == (90, 1)
    assert rotation.step_of(right, here) == (270, 1)


def test_narratives_share_and_are_told_apart(overlap: ModuleType) -> None:
    caps = {"a": 10.0, "b": 30.0, "c": 60.0, "d": 20.0, "e": 5.0}
    groups = {"ai": ["a", "b"], "l1": ["b", "c", "d"]}
    assert overlap.shared(groups["ai"], groups["l1"], caps) == (30, 30 / 40, 30 / 120)
    parts = overlap.assigned(groups, caps)
    assert parts == {"a": "ai", "b": "ai", "c": "l1", "d": "l1", "e": "other"}
    totals = {name: sum(caps[coin] for coin in caps if parts[coin] == name) for name in ("ai", "l1", "other")}
    assert totals == {"ai": 40, "l1": 80, "other": 5}
