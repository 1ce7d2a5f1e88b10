"""What makes one token of two names, two bases or two records: names, redenominations, quarantined rows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from marketflows_pipeline.transforms.exchanges.token_aliases import ALIASES
from marketflows_pipeline.transforms.exchanges.token_flows import token_flows
from marketflows_pipeline_tests.transforms.exchanges.wallets import (
    NOBODY,
    Record,
    balances_of,
    flows_between,
    moment,
    on,
)


@pytest.mark.parametrize("is_back", [False, True])
def test_a_redenomination_is_no_flow(is_back: bool) -> None:
    """A thousand times the quantity at a thousandth of the price read as an inflow of 49.95 M."""
    old, new = {"X": (1e6, 50e6)}, {"X": (1e9, 50e6)}
    flows = flows_between(new, old) if is_back else flows_between(old, new)

    row = flows["X"]
    assert (row["flow_usd"], row["flow_mid_usd"], row["price_effect_usd"], row["reason"]) == (0, 0, 0, None)
    assert row["basis_ratio"] == pytest.approx(1e-3 if is_back else 1e3)


@pytest.mark.parametrize(("value", "is_rebased"), [(51e6, True), (52.5e6, True), (53e6, False), (47.4e6, False)])
def test_jumps_cancel_within_five_percent(value: float, is_rebased: bool) -> None:
    row = flows_between({"X": (1e6, 50e6)}, {"X": (1e9, value)})["X"]

    assert (row["basis_ratio"] is not None) == is_rebased
    assert (row["flow_usd"] == 0) == is_rebased
    if is_rebased:
        assert row["price_effect_usd"] == row["price_effect_mid_usd"] == value - 50e6


def test_jumps_cancel_beside_the_market_of_the_other_exchanges() -> None:
    """On a day on which the market rose by 8 % a slip of three decimals was no change of basis but absurd."""
    rise: Mapping[float, Record] = {0: {"X": (1e6, 50e6)}, 1: {"X": (1e6, 54e6)}}
    market = dict.fromkeys(("a", "b", "c"), rise)
    odd: Mapping[str, Mapping[float, Record]] = {"x": {0: {"X": (1e6, 50e6)}, 1: {"X": (1e3, 54e6)}}}
    rows = token_flows(balances_of({**market, **odd}), NOBODY).filter(slug="x", day=on(1)).to_dicts()

    assert [(row["flow_usd"], row["price_effect_usd"]) for row in rows] == [(0, 4e6)]
    (alone,) = token_flows(balances_of(odd), NOBODY).filter(slug="x", day=on(1)).to_dicts()
    assert alone["reason"] == "absurd"


def test_a_price_that_crashed_with_a_steady_quantity_is_price_effect() -> None:
    row = flows_between({"X": (1e6, 50e6)}, {"X": (1.1e6, 0.55e6)})["X"]

    assert (row["basis_ratio"], row["reason"]) == (None, None)
    assert row["flow_mid_usd"] == pytest.approx(1e5 * 25.25)


def test_a_quarantined_record_makes_its_token_neither_vanish_nor_appear() -> None:
    """A row that was left out for its price read as 3 M that vanished, and as 3 M that were new a day later."""
    balances = balances_of({"x": {day: {"CASH": (1e6, 1e6 + day), "X": (1e6, 3e6)} for day in range(4)}})
    left_out = (pl.col("token") == "X") & (pl.col("ts") == moment(1))
    rows = token_flows(
        balances.filter(~left_out), NOBODY, balances.filter(left_out).select("slug", "ts", "token")
    ).filter(token="X")

    assert rows.select("day", "reason", "left_out_usd").rows() == [
        (on(0), None, None), (on(1), "quarantined", -3e6), (on(2), "quarantined", 3e6), (on(3), None, None),
    ]  # fmt: skip


def test_a_quarantined_part_leaves_the_joined_token_out() -> None:
    """What is left of ETH without its WETH is no flow."""
    balances = balances_of({"x": {day: {"ETH": (60.0, 180_000.0 + day)} for day in range(2)}})
    quarantined = balances_of({"x": {1: {"WETH": (40.0, 12e6)}}}).select("slug", "ts", "token")
    (row,) = token_flows(balances, NOBODY, quarantined).filter(day=on(1)).to_dicts()

    assert row["reason"] == "quarantined"


RENAMED = [
    ("MATIC", "POL"),
    ("WMATIC", "POL"),
    ("USDC", "USDC.e"),
    ("USDC.E", "USDC"),
    ("USDC", "USDbC"),
    ("axlUSDC", "USDC"),
    ("coingecko:bridged-usdc-polygon-pos-bridge", "USDC"),
    ("TRX", "TRON"),
    ("coingecko:tron", "TRX"),
    ("EUROC", "EURC"),
    ("MATIC", "pol"),
    ("USDC", "usdc"),
    ("coingecko:matic-network", "coingecko:polygon-ecosystem-token"),
]


@pytest.mark.parametrize(("old", "new"), RENAMED)
@pytest.mark.parametrize("is_back", [False, True])
def test_a_token_under_a_new_name_has_not_moved(old: str, new: str, is_back: bool) -> None:
    """60 % of the reserves were renamed on one day: an outflow of 30 M, with nothing left out to tell of it."""
    before, now = (new, old) if is_back else (old, new)
    flows = flows_between({before: (50e6, 50e6)}, {now: (52e6, 52e6)})

    (row,) = flows.values()
    assert (row["reason"], row["flow_usd"]) == (None, 2e6)


def test_an_own_token_goes_by_all_its_names() -> None:
    flows = flows_between({"TRON": (5e6, 1e6)}, {"TRX": (9e6, 1.8e6)}, own="TRX")

    assert flows["TRX"]["reason"] == "own_token"


def test_every_alias_is_dated_leads_to_no_further_alias_and_stands_in_the_documentation() -> None:
    decision = (Path(__file__).parents[3] / "docs" / "decisions" / "0005-exchange-net-flow.md").read_text()
    names = {alias.name.upper() for alias in ALIASES}

    assert len(names) == len(ALIASES)
    for alias in ALIASES:
        assert alias.token.upper() not in names
        assert date(2015, 7, 30) < alias.since <= date(2026, 11, 28)
        assert f"`{alias.name}`" in decision
