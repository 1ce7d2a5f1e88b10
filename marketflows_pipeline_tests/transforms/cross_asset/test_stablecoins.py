from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest

from marketflows_pipeline.transforms.cross_asset.stablecoins import stablecoin_issuance
from marketflows_pipeline.transforms.cross_asset.supply import daily_supply
from marketflows_pipeline_tests.transforms.cross_asset.frames import assert_in_shape, rows_of

Observed = tuple[str, int, int, float | None, float | None]


def observations(*rows: Observed) -> pl.DataFrame:
    """Coin, day and hour of March, market cap, price."""
    return rows_of(
        "raw.market_caps",
        *(
            {"coin_id": coin, "ts": datetime(2026, 3, day, hour, tzinfo=UTC), "market_cap_usd": cap, "price_usd": price}
            for coin, day, hour, cap, price in rows
        ),
    )


def issuance(*rows: Observed) -> list[tuple[object, ...]]:
    frame = stablecoin_issuance(observations(*rows), ["usdt", "usdc"])
    assert_in_shape(frame, "core.stablecoin_issuance")
    return frame.select("coin_id", pl.col("day").dt.day(), "supply", "issuance_usd").rows()


def test_issuance_is_the_change_of_supply_at_a_dollar_and_not_that_of_the_market_cap() -> None:
    # 100 coins at 1.00, then 110 at 0.90: the cap falls to 99 while ten coins are issued
    assert issuance(("usdt", 1, 0, 100.0, 1.0), ("usdt", 2, 0, 99.0, 0.9)) == [
        ("usdt", 1, 100, None),
        ("usdt", 2, pytest.approx(110), pytest.approx(10)),
    ]


def test_the_last_observation_of_a_day_in_utc_stands_for_it() -> None:
    rows = issuance(("usdt", 1, 23, 120.0, 1.0), ("usdt", 1, 5, 100.0, 1.0), ("usdt", 2, 0, 150.0, 1.0))

    assert rows == [("usdt", 1, 120, None), ("usdt", 2, 150, 30)]


def test_after_a_gap_issuance_is_unknown() -> None:
    rows = issuance(("usdt", 1, 0, 100.0, 1.0), ("usdt", 3, 0, 150.0, 1.0), ("usdt", 4, 0, 140.0, 1.0))

    assert [row[3] for row in rows] == [None, None, -10]


def test_each_coin_has_a_past_of_its_own_and_others_are_passed_over() -> None:
    rows = issuance(("usdt", 1, 0, 100.0, 1.0), ("usdc", 2, 0, 40.0, 1.0), ("bitcoin", 2, 0, 9.0, 3.0))

    assert rows == [("usdc", 2, 40, None), ("usdt", 1, 100, None)]


def test_an_observation_without_a_price_says_nothing_of_the_supply() -> None:
    rows = issuance(("usdt", 1, 0, 100.0, 1.0), ("usdt", 1, 9, 130.0, None), ("usdt", 1, 10, 130.0, 0.0))

    assert rows == [("usdt", 1, 100, None)]


def test_supply_goes_by_the_symbol_of_the_universe() -> None:
    seen = observations(("bitcoin", 1, 0, 200.0, 10.0), ("bitcoin", 1, 23, 300.0, 10.0), ("solana", 1, 0, 1.0, 1.0))
    coins = pl.DataFrame({"symbol": ["BTC"], "coin_id": ["bitcoin"]})

    supply = daily_supply(seen, coins)

    assert supply.columns == ["symbol", "session", "supply", "market_cap_usd", "price_usd"]
    assert supply.drop("session").rows() == [("BTC", 30, 300, 10)]
