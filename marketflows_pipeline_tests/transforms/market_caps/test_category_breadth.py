from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any

import polars as pl
import pytest

from marketflows_pipeline.transforms.market_caps.category_breadth import PERIODS
from marketflows_pipeline.transforms.market_caps.category_breadth import category_breadth as breadth_of
from marketflows_pipeline_tests.transforms.market_caps.closes_by_day import TIME, day

category_breadth = partial(breadth_of, bitcoin_id="bitcoin")


def page(changes: Mapping[str, float | None], caps: dict[str, float] | None = None) -> pl.DataFrame:
    """One page at day 0, the same changes over each period."""
    rows = [
        ("ai", "ai", day(0), coin, (caps or {}).get(coin, 100.0 + (change or 0.0)), change, change, change)
        for coin, change in changes.items()
    ]
    schema: dict[str, Any] = {
        "series": pl.String,
        "stored_as": pl.String,
        "observed_at": TIME,
        "coin_id": pl.String,
        "market_cap_usd": pl.Float64,
        **dict.fromkeys(PERIODS.values(), pl.Float64),
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def bitcoin(change: float, minutes: int = 0) -> pl.DataFrame:
    schema: dict[str, Any] = {"observed_at": TIME} | dict.fromkeys(PERIODS.values(), pl.Float64)
    return pl.DataFrame([(day(0) + timedelta(minutes=minutes), change, change, change)], schema=schema, orient="row")


# Example 6 of the methodology, as a page gives it: caps of 100 before.
EIGHT = dict(zip("abcdefgh", (10.0, 10.0, 10.0, 10.0, 20.0, -10.0, -10.0, 0.0), strict=True))


def test_the_worked_example_from_a_page() -> None:
    rows = category_breadth(page(EIGHT), bitcoin(5.0, minutes=3))
    assert rows["days"].to_list() == [1, 7, 30]
    for row in rows.rows(named=True):
        assert (row["n_listed"], row["n"], row["n_advancing"], row["n_declining"]) == (8, 8, 5, 2)
        assert row["advancing_pct"] == pytest.approx(62.5)
        assert row["median_change_pct"] == pytest.approx(10.0)
        assert row["cap_weighted_change_pct"] == pytest.approx(5.0)
        assert row["median_minus_cap_weighted_pct"] == pytest.approx(5.0)
        assert row["dispersion_pct"] == pytest.approx(10.6904, abs=1e-4)
        assert (row["beat_bitcoin_pct"], row["bitcoin_change_pct"]) == (pytest.approx(62.5), 5.0)


def test_a_coin_without_a_change_is_listed_and_not_counted() -> None:
    row = category_breadth(page(EIGHT | {"young": None}), bitcoin(5.0)).row(0, named=True)
    assert (row["n_listed"], row["n"], row["advancing_pct"]) == (9, 8, 62.5)


@pytest.mark.parametrize("impossible", [1e300, -1e300, -100.1, 1.1e8])
def test_an_impossible_change_counts_as_an_unknown_one(impossible: float) -> None:
    """A change of 1e300 % had no finite dispersion, and no hour was published until its page was 92 days old."""
    rows = category_breadth(page(EIGHT | {"slip": impossible}), bitcoin(5.0))
    known = category_breadth(page(EIGHT | {"slip": None}), bitcoin(5.0))
    assert rows.drop("n_listed").equals(known.drop("n_listed"))
    assert category_breadth(page(EIGHT), bitcoin(impossible))["bitcoin_change_pct"].is_null().all()


def test_seven_coins_have_a_count_and_no_measure() -> None:
    row = category_breadth(page(dict(list(EIGHT.items())[:7])), bitcoin(5.0)).row(0, named=True)
    assert (row["n"], row["n_advancing"]) == (7, 5)
    assert [row[name] for name in row if name.endswith("_pct") and name != "bitcoin_change_pct"] == [None] * 6


def test_bitcoin_of_another_hour_is_beaten_by_nobody() -> None:
    row = category_breadth(page(EIGHT), bitcoin(5.0, minutes=90)).row(0, named=True)
    assert (row["beat_bitcoin_pct"], row["bitcoin_change_pct"]) == (None, None)


def test_a_coin_that_lost_everything_weighs_nothing() -> None:
    row = category_breadth(page(EIGHT | {"dead": -100.0}, {"dead": 0.0}), bitcoin(5.0)).row(0, named=True)
    assert row["n_declining"] == 3
    assert row["cap_weighted_change_pct"] == pytest.approx(5.0)


def test_a_page_stored_under_a_former_slug_too_counts_once() -> None:
    once = page(EIGHT)
    twice = pl.concat([once, once.with_columns(stored_as=pl.lit("artificial-intelligence"))])
    assert category_breadth(twice, bitcoin(5.0)).equals(category_breadth(once, bitcoin(5.0)))


def test_no_page_is_no_row() -> None:
    assert category_breadth(page({}), bitcoin(5.0)).is_empty()
