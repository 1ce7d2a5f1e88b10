"""Sums over tags and wrapped coins, on lists small enough to check by eye."""

from __future__ import annotations

import polars as pl
import pytest

from marketflows_pipeline.providers.coinpaprika.parsers import CAP_CHANGE, TICKER_SCHEMA, Tag
from marketflows_pipeline.providers.coinpaprika.tags import is_wrapped, tag_figures
from marketflows_pipeline.providers.protocols.market_caps import CATEGORY_SCHEMA


def listed(*rows: tuple[str, float | None, float | None, float | None]) -> pl.DataFrame:
    """Tickers of ids with their caps, changes of caps and volumes."""
    columns = ["coin_id", "market_cap_usd", CAP_CHANGE, "volume_usd"]
    given = pl.DataFrame(rows, schema={name: TICKER_SCHEMA[name] for name in columns}, orient="row")
    named = given.with_columns(name="coin_id")
    return named.select(
        (pl.col(name) if name in named.columns else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in TICKER_SCHEMA.items()
    )


TICKERS = listed(
    ("a-a", 300.0, 50.0, 10.0),
    ("w-w", 200.0, 0.0, 20.0),
    ("b-b", 100.0, None, 5.0),
    ("c-c", 80.0, -20.0, None),
    ("z-z", None, None, 1.0),
)


def figures(*coins: str) -> tuple[object, ...]:
    """Cap, change, volume and largest coins of a tag of these coins; w-w is wrapped."""
    rows = tag_figures({"t": Tag("T", frozenset(coins))}, TICKERS, {"w-w"})
    assert rows.schema == CATEGORY_SCHEMA
    return rows.row(0)[2:]


def test_cap_and_volume_are_sums_and_the_change_is_that_of_the_sum() -> None:
    """Of a-a and c-c the sum was 200 + 100 a day before and is 300 + 80 now; b-b does not say what it was."""
    cap, change, volume, largest = figures("a-a", "b-b", "c-c", "x-outside")

    assert (cap, volume, largest) == (480.0, 15.0, "a-a,b-b,c-c")
    assert change == pytest.approx(100 * (380 / 300 - 1))


def test_wrapped_coins_count_only_where_there_are_no_others() -> None:
    assert figures("a-a", "w-w") == (300.0, pytest.approx(50.0), 10.0, "a-a")
    assert figures("w-w") == (200.0, 0.0, 20.0, "w-w")


def test_what_is_unknown_is_null_and_not_0() -> None:
    assert figures("x-outside") == figures() == (None, None, None, None)
    assert figures("b-b") == (100.0, None, 5.0, "b-b")
    assert figures("c-c")[2] is None
    assert figures("z-z") == (None, None, 1.0, None)


def test_a_cap_that_lost_all_of_its_value_spoils_no_sum() -> None:
    rows = tag_figures(
        {"t": Tag("T", frozenset({"a-a", "d-d"}))}, listed(("a-a", 1.0, 0.0, 1.0), ("d-d", 1.0, -100.0, 1.0)), ()
    )

    assert rows["market_cap_change_24h_pct"].to_list() == [0.0]


def test_every_tag_has_a_row_the_largest_first() -> None:
    tags = {"none": Tag("None", None), "small": Tag("Small", frozenset({"c-c"})), "large": Tag("L", frozenset({"a-a"}))}

    assert tag_figures(tags, TICKERS, ())["category_id"].to_list() == ["large", "small", "none"]


@pytest.mark.parametrize(
    ("coin_id", "name", "is_it"),
    [
        ("x-x", "Wrapped Bitcoin", True),
        ("x-x", "Avalanche Bridged USDT", True),
        ("x-x", "lido STAKED ether", True),
        ("x-x", "Restaked Swell ETH", True),
        ("x-x", "Wrappedly Staking Bridge", False),
        ("weth-weth", "WETH", True),
        ("tagged-one", "Plain", True),
        ("x-x", "Bitcoin", False),
    ],
)
def test_wrapped_coins_are_told_by_tag_id_and_whole_words(coin_id: str, name: str, is_it: bool) -> None:
    row = pl.DataFrame({"coin_id": [coin_id], "name": [name]})

    assert row.select(is_wrapped({"tagged-one"})).item() is is_it
