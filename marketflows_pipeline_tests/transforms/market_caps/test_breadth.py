from __future__ import annotations

from functools import partial

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from marketflows_pipeline.transforms.market_caps.breadth import BEAT_DAYS, LEAST_COINS
from marketflows_pipeline.transforms.market_caps.breadth import breadth as breadth_of
from marketflows_pipeline.transforms.market_caps.metrics import smoothed
from marketflows_pipeline_tests.examples import at_most
from marketflows_pipeline_tests.transforms.market_caps.closes_by_day import closes_of, day, universe_of

breadth = partial(breadth_of, bitcoin_id="bitcoin")

# Example 6 of the methodology: eight members at a price of 10, then these; bitcoin is none of them.
AFTER = dict(zip("abcdefgh", (11, 11, 11, 11, 12, 9, 9, 10), strict=True))


def eight(before: int = 7) -> pl.DataFrame:
    """The example after so many days on which nothing moved."""
    prices = {coin: [10.0] * before + [float(price)] for coin, price in AFTER.items()}
    return closes_of(prices | {"bitcoin": [100.0] * before + [105.0]})


def last(closes: pl.DataFrame, coins: str = "abcdefgh") -> dict[str, object]:
    days = closes.get_column("ts").n_unique()
    return breadth(closes, universe_of(coins, days)).row(-1, named=True)


def test_the_worked_example() -> None:
    row = last(eight())
    assert (row["n"], row["n_advancing"], row["n_declining"]) == (8, 5, 2)
    assert row["advance_decline"] == pytest.approx(428.571429, abs=1e-6)
    assert row["beat_bitcoin_7d_pct"] == pytest.approx(100 * 5 / 8)
    assert row["median_return_pct"] == pytest.approx(10.0)
    assert row["cap_weighted_return_pct"] == pytest.approx(5.0)
    assert row["median_minus_cap_weighted_pct"] == pytest.approx(5.0)
    assert row["dispersion_pct"] == pytest.approx(10.6904, abs=1e-4)
    assert row["n_effective"] == pytest.approx(84**2 / 890)
    assert row["hhi_index"] == pytest.approx(10_000 * 890 / 84**2)


def test_seven_members_have_a_count_and_no_measure() -> None:
    row = last(eight(), "abcdefg")
    assert (row["n"], row["n_advancing"], row["n_declining"]) == (7, 5, 2)
    measures = [name for name in row if name.endswith("_pct") or name in {"advance_decline", "hhi_index", "mcclellan"}]
    assert [name for name in measures if row[name] is not None] == []


def test_days_on_which_no_coin_moves_have_an_advance_decline_of_zero() -> None:
    rows = breadth(eight(), universe_of("abcdefgh", 8))
    assert rows["advance_decline"].to_list()[:-1] == [0.0] * 6


def test_bitcoin_is_not_in_the_denominator_and_equal_is_not_beaten() -> None:
    closes = closes_of({coin: [10.0] * 7 + [11.0] for coin in "abcdefg"} | {"h": [10.0] * 7 + [11.1]})
    with_bitcoin = pl.concat([closes, closes_of({"bitcoin": [100.0] * 7 + [110.0]})])
    row = last(with_bitcoin, "abcdefgh")
    assert (row["n_beat_7d"], row["beat_bitcoin_7d_pct"]) == (8, 12.5)
    both = breadth(with_bitcoin, universe_of([*"abcdefgh", "bitcoin"], 8)).row(-1, named=True)
    assert (both["n"], both["n_beat_7d"], both["beat_bitcoin_7d_pct"]) == (9, 8, 12.5)


def test_without_a_price_of_bitcoin_nobody_has_beaten_it() -> None:
    row = last(closes_of({coin: [10.0, 11.0] for coin in "abcdefgh"}))
    assert [row[f"beat_bitcoin_{days}d_pct"] for days in BEAT_DAYS] == [None, None, None]


def test_a_coin_without_a_price_at_both_closes_is_no_part_of_any_measure() -> None:
    late: dict[str, list[float | None]] = {coin: [10.0, 11.0] for coin in "abcdefgh"}
    rows = breadth(closes_of(late | {"new": [None, 50.0]}), universe_of([*"abcdefgh", "new"], 1))
    assert rows.select("n", "n_members", "n_effective").row(0) == (8, 9, pytest.approx(8.0))


def test_a_coin_counts_above_its_average_once_it_has_as_many_closes() -> None:
    """A coin listed last week is not "above its 200-day average"."""
    rising = [float(price) for price in range(10, 31)]
    prices: dict[str, list[float | None]] = {coin: [*rising] for coin in "abcdefgh"}
    rows = breadth(closes_of(prices), universe_of("abcdefgh", 21))
    # Day 19 has the 20th close.
    assert rows.filter(pl.col("ts") == day(18)).row(0, named=True)["above_ema_20_pct"] is None
    assert rows.filter(pl.col("ts") == day(19)).row(0, named=True)["above_ema_20_pct"] == 100.0
    assert rows.row(-1, named=True)["above_ema_50_pct"] is None


