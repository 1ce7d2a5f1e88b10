from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl
import pytest

from marketflows_pipeline.transforms.exchanges.league import NO_FLOW, NO_WALLETS, NOT_TRACKED, exchange_league
from marketflows_pipeline.transforms.exchanges.netflow_sums import PARTS, REASONS, league_totals, sum_netflow
from marketflows_pipeline.transforms.exchanges.positions import exchange_positions
from marketflows_pipeline_tests.transforms.exchanges.frames import assert_in_shape, day, rows_of, snapshot_of

EXCHANGES = rows_of(
    "core.exchanges",
    *(
        {"exchange_key": key, "name": key.capitalize(), "defillama_slug": slug, "is_tracked": tracked}
        for key, slug, tracked in [
            ("binance", "binance-cex", True),
            ("kraken", "kraken", True),
            ("gdax", None, True),
            ("okex", "okx", False),
        ]
    ),
)


def netflows(flows: Mapping[str, Mapping[int, float | None]]) -> pl.DataFrame:
    """Exchange to days ago to net flow; reserves are 1,000."""
    return rows_of(
        "mart.exchange_netflow",
        *(
            {"slug": slug, "day": day(ago), "previous_day": day(ago + 1), "netflow_mid_usd": flow, "reserves_usd": 1e3}
            for slug, by_day in flows.items()
            for ago, flow in by_day.items()
        ),
    )


SNAPSHOT = snapshot_of(
    {"name": "Binance", "slug": "binance-cex", "inflows_24h_usd": -5.0, "inflows_1w_usd": 9.0, "current_tvl_usd": 9.0},
    {"name": "OKX", "slug": "okx", "inflows_24h_usd": 3.0},
    {"name": "Bitget", "slug": "bitget", "inflows_24h_usd": -1.0},
    {"name": "Upbit"},
)


def league(netflow: pl.DataFrame, snapshot: pl.DataFrame = SNAPSHOT) -> pl.DataFrame:
    found = exchange_league(netflow, snapshot, EXCHANGES)
    assert_in_shape(found, "mart.exchange_league")
    return found


def of(found: pl.DataFrame, key: str, period: int, *columns: str) -> tuple[Any, ...]:
    return found.filter(exchange_key=key, period_days=period).select(columns).row(0)


def test_net_flow_is_summed_over_the_last_days_of_the_newest_record_of_any_exchange() -> None:
    found = league(netflows({"binance-cex": {0: 50.0, 1: None, 6: -20.0, 7: 1e6}, "kraken": {1: 7.0, 29: 3.0}}))

    columns = ("netflow_mid_usd", "days_known", "from_day", "to_day", "netflow_pct_of_reserves", "rank")
    assert of(found, "binance", 1, *columns) == (50.0, 1, day(1), day(0), 5.0, 1)
    assert of(found, "binance", 7, *columns) == (30.0, 2, day(7), day(0), 3.0, 1)
    # Kraken's record of today is missing: its last day is yesterday, and of one day nothing is known.
    assert of(found, "kraken", 1, *columns) == (None, 0, None, None, None, None)
    assert of(found, "kraken", 30, *columns) == (10.0, 2, day(30), day(1), 1.0, 2)


def test_a_flow_over_missing_records_counts_where_the_period_holds_all_of_their_days() -> None:
    """A record after nine missing days made a week's net flow of ten days'."""
    rows = netflows({"binance-cex": {5: 40.0, 2: 5.0, 0: 1.0}}).with_columns(
        previous_day=pl.Series([day(14), day(5), day(2)])
    )

    found = league(rows)

    columns = ("netflow_mid_usd", "days_known", "from_day", "to_day")
    assert of(found, "binance", 1, *columns) == (None, 0, None, None)
    assert of(found, "binance", 7, *columns) == (6.0, 2, day(5), day(0))
    assert of(found, "binance", 30, *columns) == (46.0, 3, day(14), day(0))


def test_signs_are_compared_where_both_are_known_and_neither_is_nothing() -> None:
    found = league(netflows({"binance-cex": {0: 50.0}, "kraken": {0: 0.0}}))

    assert of(found, "binance", 1, "defillama_inflow_usd", "signs_differ") == (-5.0, True)
    assert of(found, "binance", 7, "defillama_inflow_usd", "signs_differ") == (9.0, False)
    assert of(found, "binance", 30, "defillama_inflow_usd", "signs_differ") == (None, None)
    assert of(found, "kraken", 1, "netflow_mid_usd", "signs_differ") == (0.0, None)


