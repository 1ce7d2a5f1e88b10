"""What is said of a session is made of that session and earlier ones, in every table of the cross-asset part.

Each table is computed from a market that ends early and from the whole one: whatever both say of the same row must be
equal. The one exception is when the newest flow could be known, since holidays to come are not known here.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, time
from functools import cache

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.cross_asset.asset_flows import asset_flows
from marketflows_pipeline.transforms.cross_asset.correlations import correlations
from marketflows_pipeline.transforms.cross_asset.flow_map import flow_map
from marketflows_pipeline.transforms.cross_asset.flow_rankings import flow_rankings
from marketflows_pipeline.transforms.cross_asset.pressure import pressure
from marketflows_pipeline.transforms.cross_asset.regimes import regimes
from marketflows_pipeline.transforms.cross_asset.rolling_stats import rolling_stats
from marketflows_pipeline.transforms.cross_asset.stablecoins import stablecoin_issuance
from marketflows_pipeline_tests.examples import at_most
from marketflows_pipeline_tests.transforms.cross_asset.frames import (
    bars_of,
    column,
    day,
    flows_of,
    rows_of,
    shares_of,
    splits_of,
    supply_of,
    universe_of,
)

N_DAYS = 460
FUNDS, COINS = ("SPY", "GLD", "IBIT", "QQQ"), ("BTC",)
UNIVERSE = universe_of(*FUNDS, ("BTC", "crypto", "supply")).with_columns(
    asset_group=pl.when(pl.col("symbol") == "IBIT").then(pl.lit("spot crypto funds"))
)
NAMES = pl.DataFrame({"symbol": FUNDS, "name": FUNDS})


@dataclass(frozen=True)
class Market:
    """All that the tables are made of."""

    bars: pl.DataFrame
    shares: pl.DataFrame
    actions: pl.DataFrame
    supply: pl.DataFrame
    volatility: pl.DataFrame
    observations: pl.DataFrame

    def until(self, end: date) -> Market:
        """As it stood on that day."""
        at = datetime.combine(end, time.max, UTC)
        cut = {each.name: getattr(self, each.name) for each in fields(self)}
        return Market(
            **{
                name: frame.filter(pl.col("ts") <= at if "ts" in frame.columns else pl.col("session") <= end)
                for name, frame in cut.items()
            }
        )


@cache
def market() -> Market:
    """Four funds, one of them listed later, one without shares; holes, a split, holidays, a re-count of supply."""
    dice = random.Random(11)

    def walk(days: list[date], start: float, step: float) -> dict[date, float]:
        value, values = start, {}
        for each in days:
            value *= math.exp(dice.gauss(0.0002, step))
            values[each] = value
        return values

    days = [day(number) for number in range(N_DAYS)]
    sessions = [each for number, each in enumerate(days) if each.isoweekday() < 6 and number % 61]
    own = {each: sessions[200:] if each == "IBIT" else sessions for each in FUNDS}
    closes = {each: walk(own[each], 100, 0.01) for each in FUNDS} | {"BTC": walk(days, 5e4, 0.03)}
    volumes = {
        symbol: {each: dice.uniform(1e5, 1e6) if dice.random() > 0.01 else None for each in of_days}
        for symbol, of_days in closes.items()
    }
    shares = {
        each: {at: count for at, count in walk(own[each], 1e6, 0.01).items() if dice.random() > 0.03}
        for each in ("SPY", "GLD", "IBIT")
    }
    navs = {"GLD": {at: value * 1.001 for at, value in closes["GLD"].items()}}
    supply = {at: (count, closes["BTC"][at]) for at, count in walk(days, 2e7, 0.001).items() if dice.random() > 0.02}
    vix = {each: walk(sessions, 18, 0.05) for each in ("VIX", "VIX3M")}
    coins = {each: walk(days, 1e9, 0.01) for each in ("usdt", "usdc")}
    return Market(
        bars=bars_of(
            closes,
            volumes,
            coins=COINS,
            high_usd={symbol: {at: 1.01 * each for at, each in by_date.items()} for symbol, by_date in closes.items()},
            low_usd={symbol: {at: 0.98 * each for at, each in by_date.items()} for symbol, by_date in closes.items()},
        ),
        shares=shares_of(shares, navs),
        actions=splits_of({"SPY": {sessions[20]: 10.0}}),
        supply=supply_of({"BTC": supply}),
        volatility=rows_of(
            "raw.volatility_index",
            *(
                {"index_name": name, "session": at, "close": close}
                for name, by_date in vix.items()
                for at, close in by_date.items()
                if dice.random() > 0.02
            ),
        ),
        observations=rows_of(
            "raw.market_caps",
            *(
                {"coin_id": coin, "ts": datetime.combine(at, time(hour), UTC), "market_cap_usd": cap, "price_usd": 1.0}
                for coin, by_date in coins.items()
                for at, cap in by_date.items()
                for hour in (3, 20)
                if dice.random() > 0.1
            ),
        ),
    )


def flows(of: Market) -> pl.DataFrame:
    return asset_flows(of.bars, of.shares, of.actions, of.supply, UNIVERSE)


def regimes_of(of: Market) -> pl.DataFrame:
    return regimes(
        of.volatility,
        flows(of),
        risk_on_below=0.33,
        risk_off_above=0.8,
        hysteresis=0.05,
        confirm_sessions=3,
        ratio_pairs=(("QQQ", "SPY"), ("BTC", "GLD"), ("IBIT", "GLD")),
    )


TABLES: dict[str, Callable[[Market], pl.DataFrame]] = {
    "core.asset_flows": flows,
    "core.stablecoin_issuance": lambda of: stablecoin_issuance(of.observations, ["usdt", "usdc"]),
    "mart.rolling_stats": lambda of: rolling_stats(flows(of), [5, 63]),
    "mart.correlations": lambda of: correlations(flows(of), 21),
    "mart.regimes": regimes_of,
    "mart.pressure": lambda of: pressure(of.bars, flows(of)),
}


@cache
def whole(name: str) -> pl.DataFrame:
    return TABLES[name](market())


@pytest.mark.parametrize("name", TABLES)
@at_most(12)
@given(st.integers(30, N_DAYS))
def test_appending_later_rows_changes_nothing_that_was_said(name: str, n_days: int) -> None:
    early = TABLES[name](market().until(day(n_days)))

    # of a week under way the newest session stands, so its row is not among the later ones
    both = early.join(whole(name), on=table(name).key, how="semi", maintain_order="left")
    later = whole(name).join(early, on=table(name).key, how="semi", maintain_order="left")
    assert both.height >= early.height - (10 if name == "mart.correlations" else 0)
    if name == "core.asset_flows":
        is_newest = pl.col("session") == early["session"].max()
        both, later = (each.with_columns(known_at=pl.when(~is_newest).then("known_at")) for each in (both, later))
    assert_frame_equal(both, later, rel_tol=1e-12, abs_tol=1e-12)


@pytest.mark.parametrize("name", TABLES)
def test_the_market_tries_every_measure(name: str) -> None:
    # columns of nulls would prove nothing
    frame = whole(name)
    assert [each for each in frame.columns if frame[each].null_count() == frame.height] == []


@at_most(8)
@given(st.integers(90, N_DAYS))
def test_rankings_and_map_of_a_session_are_those_that_were_made_on_it(n_days: int) -> None:
    end = day(n_days)
    then = flow_rankings(flows(market().until(end)), NAMES, [1, 21])
    now = flow_rankings(whole("core.asset_flows").filter(pl.col("session") <= end), NAMES, [1, 21])

    assert_frame_equal(then, now, rel_tol=1e-12)
    for include in (False, True):
        assert_frame_equal(flow_map(then, include_issuance=include), flow_map(now, include_issuance=include))


def test_a_split_to_come_changes_no_figure_in_dollars_of_the_day() -> None:
    # on the eve of a 10:1 split closes are as traded, after it they are a tenth and volumes tenfold
    eve = flows_of(bars_of({"A": [500.0, 510.0]}, volumes={"A": [3.0, 4.0]}), shares_of({"A": [100.0, 110.0]}))
    after = flows_of(
        bars_of({"A": [50.0, 51.0, 52.0]}, volumes={"A": [30.0, 40.0, 50.0]}),
        shares_of({"A": [100.0, 110.0, 1100.0]}),
        splits={"A": {day(2): 10.0}},
    ).head(2)

    assert column(eve, "close_usd") != column(after, "close_usd")
    assert_frame_equal(eve.drop("close_usd", "known_at"), after.drop("close_usd", "known_at"), rel_tol=1e-12)
