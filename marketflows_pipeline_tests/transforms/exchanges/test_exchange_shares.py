"""Shares of a day: of the whole market, of each kind of exchange, of those tracked."""

from __future__ import annotations

from typing import Any

import polars as pl

from marketflows_pipeline.transforms.exchanges.id_map import exchange_map
from marketflows_pipeline_tests.transforms.exchanges.frames import (
    CHART,
    day,
    exchanges_of,
    ids_of,
    listed_of,
    moment,
    shares_of,
    snapshot_of,
    volumes_of,
)
from marketflows_pipeline_tests.transforms.frames import pick


def test_spot_shares_are_over_all_and_over_each_kind_apart() -> None:
    exchanges = exchanges_of(centralised=["a", "b"], decentralised=["x"])

    shares = shares_of(volumes_of({"a": {0: 60.0}, "b": {0: 20.0}, "x": {0: 20.0}}), exchanges)

    assert shares.select("segment", "exchange_key", "rank", "value", "share_pct").rows() == [
        ("all", "a", 1, 60.0, 60.0),
        ("all", "b", 2, 20.0, 20.0),
        ("all", "x", 3, 20.0, 20.0),
        ("centralised", "a", 1, 60.0, 75.0),
        ("centralised", "b", 2, 20.0, 25.0),
        ("decentralised", "x", 1, 20.0, 100.0),
    ]
    assert shares["name"].to_list()[0] == "A"


def test_an_exchange_of_unknown_kind_counts_in_all_only_even_if_the_map_lacks_it() -> None:
    unknown_kind = exchange_map(listed_of("a"), snapshot_of(), ids_of(), {}, [])

    shares = shares_of(volumes_of({"a": {0: 1.0}, "b": {0: 3.0}}), unknown_kind)

    assert shares.select("segment", "exchange_key", "name", "share_pct").rows() == [
        ("all", "a", "A", 25.0),
        ("all", "b", "b", 75.0),
    ]


def test_a_volume_of_zero_is_not_measured_in_shares() -> None:
    shares = shares_of(volumes_of({"a": {0: 5.0}, "b": {0: 0.0}}))

    assert shares.select("exchange_key", "share_pct").rows() == [("a", 100.0)]


def test_the_time_of_a_day_is_that_of_its_newest_observation_in_the_segment() -> None:
    volumes = pl.concat([volumes_of({"a": {0: 1.0}}, hour=9), volumes_of({"b": {0: 1.0}}, hour=10)])

    assert shares_of(volumes)["ts"].to_list() == [moment(0, 10), moment(0, 10)]


def test_days_before_the_first_list_say_nothing_about_the_market_but_do_about_the_tracked() -> None:
    exchanges = exchanges_of(centralised=["a", "b", "c"], tracked=["a", "b"])
    charts = volumes_of({"a": {2: 30.0, 1: 30.0}, "b": {2: 10.0, 1: 10.0}}, source=CHART)
    # the chart of b reaches into the day of the first list, and counts there
    listed = pl.concat([volumes_of({"a": {0: 30.0}, "c": {0: 50.0}}), volumes_of({"b": {0: 20.0}}, source=CHART)])

    shares = shares_of(pl.concat([charts, listed]), exchanges)

    assert pick(shares, "day", segment="all") == [day(0)] * 3
    assert pick(shares, "share_pct", segment="centralised") == [30.0, 20.0, 50.0]
    assert shares.filter(segment="tracked").select("day", "exchange_key", "share_pct").rows() == [
        (day(2), "a", 75.0),
        (day(2), "b", 25.0),
        (day(1), "a", 75.0),
        (day(1), "b", 25.0),
        (day(0), "a", 60.0),
        (day(0), "b", 40.0),
    ]


def test_a_list_of_any_service_counts_as_one() -> None:
    assert shares_of(volumes_of({"a": {0: 1.0}}, source="tutorial:exchanges")).height == 1
    assert shares_of(volumes_of({"a": {0: 1.0}}, source="tutorial:volume_chart")).is_empty()