def test_every_tracked_and_every_listed_exchange_stands_there_with_the_reason() -> None:
    found = league(netflows({"binance-cex": {0: 50.0}, "okx": {0: 9.0}}))

    rows = found.filter(period_days=1).select("exchange_key", "is_tracked", "netflow_mid_usd", "reason").rows()
    assert rows == [
        ("binance", True, 50.0, None),
        ("bitget", False, None, NOT_TRACKED),
        ("gdax", True, None, NO_WALLETS),
        ("kraken", True, None, NO_FLOW),
        # Its records are of a time when it was tracked.
        ("okex", False, None, NOT_TRACKED),
        ("upbit", False, None, NOT_TRACKED),
    ]


def test_before_the_first_record_or_overview_there_are_exchanges_without_figures() -> None:
    found = league(netflows({}), snapshot_of())

    assert found.filter(period_days=7).select("exchange_key", "reason").rows() == [
        ("binance", NO_FLOW),
        ("gdax", NO_WALLETS),
        ("kraken", NO_FLOW),
    ]


def test_a_sum_leaves_out_a_flow_that_began_before_its_period() -> None:
    parts = dict.fromkeys((*PARTS, "left_out_usd", "left_out_gross_usd", "tvl_change_usd"), 1.0)
    parts |= {f"left_out_{reason}_usd": 0.0 for reason in REASONS}
    records = [{**parts, "day": day(3), "previous_day": day(9)}, {**parts, "day": day(0), "previous_day": day(3)}]

    found = sum_netflow(records, since=day(7))

    assert (found["netflow_mid_usd"], found["netflow_days"], found["netflow_from_day"]) == (1.0, 1, day(3))
    assert sum_netflow(records, since=day(9))["netflow_mid_usd"] == 2.0


def test_totals_count_what_came_in_and_went_out_by_either_measure() -> None:
    rows = league(netflows({"binance-cex": {0: 50.0}, "kraken": {0: -20.0}})).filter(period_days=1).to_dicts()

    totals = league_totals(rows)
    sums = ("total_in_usd", "total_out_usd", "net_usd", "n_in", "n_out", "n_unknown")
    assert [totals["netflow"][key] for key in sums] == [50.0, -20.0, 30.0, 1, 1, 1]
    assert [totals["defillama"][key] for key in sums] == [3.0, -6.0, -3.0, 1, 2, 3]
    assert (totals["n_compared"], totals["n_signs_differ"]) == (1, 1)
    assert league_totals([])["netflow"]["net_usd"] is None


POSITIONS = snapshot_of(
    {
        "name": "Binance",
        "slug": "binance-cex",
        "open_interest_usd": 30.0,
        "leverage": 0.2,
        "spot_volume_usd": 10.0,
        "derivatives_volume_usd": 40.0,
    },
    {"name": "OKX", "slug": "okx", "open_interest_usd": 10.0, "spot_volume_usd": 30.0},
)
HELD = rows_of(
    "mart.exchange_netflow_by_class",
    *(
        {"slug": slug, "day": day(ago), "asset_class": name, "reserves_usd": usd}
        for slug, ago, name, usd in [
            ("binance-cex", 0, "stablecoins", 25.0),
            ("binance-cex", 0, "btc", 75.0),
            ("binance-cex", 1, "stablecoins", 99.0),
            ("okx", 3, "btc", 8.0),
        ]
    ),
)


def test_open_interest_volumes_and_stablecoins_stand_side_by_side() -> None:
    found = exchange_positions(POSITIONS, HELD, EXCHANGES)
    assert_in_shape(found, "mart.exchange_positions")

    shares = ("open_interest_share_pct", "spot_share_pct", "derivatives_share_pct", "derivatives_of_volume_pct")
    assert found.filter(exchange_key="binance").select(shares).row(0) == pytest.approx((75.0, 25.0, 100.0, 80.0))
    assert found.filter(exchange_key="okex").select(shares).row(0) == pytest.approx((25.0, 75.0, None, None))
    held = ("stablecoins_day", "stablecoin_reserves_usd", "stablecoin_reserves_pct", "leverage")
    assert found.filter(exchange_key="binance").select(held).row(0) == (day(0), 25.0, 25.0, 0.2)
    # Its newest record holds no stablecoins at all.
    assert found.filter(exchange_key="okex").select(held).row(0) == (day(3), 0.0, 0.0, None)


def test_reserves_that_nobody_knows_are_null() -> None:
    found = exchange_positions(POSITIONS, HELD.clear(), EXCHANGES)

    assert found["stablecoin_reserves_usd"].to_list() == [None, None]
