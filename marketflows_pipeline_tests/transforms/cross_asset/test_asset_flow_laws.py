"""Laws of flows that hold for any history: effects add up, splits move nothing, shares of a session sum to one."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline_tests.transforms.cross_asset.frames import (
    bars_of,
    day,
    flows_of,
    shares_of,
    weekdays,
)

PRICE = st.floats(0.5, 5_000)
COUNT = st.none() | st.floats(1e3, 1e10)
HISTORY = st.lists(
    st.tuples(PRICE, COUNT, st.none() | PRICE, st.none() | st.floats(1e5, 1e13)), min_size=2, max_size=12
)


@given(HISTORY, st.dictionaries(st.integers(0, 11), st.sampled_from([2.0, 10.0, 0.5]), max_size=2))
def test_price_effect_and_share_effect_are_the_change_of_market_cap(
    history: list[tuple[float, float | None, float | None, float | None]], splits: dict[int, float]
) -> None:
    closes, shares, navs, assets = (list(each) for each in zip(*history, strict=True))
    days = weekdays(12)
    flows = flows_of(
        bars_of({"A": closes}),
        shares_of({"A": shares}, {"A": navs}, {"A": assets}),
        splits={"A": {days[number]: ratio for number, ratio in splits.items()}},
    )

    for row in flows.to_dicts():
        if row["flow_method"] == "price_only":
            assert row["flow_usd"] is None
            continue
        change = row["price_effect_usd"] + row["share_effect_usd"]
        scale = max(abs(row["price_effect_usd"]), abs(row["share_effect_usd"]), row["market_cap_usd"])
        assert math.isclose(change, row["market_cap_change_usd"], abs_tol=1e-6 * scale)
        assert row["flow_usd"] == row["share_effect_usd"]


@given(
    # Moves of the market and flows that are no splits themselves.
    st.lists(st.tuples(st.floats(70, 90), st.floats(1e6, 1.2e6)), min_size=3, max_size=8),
    st.integers(0, 7),
    st.sampled_from([10.0, 3.0, 0.1]),
    st.booleans(),
)
def test_splits_leave_every_flow_unchanged(
    history: list[tuple[float, float]], number: int, ratio: float, has_navs: bool
) -> None:
    # the same market with and without a split: only figures of a day before it, in units of that day, differ
    prices, counts = (list(each) for each in zip(*history, strict=True))
    split = weekdays(8)[number]
    unit = [ratio if each < split else 1.0 for each in weekdays(len(prices))]
    traded = [count / each for count, each in zip(counts, unit, strict=True)]
    navs = [price * each for price, each in zip(prices, unit, strict=True)]
    bars = bars_of({"A": prices}, volumes={"A": counts})
    plain = flows_of(bars, shares_of({"A": counts}, navs={"A": prices} if has_navs else None))
    after = flows_of(
        bars, shares_of({"A": traded}, navs={"A": navs} if has_navs else None), splits={"A": {split: ratio}}
    )

    in_units_of_the_day = ("shares", "price_usd")
    scale = max(price * count for price, count in history)
    for name in plain.drop(in_units_of_the_day).columns:
        for left, right in zip(plain[name], after[name], strict=True):
            if isinstance(left, float) and name != "gross_flow_share":
                assert math.isclose(left, right, rel_tol=1e-6, abs_tol=1e-9 * scale), name
            elif not isinstance(left, float):
                assert left == right, name


@given(
    st.lists(
        st.tuples(st.sampled_from(["A", "B", "C"]), st.integers(0, 9), PRICE, COUNT, st.none() | st.floats(0, 1e9)),
        min_size=1,
        max_size=30,
        unique_by=lambda each: each[:2],
    )
)
def test_shares_of_a_session_sum_to_one(
    rows: list[tuple[str, int, float, float | None, float | None]],
) -> None:
    symbols = {row[0] for row in rows}
    by_symbol = {each: [row for row in rows if row[0] == each] for each in sorted(symbols)}
    flows = flows_of(
        bars_of(
            {each: {day(row[1]): row[2] for row in own} for each, own in by_symbol.items()},
            volumes={each: {day(row[1]): row[4] for row in own} for each, own in by_symbol.items()},
        ),
        shares_of({each: {day(row[1]): row[3] for row in own} for each, own in by_symbol.items()}),
    )

    for (_,), of_session in flows.group_by("session"):
        gross, notional = of_session["gross_flow_share"].drop_nulls(), of_session["notional_share"].drop_nulls()
        has_flow = (of_session["flow_usd"].drop_nulls() != 0).any()
        assert gross.is_empty() != has_flow
        assert gross.is_empty() or math.isclose(gross.abs().sum(), 1)
        assert notional.is_empty() or math.isclose(notional.sum(), 1)
        assert notional.is_empty() == (not of_session["notional_usd"].sum() > 0)


def test_the_order_of_the_rows_does_not_matter() -> None:
    bars = bars_of({"A": [10.0, 12.0], "B": [3.0, 4.0]}, volumes={"A": [1.0, 2.0], "B": [1.0, 9.0]})
    shares = shares_of({"A": [100.0, 110.0], "B": [7.0, 5.0]})

    assert flows_of(bars.reverse(), shares.reverse()).equals(flows_of(bars, shares))