def test_the_tracked_segment_leaves_out_days_on_which_one_of_the_set_has_a_gap() -> None:
    exchanges = exchanges_of(centralised=["a", "b", "never"], tracked=["a", "b", "never"])
    ten_days = dict.fromkeys(range(10), 1.0)
    volumes = volumes_of({"a": ten_days, "b": {ago: 1.0 for ago in ten_days if ago != 4}})

    days = pick(shares_of(volumes, exchanges), "day", segment="tracked")

    assert sorted(set(days)) == [day(ago) for ago in range(9, -1, -1) if ago != 4]
    assert len(days) == 18


def test_a_tracked_exchange_that_closed_does_not_end_the_segment() -> None:
    names = ["a", "b", "closed"]
    exchanges = exchanges_of(centralised=names, tracked=names)
    volumes = volumes_of({"a": {2: 1.0, 1: 1.0, 0: 1.0}, "b": {2: 3.0, 1: 3.0, 0: 3.0}, "closed": {2: 3.0, 1: 0.0}})

    tracked = shares_of(volumes, exchanges).filter(segment="tracked")

    assert tracked.select("day", "exchange_key", "share_pct").rows() == [
        (day(ago), key, share) for ago in (2, 1, 0) for key, share in (("a", 25.0), ("b", 75.0))
    ]


def reserves_of(*rows: dict[str, Any], days_ago: int = 0, hour: float = 12) -> pl.DataFrame:
    return snapshot_of(*rows, days_ago=days_ago).with_columns(observed_at=pl.lit(moment(days_ago, hour)))


def test_reserves_and_derivatives_are_shared_among_measured_centralised_exchanges_and_the_tracked_of_them() -> None:
    snapshots = reserves_of(
        {"name": "A", "slug": "a-cex", "current_tvl_usd": 75.0, "derivatives_volume_usd": 8.0},
        {"name": "B", "slug": "b-cex", "current_tvl_usd": 25.0},
        {"name": "Coinbase", "coingecko_id": "gdax", "derivatives_volume_usd": 2.0},
        {"name": "D", "slug": "d", "current_tvl_usd": 0.0, "derivatives_volume_usd": -1.0},
    )
    exchanges = exchange_map(listed_of("a", "gdax"), snapshots, ids_of(), {"a": "a-cex"}, ["a-cex", "gdax"])

    shares = shares_of(exchanges=exchanges, snapshots=snapshots)

    assert shares.select("measure", "segment", "exchange_key", "value", "share_pct").rows() == [
        ("derivatives_volume", "centralised", "a", 8.0, 80.0),
        ("derivatives_volume", "centralised", "gdax", 2.0, 20.0),
        ("derivatives_volume", "tracked", "a", 8.0, 80.0),
        ("derivatives_volume", "tracked", "gdax", 2.0, 20.0),
        ("reserves", "centralised", "a", 75.0, 75.0),
        ("reserves", "centralised", "b-cex", 25.0, 25.0),
        ("reserves", "tracked", "a", 75.0, 100.0),
    ]


def test_the_last_snapshot_of_each_day_counts() -> None:
    row = {"name": "A", "slug": "a"}
    snapshots = pl.concat(
        [
            reserves_of({**row, "current_tvl_usd": 1.0}, days_ago=1),
            reserves_of({**row, "current_tvl_usd": 2.0}, {"name": "B", "slug": "b", "current_tvl_usd": 9.0}, hour=9),
            reserves_of({**row, "current_tvl_usd": 3.0}, hour=10),
        ]
    )

    shares = shares_of(snapshots=snapshots)

    assert shares.select("day", "ts", "exchange_key", "value").rows() == [
        (day(1), moment(1, 12), "a", 1.0),
        (day(0), moment(0, 10), "a", 3.0),
    ]


def test_two_rows_of_one_exchange_count_once_with_the_larger_value() -> None:
    snapshots = snapshot_of(
        {"name": "A", "slug": "a", "current_tvl_usd": 1.0}, {"name": "A2", "slug": "a", "current_tvl_usd": 4.0}
    )

    assert shares_of(snapshots=snapshots).select("exchange_key", "value").rows() == [("a", 4.0)]
