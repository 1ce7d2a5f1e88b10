from __future__ import annotations

import math
from typing import Any

import polars as pl
import pytest

from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.exchanges.volume_flows import exchange_flows
from marketflows_pipeline_tests.transforms.exchanges.frames import (
    assert_in_shape,
    exchanges_of,
    moment,
    rows_of,
    volumes_of,
)
from marketflows_pipeline_tests.transforms.frames import pick

NO_VOLUMES = table("core.exchange_volumes").empty()


def flows_of(
    *listed: dict[str, Any],
    volumes: pl.DataFrame = NO_VOLUMES,
    exchanges: pl.DataFrame | None = None,
    price: float | None = 100.0,
) -> pl.DataFrame:
    rows = ({"observed_at": moment(0, 9), "name": row["exchange_id"].title(), **row} for row in listed)
    flows = exchange_flows(
        rows_of("raw.exchanges", *rows),
        volumes,
        exchanges_of() if exchanges is None else exchanges,
        btc_price_usd=price,
        inflow_pct=10.0,
        outflow_pct=-10.0,
    )
    assert_in_shape(flows, "mart.exchange_flows")
    return flows


def past_of(*ids: str) -> pl.DataFrame:
    """A past of 100 BTC a day for a week."""
    return volumes_of({each: dict.fromkeys(range(1, 8), 100.0) for each in ids})


def test_places_shares_and_dollars_are_over_all_exchanges_with_a_volume() -> None:
    flows = flows_of(
        {"exchange_id": "a", "volume_24h_btc": 25.0},
        {"exchange_id": "b", "volume_24h_btc": None},
        {"exchange_id": "c", "volume_24h_btc": 75.0},
        {"exchange_id": "d", "volume_24h_btc": 0.0},
    )

    assert flows.select("exchange_id", "rank", "market_share_pct", "volume_24h_usd").rows() == [
        ("a", 2, 25.0, 2500.0),
        ("b", None, None, None),
        ("c", 1, 75.0, 7500.0),
        ("d", 3, 0.0, 0.0),
    ]


def test_equal_volumes_are_placed_by_id() -> None:
    flows = flows_of({"exchange_id": "b", "volume_24h_btc": 1.0}, {"exchange_id": "a", "volume_24h_btc": 1.0})

    assert flows["rank"].to_list() == [1, 2]


def test_without_a_price_there_are_no_dollars() -> None:
    flows = flows_of({"exchange_id": "a", "volume_24h_btc": 25.0}, price=None)

    assert flows.select("btc_price_usd", "volume_24h_usd").rows() == [(None, None)]


@pytest.mark.parametrize(
    ("volume", "change", "direction"),
    [
        (110.0, 10.0, "inflow"),
        (109.0, 9.0, "stable"),
        (100.0, 0.0, "stable"),
        (91.0, -9.0, "stable"),
        (90.0, -10.0, "outflow"),
    ],
)
def test_the_direction_is_that_of_the_volume_against_its_week(volume: float, change: float, direction: str) -> None:
    # the thresholds themselves belong to the outer classes
    flows = flows_of({"exchange_id": "a", "volume_24h_btc": volume}, volumes=past_of("a"))

    assert flows["volume_7d_mean_btc"].to_list() == [100.0]
    assert flows["volume_change_pct"].to_list() == pytest.approx([change])
    assert flows["flow_direction"].to_list() == [direction]


def test_without_a_past_or_a_volume_there_is_no_direction() -> None:
    flows = flows_of(
        {"exchange_id": "young", "volume_24h_btc": 5.0},
        {"exchange_id": "silent", "volume_24h_btc": None},
        {"exchange_id": "woken", "volume_24h_btc": 5.0},
        volumes=pl.concat([past_of("silent"), volumes_of({"woken": dict.fromkeys(range(1, 8), 0.0)})]),
    )

    assert flows["volume_change_pct"].to_list() == [None, None, None]
    assert flows["flow_direction"].to_list() == [None, None, None]
    assert dict(flows.select("exchange_id", "history_days").rows()) == {"silent": 7, "woken": 7, "young": 0}


def test_the_zscore_is_the_distance_from_the_mean_of_sixty_days_in_deviations() -> None:
    # ten times 4 and ten times 6: mean 5, sample deviation sqrt(20 / 19)
    past = {ago: 4.0 if ago % 2 else 6.0 for ago in range(1, 21)}

    flows = flows_of({"exchange_id": "a", "volume_24h_btc": 8.0}, volumes=volumes_of({"a": {0: 8.0, **past}}))

    assert flows["volume_zscore"].to_list() == pytest.approx([3 / math.sqrt(20 / 19)])
    assert flows["history_days"].to_list() == [20]


def test_today_is_the_day_of_the_observation_in_utc() -> None:
    # at 0:30 of the next day yesterday's 500 is the past: (500 + 3 x 100) / 4
    volumes = volumes_of({"a": {0: 500.0, 1: 100.0, 2: 100.0, 3: 100.0}})

    flows = flows_of({"exchange_id": "a", "volume_24h_btc": 200.0, "observed_at": moment(-1, 0.5)}, volumes=volumes)

    assert flows["volume_7d_mean_btc"].to_list() == [200.0]


def test_an_exchange_last_listed_yesterday_is_compared_with_the_days_before_that() -> None:
    volumes = volumes_of({each: {0: 900.0, 1: 500.0, **dict.fromkeys(range(2, 9), 100.0)} for each in ("a", "tail")})

    flows = flows_of(
        {"exchange_id": "a", "volume_24h_btc": 900.0},
        {"exchange_id": "tail", "volume_24h_btc": 500.0, "observed_at": moment(1, 23)},
        volumes=volumes,
    )

    # a: (500 + 6 x 100) / 7
    assert flows["volume_7d_mean_btc"].to_list() == pytest.approx([1100 / 7, 100.0])
    assert flows["observed_at"].to_list() == [moment(0, 9), moment(1, 23)]


def test_trust_is_a_heuristic_beside_the_direction_and_an_exchange_without_a_score_has_none() -> None:
    scores = {"ten": 10.0, "seven": 7.0, "six": 6.0, "five": 5.0, "none": None}

    flows = flows_of(*({"exchange_id": each, "trust_score": score} for each, score in scores.items()))

    assert dict(flows.select("exchange_id", "trust_heuristic").rows()) == {
        "ten": "inflow", "seven": "stable", "six": "stable", "five": "outflow", "none": None,
    }  # fmt: skip
    assert flows["flow_direction"].null_count() == 5


def test_what_the_map_says_stands_beside_and_an_exchange_it_lacks_is_not_tracked() -> None:
    exchanges = exchanges_of(centralised=["a"], decentralised=["b"], tracked=["a"])

    flows = flows_of({"exchange_id": "a"}, {"exchange_id": "b"}, {"exchange_id": "c"}, exchanges=exchanges)

    assert flows.select("is_centralised", "is_tracked").rows() == [(True, True), (False, False), (None, False)]


def test_what_the_service_gives_is_passed_on() -> None:
    given = {
        "exchange_id": "a",
        "trust_score_rank": 3,
        "year_established": 2017,
        "country": "Malta",
        "url": "https://a",
    }

    flows = flows_of(given)

    assert {column: pick(flows, column)[0] for column in given} == given
    assert pick(flows, "observed_at") == [moment(0, 9)]


def test_without_a_listing_there_are_no_flows() -> None:
    assert flows_of().is_empty()
