"""Laws of token flows that hold for any two records."""

from __future__ import annotations

import math
from typing import cast

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.transforms.exchanges.token_flows import token_flows
from marketflows_pipeline_tests.transforms.exchanges.wallets import (
    NOBODY,
    Holding,
    Record,
    balances_of,
    flows_between,
    on,
    own_tokens_of,
)

quantities = st.one_of(st.none(), st.just(0.0), st.floats(1e-2, 1e6), st.floats(-1e6, -1e-2))
prices = st.one_of(st.none(), st.just(0.0), st.floats(1e-3, 1e4))
tokens = st.sampled_from(["A", "B", "C", "D", "OWN"])


@st.composite
def records(draw: st.DrawFn) -> dict[str, Holding]:
    held = draw(st.dictionaries(tokens, st.tuples(quantities, prices), min_size=1))
    return {
        token: (quantity, None if quantity is None or price is None else quantity * price)
        for token, (quantity, price) in held.items()
    }


def naive_row(  # noqa: PLR0911 - a rule a line
    before: Holding | None, now: Holding | None, limit: float, is_own: bool
) -> tuple[str | None, float]:
    """Reason and flow by the rules as one would say them, one token at a time."""
    was_there, is_there = (side is not None and side[0] != 0 for side in (before, now))
    if is_own:
        return "own_token", 0.0
    if any(side and figure is not None and figure < 0 for side in (before, now) for figure in side or ()):
        return "negative", 0.0
    if any(there and side and (None in side or side[1] == 0) for there, side in ((was_there, before), (is_there, now))):
        return "unpriced", 0.0
    if was_there != is_there:
        return ("new" if is_there else "vanished"), 0.0
    if not was_there:
        return "dust", 0.0
    (q0, v0), (q1, v1) = cast("tuple[tuple[float, float], ...]", (before, now))
    if v0 < limit or v1 < limit:
        return "dust", 0.0
    flow = (q1 - q0) * (v0 / q0 if v0 > v1 else v1 / q1)
    return ("absurd", 0.0) if abs(flow) / 2 > max(v0, v1) else (None, flow)


@given(records(), records())
def test_every_token_is_treated_as_the_rules_say(before: dict[str, Holding], now: dict[str, Holding]) -> None:
    # Distinct amounts of cash, far below the relative limit, keep the records from being repetitions.
    before, now = {**before, "CASH": (1.0, 1.0)}, {**now, "CASH": (2.0, 2.0)}
    flows = token_flows(balances_of({"x": {0: before, 1: now}}), own_tokens_of({"x": "OWN"})).filter(day=on(1))

    totals = [math.fsum(v or 0 for t, (_, v) in side.items() if t != "OWN") for side in (before, now)]
    limit = max(10_000, min(totals) / 10_000)
    expected = {t: naive_row(before.get(t), now.get(t), limit, t == "OWN") for t in {*before, *now}}
    assert dict(flows.select("token", "reason").rows()) == {t: reason for t, (reason, _) in expected.items()}
    kept = flows.filter(pl.col("reason").is_null())
    assert kept["flow_usd"].to_list() == pytest.approx([expected[t][1] for t in kept["token"]], rel=1e-12)


@given(records(), records())
def test_flow_and_price_effect_add_up_to_the_change_of_value(
    before: dict[str, Holding], now: dict[str, Holding]
) -> None:
    kept = token_flows(balances_of({"x": {0: before, 1: now}}), NOBODY).filter(pl.col("flow_usd").is_not_null())

    sums, changes = kept["flow_usd"] + kept["price_effect_usd"], kept["value_usd"] - kept["value_before_usd"]
    scale = pl.max_horizontal("value_usd", "value_before_usd")
    assert ((sums - changes).abs() <= 1e-9 * kept.select(scale).to_series()).all()


@given(st.dictionaries(tokens, st.tuples(st.floats(1.0, 1e6), st.floats(1e-2, 1e4), st.floats(1e-2, 1e4)), min_size=1))
def test_prices_alone_move_nothing(held: dict[str, tuple[float, float, float]]) -> None:
    before = {token: (quantity, quantity * p0) for token, (quantity, p0, _) in held.items()}
    now = {token: (quantity, quantity * p1) for token, (quantity, _, p1) in held.items()}

    flows = token_flows(balances_of({"x": {0: before, 1: now}}), NOBODY)

    assert set(flows["flow_usd"].drop_nulls()) <= {0.0}
    assert flows.filter(day=on(1), reason="absurd").is_empty()


@given(st.floats(1e2, 1e6), st.floats(1e2, 1e6), st.floats(200.0, 1e4))
def test_quantities_alone_have_no_price_effect(q0: float, q1: float, price: float) -> None:
    row = flows_between({"A": (q0, q0 * price)}, {"A": (q1, q1 * price)})["A"]

    assert row["price_effect_usd"] == pytest.approx(0, abs=1e-12 * (q0 + q1) * price)


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.floats(1e2, 1e4), st.floats(1e2, 1e4))
def test_how_ether_is_split_between_its_names_changes_no_flow(a: float, b: float, q0: float, q1: float) -> None:
    def split(quantity: float, price: float, share: float) -> Record:
        parts = {"ETH": quantity * share, "WETH": quantity * (1 - share)}
        return {token: (part, part * price) for token, part in parts.items()}

    row = flows_between(split(q0, 3_000, a), split(q1, 3_300, b))["ETH"]
    whole = flows_between({"ETH": (q0, q0 * 3_000)}, {"ETH": (q1, q1 * 3_300)})["ETH"]
    assert row["flow_usd"] == pytest.approx(whole["flow_usd"], abs=1e-9 * (q0 + q1) * 3_300)
