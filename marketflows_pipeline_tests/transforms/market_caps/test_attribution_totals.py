"""Effects summed over series: the worked examples of membership and of ranges, and the identity."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.transforms.market_caps.attribution_totals import (
    attribution_totals,
    narrative_members,
    portfolio_members,
)
from marketflows_pipeline.transforms.market_caps.cap_attribution import EFFECTS, cap_attribution
from marketflows_pipeline.transforms.market_caps.ranges import bucket_members, range_places
from marketflows_pipeline_tests.transforms.market_caps.attributed_closes import TIME, closes, day, members, supplies

AI = ("Narratives", "ai")
# A: price 10 -> 11, in, then leaves. B: 9 -> 10, in and stays. C: comes at 990.
SWAP = closes({"a": ([1000, 1320], [10, 11]), "b": ([900, 1000], [9, 10]), "c": ([900, 990], [1, 1.1])})


def effects(rows: pl.DataFrame, window: int = 1) -> pl.DataFrame:
    """Effects with the supply as it is, so that examples can be worked out by hand."""
    return cap_attribution(rows, supplies({}), (), window)


def row(totals: pl.DataFrame, series: str = "ai") -> dict[str, float]:
    return totals.filter(series=series).row(-1, named=True)


def test_the_worked_example_of_a_swap() -> None:
    found = row(attribution_totals(effects(SWAP), members({AI: {0: "ab", 1: "bc"}})))

    expected = {
        "market_cap_before_usd": 1900,
        "market_cap_usd": 1990,
        "change_usd": 90,
        "price_effect_usd": 200,
        "supply_effect_usd": 0,
        # 100 coins to 120 is 20 %, above the limit of the size class.
        "large_supply_step_usd": 220,
        "timing_usd": 0,
        "arrivals_usd": 990,
        "departures_usd": 1320,
        "n_members": 2,
        "n_arrivals": 1,
        "n_departures": 1,
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected)


def test_the_worked_example_of_ranges() -> None:
    """A coin's own move stays with the range it was in; a cap equal to a limit is below it."""
    caps = closes({"a": ([90, 120], [9, 12]), "b": ([500, 1200], [5, 10]), "d": ([100, 100], [1, 1])})
    attribution = effects(caps)
    places = range_places(attribution, ["a", "b", "d"], [100, 1000])
    totals = attribution_totals(attribution, bucket_members(places))

    assert places.filter(coin_id="d")["lower_limit_usd"].to_list() == [None, None]
    columns = ("price_effect_usd", "large_supply_step_usd", "arrivals_usd", "departures_usd", "change_usd")
    found = {name: [row(totals, series)[name] for series in ("100", "1000")] for name in columns}
    assert found["price_effect_usd"] == pytest.approx([500, 0])
    assert found["large_supply_step_usd"] == pytest.approx([200, 0])
    assert found["arrivals_usd"] == pytest.approx([120, 1200])
    assert found["departures_usd"] == pytest.approx([1200, 0])
    assert found["change_usd"] == pytest.approx([-380, 1200])


def test_a_delisted_coin_departs_at_its_last_cap_and_a_listed_one_arrives_at_its_first() -> None:
    caps = closes({"a": ([100, None], [1, None]), "b": ([None, 70], [None, 7])})
    found = row(attribution_totals(effects(caps), members({AI: {0: "ab", 1: "ab"}})))

    assert (found["departures_usd"], found["arrivals_usd"], found["change_usd"]) == (100, 70, -30)
    assert sum(found[name] for name in EFFECTS) == 0


def test_nothing_is_said_before_the_second_close_of_a_series() -> None:
    totals = attribution_totals(effects(SWAP), members({AI: {1: "ab"}, ("Portfolios", "mine"): {0: "a", 1: "a"}}))

    assert totals.select("series", "ts").rows() == [("mine", day(1))]


def test_a_narrative_has_the_members_of_its_last_stored_list_and_none_before_the_first() -> None:
    rows = [("ai", "a", 1, day(1)), ("ai", "b", 2, day(1)), ("ai", "c", 1, day(3)), ("ai", "a", 2, day(3))]
    schema: dict[str, Any] = {"series": pl.String, "coin_id": pl.String, "rank": pl.Int32, "ts": TIME}
    stored = pl.DataFrame([*rows, ("ai", "deep", 3, day(3))], schema=schema, orient="row")
    times = pl.Series("ts", [day(number) for number in range(5)], TIME)

    listed = narrative_members(stored, times, top_n=2).sort("ts", "coin_id")

    assert listed.select("ts", "coin_id").rows() == [
        (day(number), coin) for number, coins in {1: "ab", 2: "ab", 3: "ac", 4: "ac"}.items() for coin in coins
    ]


def test_a_portfolio_has_the_same_members_at_each_close() -> None:
    times = pl.Series("ts", [day(0), day(1)], TIME)

    assert portfolio_members({"mine": ["a"]}, times).rows() == [
        ("Portfolios", "mine", "a", day(0)),
        ("Portfolios", "mine", "a", day(1)),
    ]
    assert portfolio_members({}, times).is_empty()


# Each of five coins on each of six days: its cap, none where there is no close, and whether it is a member.
a_day = st.tuples(st.none() | st.floats(1e3, 1e12), st.floats(0.01, 1e4), st.booleans())
markets = st.lists(st.lists(a_day, min_size=6, max_size=6), min_size=5, max_size=5)


@given(markets)
def test_effects_arrivals_and_departures_sum_to_the_change_whatever_the_order(
    market: list[list[tuple[float | None, float, bool]]],
) -> None:
    coins = dict(zip("abcde", market, strict=True))
    attribution = effects(
        closes({coin: ([cap for cap, _, _ in days], [price for _, price, _ in days]) for coin, days in coins.items()}),
        window=3,
    )
    held = {n: "".join(coin for coin, days in coins.items() if days[n][2]) for n in range(6)}
    listed = members({AI: held})
    totals = attribution_totals(attribution, listed)

    sizes = ("market_cap_usd", "market_cap_before_usd", "arrivals_usd", "departures_usd", *EFFECTS)
    gap = pl.col("change_usd") - pl.sum_horizontal(EFFECTS) - pl.col("arrivals_usd") + pl.col("departures_usd")
    largest = attribution.select((pl.col("supply") * pl.col("price_usd")).max()).item() or 0.0
    size = pl.max_horizontal(pl.col(sizes).abs()) + largest
    assert totals.filter(gap.abs() > 1e-9 * size).is_empty()
    levels = totals.select("ts", "market_cap_usd", before=pl.col("market_cap_before_usd").shift(-1))
    assert levels.drop_nulls().filter((pl.col("market_cap_usd") - pl.col("before")).abs() > 1e-6).is_empty()
    shuffled = attribution_totals(attribution, listed.sample(fraction=1, shuffle=True, seed=1))
    assert shuffled.equals(totals)
