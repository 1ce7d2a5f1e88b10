"""Two providers side by side: what is compared is of one coin and one time, or not compared."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl

from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.market_caps.provider_differences import compare_caps, differing

NOW = datetime(2026, 10, 10, 12, 5, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def own(*rows: tuple[str, datetime, float | None, float | None]) -> pl.DataFrame:
    schema = {name: table("raw.market_caps").polars_schema[name] for name in ("coin_id", "ts", "market_cap_usd")}
    frame = pl.DataFrame(rows, schema={**schema, "price_usd": pl.Float64()}, orient="row")
    return frame.with_columns(source=pl.lit("coingecko:markets"))


def checked(*rows: tuple[str, datetime | None, float | None, float | None]) -> pl.DataFrame:
    given = ("coin_id", "ts", "market_cap_usd", "price_usd")
    entry = table("raw.cross_check_caps").polars_schema
    frame = pl.DataFrame(rows, schema={name: entry[name] for name in given}, orient="row")
    return frame.with_columns(
        provider=pl.lit("coinpaprika"),
        observed_at=pl.lit(NOW),
        other_id=pl.concat_str(pl.lit("x-"), "coin_id"),
        mapping_rule=pl.lit("settings"),
        source=pl.lit("coinpaprika:tickers"),
        fetched_at=pl.lit(NOW),
    ).select(pl.col(name).cast(dtype) for name, dtype in entry.items())


def test_the_observation_nearest_to_the_others_own_time_is_compared() -> None:
    mine = own(
        ("bitcoin", NOW - 60 * MINUTE, 100.0, 10.0),
        ("bitcoin", NOW - 12 * MINUTE, 110.0, 11.0),
        ("ethereum", NOW - 9 * MINUTE, 1.0, 1.0),
        ("bitcoin", NOW, 150.0, 15.0),
    )

    row = compare_caps(mine, checked(("bitcoin", NOW - 10 * MINUTE, 121.0, 11.0))).row(0, named=True)

    assert (row["cap_usd"], row["other_cap_usd"]) == (110.0, 121.0)
    assert round(row["difference_pct"], 9) == 10.0
    assert row["price_difference_pct"] == 0.0
    assert (row["ts"], row["cap_as_of"], row["other_cap_as_of"]) == (NOW, NOW - 12 * MINUTE, NOW - 10 * MINUTE)
    assert (row["source"], row["other_source"]) == ("coingecko:markets", "coinpaprika:tickers")
    assert (row["other_id"], row["provider"], row["mapping_rule"]) == ("x-bitcoin", "coinpaprika", "settings")


def test_what_is_more_than_two_hours_apart_is_not_compared() -> None:
    """A ticker that was three hours old differed from ours by a move of the market."""
    mine = own(("bitcoin", NOW, 100.0, None), ("solana", NOW, 100.0, None))
    found = compare_caps(
        mine, checked(("bitcoin", NOW - 121 * MINUTE, 100.0, None), ("solana", NOW - 120 * MINUTE, 100.0, None))
    )
    assert found["coin_id"].to_list() == ["solana"]


def test_a_figure_without_a_time_counts_as_of_the_check() -> None:
    found = compare_caps(own(("bitcoin", NOW - MINUTE, 100.0, 1.0)), checked(("bitcoin", None, 90.0, None)))
    assert found.select("other_cap_as_of", "price_difference_pct").row(0) == (NOW, None)


def test_a_cap_that_is_missing_is_no_difference_of_100_percent() -> None:
    """A cap of 0 stands beside a live price where a supply is not verified."""
    mine = own(*((coin, NOW, cap, 1.0) for coin, cap in (("a", 1.0), ("b", 1.0), ("c", None), ("d", 0.0))))
    theirs = checked(("a", NOW, 0.0, 1.0), ("b", NOW, None, 1.0), ("c", NOW, 1.0, 1.0), ("d", NOW, 1.0, 1.0))

    found = compare_caps(mine, theirs)

    assert found.is_empty()
    assert found.schema == pl.Schema(table("core.provider_comparison").polars_schema)


def test_more_than_ten_percent_either_way_differs() -> None:
    mine = own(*((coin, NOW, 100.0, 1.0) for coin in "abcd"))
    caps = {"a": 110.0, "b": 111.0, "c": 90.0, "d": 89.0}

    found = differing(compare_caps(mine, checked(*((coin, NOW, cap, 1.0) for coin, cap in caps.items()))))

    assert found["coin_id"].to_list() == ["b", "d"]