def test_members_are_those_of_the_close_before() -> None:
    """What joins on the day of its own jump had not been a member when it jumped."""
    prices = {coin: [10.0, 10.0, 10.0] for coin in "abcdefgh"} | {"jump": [10.0, 20.0, 20.0]}
    joined = pl.concat([universe_of("abcdefgh", 3), universe_of(["jump"], 3).filter(pl.col("ts") >= day(1))])
    rows = breadth(closes_of(prices), joined)
    assert rows["n"].to_list() == [8, 9]
    assert rows["n_advancing"].to_list() == [0, 0]


def test_the_oscillator_begins_after_38_steps_and_is_zero_while_breadth_is_constant() -> None:
    # Five rise and three fall, day after day: 250.
    prices = {coin: [10.0 * 1.01**step for step in range(42)] for coin in "abcde"}
    prices |= {coin: [10.0 * 0.99**step for step in range(42)] for coin in "fgh"}
    oscillator = breadth(closes_of(prices), universe_of("abcdefgh", 42))["mcclellan"]
    assert oscillator.to_list()[:38] == [None] * 38
    assert oscillator[38:].to_list() == pytest.approx([0.0] * 3)


def test_an_average_keeps_nulls_and_ages_the_past_across_them() -> None:
    """Example 7 of the methodology, span 2."""
    average = pl.DataFrame({"x": [3.0, 6.0, None, 9.0]}).select(smoothed(pl.col("x"), 2)).to_series()
    assert average.to_list() == [3.0, 5.0, None, pytest.approx(8.428571, abs=1e-6)]


def test_a_day_without_closes_is_a_row_without_coins() -> None:
    closes = closes_of({coin: [10.0, 11.0, None, 12.0, 13.0] for coin in "abcdefgh"})
    rows = breadth(closes, universe_of("abcdefgh", 5))
    assert rows["ts"].to_list() == [day(1), day(2), day(3), day(4)]
    assert rows["n"].to_list() == [8, 0, 0, 8]
    assert rows["advance_decline"].to_list() == [1000.0, None, None, 1000.0]


def test_churn_is_0_for_the_same_order_and_2_for_the_reverse() -> None:
    coins = "abcdefgh"
    up = {coin: [float(place + 1)] * 8 for place, coin in enumerate(coins)}
    assert last(closes_of(up))["rank_churn_7d"] == pytest.approx(0.0)
    reverse = {coin: [float(place + 1)] * 7 + [float(8 - place)] for place, coin in enumerate(coins)}
    assert last(closes_of(reverse))["rank_churn_7d"] == pytest.approx(2.0)


def test_equal_caps_have_no_order_and_so_no_churn() -> None:
    assert last(closes_of(dict.fromkeys("abcdefgh", [10.0] * 8)))["rank_churn_7d"] is None


prices_of_coins = st.lists(
    st.lists(st.floats(0.01, 1e5), min_size=10, max_size=10), min_size=LEAST_COINS, max_size=LEAST_COINS + 2
)


@at_most(40)
@given(prices_of_coins, st.randoms(use_true_random=False))
def test_no_measure_depends_on_the_order_of_rows_or_the_unit_of_a_coin(
    prices: list[list[float]], random: object
) -> None:
    of_coins = {f"c{place}": list(row) for place, row in enumerate(prices)}
    closes, members = closes_of(of_coins), universe_of(of_coins, 10)
    plain = breadth(closes, members)
    assert_frame_equal(breadth(closes.reverse(), members.reverse()), plain, rel_tol=1e-9, abs_tol=1e-9)
    # A power of two changes no digit.
    restated = closes.with_columns(
        pl.when(pl.col("coin_id") == "c0").then(pl.col("price_usd") * 1024).otherwise("price_usd").alias("price_usd")
    )
    assert_frame_equal(breadth(restated, members), plain, rel_tol=1e-9, abs_tol=1e-9)


@at_most(40)
@given(prices_of_coins)
def test_appending_days_changes_no_row_before(prices: list[list[float]]) -> None:
    of_coins = {f"c{place}": row for place, row in enumerate(prices)}
    closes, members = closes_of(of_coins), universe_of(of_coins, 10)
    short = breadth(closes.filter(pl.col("ts") <= day(6)), members.filter(pl.col("ts") <= day(6)))
    assert_frame_equal(breadth(closes, members).filter(pl.col("ts") <= day(6)), short, rel_tol=1e-9, abs_tol=1e-9)


@at_most(40)
@given(prices_of_coins)
def test_shares_lie_between_0_and_100_and_concentration_between_its_bounds(prices: list[list[float]]) -> None:
    of_coins = {f"c{place}": row for place, row in enumerate(prices)}
    rows = breadth(closes_of(of_coins), universe_of(of_coins, 10))
    shares = rows.select(pl.col("^(above|beat)_.*_pct$")).unpivot()["value"].drop_nulls()
    assert shares.is_between(0, 100).all()
    assert rows["advance_decline"].is_between(-1000, 1000).all()
    assert (rows["n_effective"] <= rows["n"] * (1 + 1e-9)).all()
    assert (rows["hhi_index"] <= 10_000 * (1 + 1e-9)).all()
