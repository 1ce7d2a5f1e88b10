"""The chained index: the methodology's first example, and the laws of a series that is never rewritten."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.transforms.market_caps.index_chain import extend_index
from marketflows_pipeline.transforms.market_caps.index_rule import INDEX, IndexRule
from marketflows_pipeline.transforms.market_caps.index_state import Chain, Extension, MarketData
from marketflows_pipeline_tests.examples import at_most

# The close of the last day of a month is set anew at, the day after it.
START = datetime(2026, 1, 30, tzinfo=UTC)
DAY = timedelta(days=1)
TIME = pl.Datetime("us", "UTC")
RULE = IndexRule("cap", 2, 0, "monthly", ())
LATE = START + 400 * DAY


def at(step: float) -> datetime:
    return START + step * DAY


def nothing_stored() -> Chain:
    text: dict[str, Any] = dict.fromkeys(INDEX, pl.String)
    return Chain(
        pl.DataFrame(
            schema={
                **text, "ts": TIME, "index_version": pl.Int32, "rule": pl.String, "price_index": pl.Float64,
                "cap_index": pl.Float64, "is_backfilled": pl.Boolean,
            }
        ),
        pl.DataFrame(
            schema={
                **text, "coin_id": pl.String, "level": pl.Float64, "cap_level": pl.Float64, "weight": pl.Float64,
                "units": pl.Float64, "cap_units": pl.Float64, "points": pl.Float64, "cap_points": pl.Float64,
                "effective_from": TIME,
            }
        ),
    )  # fmt: skip


def rules(words: str = RULE.words, top_n: int = 2, buffer: int = 0) -> pl.DataFrame:
    return pl.DataFrame(
        [("Narratives", "x", top_n, buffer, words)],
        schema={"category": pl.String, "series": pl.String, "top_n": pl.Int32, "buffer": pl.Int32, "rule": pl.String},
        orient="row",
    )


def listed(*lists: tuple[float, str]) -> pl.DataFrame:
    """Lists of coins by rank, each with the step at which it was known."""
    rows = [
        ("Narratives", "x", at(step), coin, rank, True)
        for step, coins in lists
        for rank, coin in enumerate(coins.split(), 1)
    ]
    return pl.DataFrame(
        rows,
        schema={
            "category": pl.String, "series": pl.String, "ts": TIME, "coin_id": pl.String, "rank": pl.Int32,
            "is_complete": pl.Boolean,
        },
        orient="row",
    )  # fmt: skip


def closes_of(**coins: Sequence[tuple[float, float] | None]) -> pl.DataFrame:
    """Price and cap of each coin at each step; None where there is none."""
    rows = [
        (coin, at(step), float(pair[1]), float(pair[0]))
        for coin, pairs in coins.items()
        for step, pair in enumerate(pairs)
        if pair is not None
    ]
    schema: dict[str, Any] = {
        "coin_id": pl.String, "ts": TIME, "market_cap_usd": pl.Float64, "price_usd": pl.Float64
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row").sort("coin_id", "ts")


def extend(
    closes: pl.DataFrame,
    lists: pl.DataFrame,
    *,
    chain: Chain | None = None,
    steps: tuple[int, int] = (0, 400),
    wanted: pl.DataFrame | None = None,
    rule: IndexRule = RULE,
    now: datetime = LATE,
    answered: dict[str, datetime] | None = None,
) -> Extension:
    times = closes["ts"].unique().sort()
    times = times.filter((times >= at(steps[0])) & (times <= at(steps[1])))
    answers = pl.DataFrame(
        list((answered or {}).items()), schema={"coin_id": pl.String, "answered_at": TIME}, orient="row"
    )
    data = MarketData(lists, closes, times, answers)
    return extend_index(chain or nothing_stored(), rules() if wanted is None else wanted, rule, data, now)


# Prices and caps of A, B and C; the basket is {A, B} at step 0 and {A, C} at the close of step 2, a first of February.
EXAMPLE = closes_of(
    a=[(10, 1000), (11, 1210), (12, 1320), (12, 1320)],
    b=[(20, 1000), (22, 1100), (11, 550), (11, 550)],
    c=[(5, 1500), (4, 1200), (6, 1800), (9, 2700)],
)
LISTS = listed((0, "a b c"), (2, "c a b"))


def test_the_worked_example() -> None:
    done = extend(EXAMPLE, LISTS)

    level = [1, 1.1, 0.875, 1.127404]
    assert done.closes["price_index"].to_list() == pytest.approx([1000 * value for value in level], abs=1e-3)
    assert done.closes["cap_index"].to_list() == pytest.approx([1000, 1155, 935, 1204.712], abs=1e-3)
    assert done.closes["turnover_pct"].to_list() == [None, None, pytest.approx(57.6923, abs=1e-4), None]
    shares = done.contributions.sort("ts", "coin_id").select("coin_id", "contribution_pct").rows()
    expected = [5, 5, 4.5455, -25, 0, 28.8462]
    assert [coin for coin, _ in shares] == ["a", "b", "a", "b", "a", "c"]
    assert [share for _, share in shares] == pytest.approx(expected, abs=1e-4)


def test_equal_weights_drift_until_the_next_reconstitution() -> None:
    done = extend(EXAMPLE, LISTS, rule=IndexRule("equal", 2, 0, "monthly", ()))

    assert done.closes["price_index"].to_list() == pytest.approx([1000, 1100, 875, 1093.75])


def test_contributions_sum_to_the_return_and_points_to_the_level() -> None:
    done = extend(EXAMPLE, LISTS)
    sums = done.contributions.group_by("ts").agg(pl.col("points_before", "points", "contribution_pct").sum()).sort("ts")
    levels = done.closes["price_index"]

    assert sums["points"].to_list() == pytest.approx(levels[1:].to_list())
    assert sums["points_before"].to_list() == pytest.approx(levels[:-1].to_list())
    assert sums["contribution_pct"].to_list() == pytest.approx((100 * levels.pct_change())[1:].to_list())


def test_a_swap_of_members_leaves_the_level() -> None:
    done = extend(EXAMPLE, LISTS)
    new = done.constituents.filter(pl.col("effective_from") == at(2))
    worth = (new["units"] * new["price_usd"]).sum()

    assert new["coin_id"].to_list() == ["a", "c"]
    assert worth == pytest.approx(1, rel=1e-12)


@pytest.mark.slow
def test_what_is_stored_is_carried_on_as_in_one_go() -> None:
    whole = extend(EXAMPLE, LISTS)
    first = extend(EXAMPLE, LISTS, steps=(0, 1))

    # What is older than the last stored close may be gone.
    second = extend(EXAMPLE.filter(pl.col("ts") > at(1)), LISTS, chain=first.chain, steps=(2, 3))

    together = pl.concat([first.closes, second.closes])
    assert together.drop("price_index", "cap_index").equals(whole.closes.drop("price_index", "cap_index"))
    assert together["price_index"].to_list() == pytest.approx(whole.closes["price_index"].to_list(), rel=1e-12)


def test_a_run_that_adds_no_close_sets_nothing_anew() -> None:
    stored = extend(EXAMPLE, LISTS).chain

    again = extend(EXAMPLE, LISTS, chain=stored, steps=(3, 3))

    assert again.closes.is_empty()
    assert again.constituents.is_empty()


def test_a_revised_past_changes_no_stored_close() -> None:
    first = extend(EXAMPLE, LISTS, steps=(0, 1))
    revised = EXAMPLE.with_columns(
        price_usd=pl.when(pl.col("ts") <= at(1)).then(pl.col("price_usd") * 3).otherwise("price_usd")
    )

    second = extend(revised, LISTS, chain=first.chain, steps=(0, 3))

    assert second.closes["ts"].to_list() == [at(2), at(3)]
    assert second.closes["price_index"].to_list() == pytest.approx([875, 1127.404], abs=1e-3)


def test_a_missing_price_is_held_and_coverage_falls_by_its_weight() -> None:
    closes = closes_of(a=[(10, 1000), (11, 1100)], b=[(20, 1000), None])

    done = extend(closes, listed((0, "a b")))

    assert done.closes["price_index"].to_list() == pytest.approx([1000, 1050])
    assert done.closes["coverage_pct"].to_list() == pytest.approx([100, 100 * 550 / 1050])


def test_a_coin_without_a_price_is_not_eligible() -> None:
    closes = closes_of(a=[(10, 1000)] * 4, b=[(20, 900), (20, 900), None, (20, 900)], c=[(5, 100)] * 4)

    done = extend(closes, listed((0, "a b c")))

    assert done.constituents.filter(pl.col("effective_from") == at(2))["coin_id"].to_list() == ["a", "c"]


def test_a_redenomination_changes_the_units_and_not_the_index() -> None:
    closes = closes_of(a=[(10, 1000), (1.0, 1000), (1.1, 1100)], b=[(20, 1000)] * 3)

    done = extend(closes, listed((0, "a b")), steps=(0, 1))
    later = extend(closes, listed((0, "a b")), chain=done.chain, steps=(2, 2))

    assert done.closes["price_index"].to_list() == pytest.approx([1000, 1000])
    assert done.restated.select("coin_id", "unit_factor").rows() == [("a", 10.0)]
    assert later.closes["price_index"].to_list() == pytest.approx([1050])


def test_a_changed_rule_starts_a_version_that_is_chained() -> None:
    first = extend(EXAMPLE, listed((0, "a b c")), steps=(0, 0))
    wanted = rules("another rule", top_n=3)

    second = extend(EXAMPLE, listed((0, "a b c")), chain=first.chain, steps=(1, 3), wanted=wanted)

    members = second.constituents.filter(pl.col("effective_from") == at(1))["coin_id"]
    assert members.sort().to_list() == ["a", "b", "c"]
    assert second.closes["price_index"][0] == pytest.approx(1100)
    assert second.closes["index_version"].to_list() == [1, 2, 2]


def test_before_the_first_list_the_index_is_back_filled() -> None:
    done = extend(EXAMPLE, listed((2, "c a b")))

    assert done.closes["is_backfilled"].to_list() == [True, True, False, False]
    assert done.constituents["reason"][0].startswith("back-filled with the members of 2026-02-01")


@pytest.mark.parametrize(
    ("hours_after", "answered", "last"),
    [(1, {}, 0), (1, {"b": at(1) + timedelta(minutes=5)}, 1), (1, {"b": at(0.9)}, 0), (48, {}, 1)],
)
def test_a_close_waits_for_prices_for_at_most_two_days(hours_after: int, answered: dict[str, Any], last: int) -> None:
    """The service may still answer a request for the history around an outage."""
    closes = closes_of(a=[(10, 1000), (11, 1100)], b=[(20, 1000), None])

    done = extend(closes, listed((0, "a b")), now=at(1) + timedelta(hours=hours_after), answered=answered)

    assert done.closes["ts"].max() == at(last)


def test_three_days_without_a_run_come_from_the_fetched_history() -> None:
    first = extend(EXAMPLE, LISTS, steps=(0, 0), now=at(0) + timedelta(hours=1))

    late = extend(EXAMPLE, LISTS, chain=first.chain, steps=(1, 3), now=at(3) + timedelta(hours=1))

    assert late.closes["ts"].to_list() == [at(1), at(2), at(3)]


moves = st.lists(st.tuples(st.floats(0.7, 1.4), st.floats(0.7, 1.4), st.floats(0.7, 1.4)), min_size=3, max_size=9)


def market(steps: list[tuple[float, float, float]], unit: float = 1.0) -> pl.DataFrame:
    """Three coins whose caps are 100 times their price; the unit of the second one is another."""
    prices = [[10.0, 20.0, 5.0]]
    for step in steps:
        prices.append([price * move for price, move in zip(prices[-1], step, strict=True)])
    units = (1.0, unit, 1.0)
    return closes_of(**{
        coin: [(row[place] * units[place], 100 * row[place]) for row in prices] for place, coin in enumerate("abc")
    })  # fmt: skip


@at_most(40)
@given(moves, st.integers(0, 8))
def test_appended_rows_change_no_past_value(steps: list[tuple[float, float, float]], last: int) -> None:
    lists = listed((0, "a b c"), (2, "c a b"))

    whole = extend(market(steps), lists).closes
    early = extend(market(steps), lists, steps=(0, last)).closes

    assert early.equals(whole.head(early.height))


@at_most(40)
@given(moves, st.sampled_from([1e-6, 0.1, 7.0, 1e9]))
def test_the_unit_of_a_coin_and_the_order_of_coins_do_not_matter(
    steps: list[tuple[float, float, float]], unit: float
) -> None:
    lists = listed((0, "a b c"), (2, "c a b"))
    plain = extend(market(steps), lists).closes["price_index"].to_list()

    restated = extend(market(steps, unit).sample(fraction=1, shuffle=True, seed=1), lists.reverse())

    assert restated.closes["price_index"].to_list() == pytest.approx(plain, rel=1e-12)
