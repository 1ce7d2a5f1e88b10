from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from marketflows_pipeline.transforms.market_caps.dominance import dominance
from marketflows_pipeline_tests.transforms.market_caps.closes_by_day import closes_of, day

CAPS = {"bitcoin": 600.0, "ethereum": 200.0, "tether": 100.0, "solana": 100.0, "wrapped-bitcoin": 50.0, "dust": 1.0}


def rows_of(caps: dict[str, list[float]], **changes: Any) -> pl.DataFrame:
    closes = closes_of({coin: [1.0] * len(each) for coin, each in caps.items()}, caps)
    asked: dict[str, Any] = {"lowest_limit": 10.0, "stablecoins": ["tether"], "excluded": ["tether", "wrapped-bitcoin"]}
    ids = {"bitcoin_id": "bitcoin", "ether_id": "ethereum"}
    return dominance(closes, **(asked | {"first_known": day(0)} | ids | changes))


def test_shares_and_totals_of_a_market_of_1000() -> None:
    (row,) = rows_of({coin: [cap] for coin, cap in CAPS.items()}).rows(named=True)
    assert (row["n"], row["n_stablecoins"], row["total_usd"]) == (4, 1, 1000.0)
    assert row["bitcoin_pct"] == pytest.approx(60.0)
    assert row["ethereum_pct"] == pytest.approx(20.0)
    assert row["stablecoins_pct"] == pytest.approx(10.0)
    assert row["others_pct"] == pytest.approx(10.0)
    assert row["total_without_bitcoin_usd"] == pytest.approx(400.0)
    assert row["total_without_bitcoin_and_ethereum_usd"] == pytest.approx(200.0)
    assert row["total_without_stablecoins_usd"] == pytest.approx(900.0)
    assert row["is_backfilled"] is False


def test_where_no_stablecoin_is_known_their_share_is_unknown_and_not_0() -> None:
    (row,) = rows_of({coin: [cap] for coin, cap in CAPS.items()}, stablecoins=[], excluded=[]).rows(named=True)
    assert (row["stablecoins_pct"], row["others_pct"], row["total_without_stablecoins_usd"]) == (None, None, None)
    assert row["bitcoin_pct"] == pytest.approx(100 * 600 / 1050)


def test_a_day_without_bitcoin_has_no_total() -> None:
    """A missing coin once read as a market that lost two thirds."""
    caps = {coin: [cap] for coin, cap in CAPS.items() if coin != "bitcoin"}
    (row,) = rows_of(caps).rows(named=True)
    assert [row[name] for name in row if name.endswith(("_pct", "_usd"))] == [None] * 8


def test_days_before_the_first_known_cohort_are_those_of_survivors() -> None:
    rows = rows_of({coin: [cap] * 3 for coin, cap in CAPS.items()}, first_known=day(1))
    assert rows["is_backfilled"].to_list() == [True, False, False]
    assert rows_of({coin: [cap] for coin, cap in CAPS.items()}, first_known=None)["is_backfilled"].to_list() == [True]
