from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from marketflows_pipeline.transforms.exchanges.asset_classes import asset_class
from marketflows_pipeline.transforms.exchanges.netflow import exchange_netflow
from marketflows_pipeline.transforms.exchanges.netflow_by_class import netflow_by_class
from marketflows_pipeline.transforms.exchanges.netflow_sums import sum_by_class
from marketflows_pipeline.transforms.exchanges.token_flows import token_flows
from marketflows_pipeline_tests.transforms.exchanges.frames import assert_in_shape, exchanges_of
from marketflows_pipeline_tests.transforms.exchanges.wallets import NOBODY, Record, balances_of, on, tvl_of

SHARES = pl.DataFrame(schema={"exchange_key": pl.String, "day": pl.Date, "share_pct": pl.Float64})
INFLOWS = pl.DataFrame(
    schema={"slug": pl.String, "day": pl.Date, **{f"inflows_{each}_usd": pl.Float64 for each in ("24h", "1w", "1m")}}
)


def both(*records: Record) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Net flow by class, and that of the exchange, of records of following days."""
    flows = token_flows(balances_of({"x": dict(enumerate(records))}), NOBODY)
    netflow = exchange_netflow(flows, tvl_of({}), exchanges_of(), SHARES, INFLOWS)
    by_class = netflow_by_class(flows, netflow)
    assert_in_shape(by_class, "mart.exchange_netflow_by_class")
    return by_class, netflow


def of(by_class: pl.DataFrame, name: str, day: int, *columns: str) -> tuple[Any, ...]:
    return by_class.filter(asset_class=name, day=on(day)).select(columns).row(0)


@pytest.mark.parametrize(
    ("token", "name"),
    [
        ("BTC", "btc"),
        ("WBTC", "btc"),
        ("eth", "eth"),
        # Earns a yield, so that one of it is more than one ether.
        ("WSTETH", "other"),
        ("USDT", "stablecoins"),
        ("usdc", "stablecoins"),
        # A euro is no dollar.
        ("EURC", "other"),
        ("SOL", "other"),
    ],
)
def test_a_token_has_the_class_of_its_symbol(token: str, name: str) -> None:
    assert pl.select(asset_class(pl.lit(token))).item() == name


def test_flows_are_summed_by_class_in_dollars_and_in_units() -> None:
    # BTC 10 -> 12 at (100 + 110) / 2 thousand = 210,000; WBTC 1 -> 0.5 at 105,000 = -52,500.
    # USDT -500,000 and USDC +200,000 at a dollar; SOL 1,000 -> 1,100 at 100 = 10,000.
    by_class, _ = both(
        {"BTC": (10, 1e6), "WBTC": (1, 1e5), "USDT": (2e6, 2e6), "USDC": (1e6, 1e6), "SOL": (1e3, 1e5)},
        {"BTC": (12, 1.32e6), "WBTC": (0.5, 55e3), "USDT": (1.5e6, 1.5e6), "USDC": (1.2e6, 1.2e6), "SOL": (1100, 11e4)},
    )  # fmt: skip

    columns = ("netflow_mid_usd", "netflow_units", "reserves_usd", "reserves_units", "n_tokens_kept")
    assert of(by_class, "btc", 1, *columns) == pytest.approx((157_500.0, 1.5, 1.375e6, 12.5, 2))
    assert of(by_class, "stablecoins", 1, *columns) == pytest.approx((-3e5, -3e5, 2.7e6, 2.7e6, 2))
    assert of(by_class, "other", 1, *columns) == pytest.approx((1e4, None, 1.1e5, None, 1))
    # 11 and 0.75 bitcoins in the mean, each 10,000 dearer.
    assert of(by_class, "btc", 1, "price_effect_mid_usd")[0] == pytest.approx(117_500.0)


def test_the_first_record_has_reserves_and_no_flow() -> None:
    by_class, _ = both({"BTC": (10, 1e6)})

    assert of(by_class, "btc", 0, "netflow_mid_usd", "netflow_units", "reserves_usd") == (None, None, 1e6)


def test_a_class_without_a_kept_token_has_no_flow_rather_than_none_moved() -> None:
    """All stablecoins are new: nobody can tell a deposit from a new label."""
    by_class, netflow = both({"BTC": (10, 1e6)}, {"BTC": (11, 1.1e6), "USDT": (5e5, 5e5)})

    assert of(by_class, "stablecoins", 1, "netflow_mid_usd", "reserves_usd", "n_tokens_kept") == (None, 5e5, 0)
    assert netflow.filter(day=on(1))["netflow_mid_usd"].item() == pytest.approx(1e5)


def test_classes_sum_to_the_exchange() -> None:
    by_class, netflow = both(
        {"BTC": (10, 1e6), "ETH": (100, 3e5), "USDT": (2e6, 2e6), "SOL": (1e3, 1e5), "OLD": (1, 5e4)},
        {"BTC": (11, 1.2e6), "ETH": (80, 2.9e5), "USDT": (2.5e6, 2.5e6), "SOL": (9e2, 1.3e5), "NEW": (2, 7e4)},
    )

    for column in ("netflow_mid_usd", "price_effect_mid_usd", "reserves_usd"):
        assert by_class.filter(day=on(1))[column].sum() == pytest.approx(netflow.filter(day=on(1))[column].item())


def test_sums_over_days_and_exchanges_take_the_newest_reserves_of_each() -> None:
    rows = [
        {
            "slug": slug,
            "day": on(day),
            "asset_class": "btc",
            "netflow_mid_usd": flow,
            "price_effect_mid_usd": None,
            "netflow_units": None if flow is None else flow / 100,
            "reserves_usd": held,
            "reserves_units": None,
        }
        for slug, day, flow, held in [("a", 2, 300.0, 7.0), ("a", 1, -100.0, 5.0), ("b", 1, None, 11.0)]
    ]

    assert sum_by_class(rows) == [
        {
            "asset_class": "btc",
            "netflow_mid_usd": 200.0,
            "price_effect_mid_usd": None,
            "netflow_units": 2.0,
            "reserves_usd": 18.0,
            "reserves_units": None,
            "n_exchanges": 1,
        }
    ]
    assert sum_by_class([]) == []
