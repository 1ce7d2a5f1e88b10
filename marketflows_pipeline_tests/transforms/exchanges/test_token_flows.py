from __future__ import annotations

import math
from typing import Any, cast

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.exchanges.token_flows import daily_records, token_flows
from marketflows_pipeline_tests.transforms.exchanges.wallets import (
    Holding,
    Record,
    balances_of,
    moment,
    on,
    own_tokens_of,
    tvl_of,
)

NOBODY = own_tokens_of({})


def flows_between(before: Record, now: Record, own: str | None = None) -> dict[str, dict[str, Any]]:
    """Token to its row of the second of two days; cash that never moves keeps every record present and different."""
    cash_before, cash_now = {"CASH": (1e6, 1e6)}, {"CASH": (1e6, 1.001e6)}
    balances = balances_of({"x": {0: {**cash_before, **before}, 1: {**cash_now, **now}}})
    rows = token_flows(balances, own_tokens_of({"x": own})).filter(pl.col("day") == on(1), pl.col("token") != "CASH")
    return {row["token"]: row for row in rows.to_dicts()}


def parts(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["price_usd"], row["flow_usd"], row["price_effect_usd"], row["left_out_usd"], row["reason"]


def test_a_deposit_is_valued_at_today_s_price_where_the_value_has_grown() -> None:
    # 10 at 50,000, then 12 at 55,000: 2 x 55,000 came in, and the 10 that were there gained 5,000 each
    flows = flows_between({"BTC": (10, 500_000)}, {"BTC": (12, 660_000)})

    assert parts(flows["BTC"]) == (55_000, 110_000, 50_000, None, None)


def test_a_withdrawal_is_valued_at_the_price_before_where_the_value_has_shrunk() -> None:
    # 10 at 50,000, then 4 at 55,000: 6 x 50,000 left, and the 4 that stayed gained 5,000 each
    flows = flows_between({"BTC": (10, 500_000)}, {"BTC": (4, 220_000)})

    assert parts(flows["BTC"]) == (50_000, -300_000, 20_000, None, None)


def test_a_deposit_into_a_falling_price_is_still_an_inflow() -> None:
    # 10 at 50,000, then 11 at 40,000: worth less, yet 1 x 50,000 came in; the 11 lost 10,000 each
    flows = flows_between({"BTC": (10, 500_000)}, {"BTC": (11, 440_000)})

    assert parts(flows["BTC"]) == (50_000, 50_000, -110_000, None, None)


def mid_parts(before: Holding, now: Holding) -> tuple[float, float]:
    row = flows_between({"BTC": before}, {"BTC": now})["BTC"]
    return row["flow_mid_usd"], row["price_effect_mid_usd"]


def test_at_the_mean_price_a_larger_deposit_is_a_larger_flow() -> None:
    """111 bitcoins that came in while the price fell from 100,000 to 90,000 read as 11.10 M, 112 as 10.08 M."""
    before = (1_000.0, 100e6)
    flows = [flows_between({"BTC": before}, {"BTC": (q, q * 90_000)})["BTC"] for q in (1_111.0, 1_112.0)]

    assert [row["flow_usd"] for row in flows] == pytest.approx([11.10e6, 10.08e6])
    assert [row["flow_mid_usd"] for row in flows] == pytest.approx([111 * 95_000, 112 * 95_000])
    assert [row["price_effect_mid_usd"] for row in flows] == pytest.approx([-1_055.5 * 10_000, -1_056 * 10_000])


sane_prices = st.floats(1e3, 1e5)
sane_quantities = st.floats(100.0, 200.0)


@given(sane_quantities, sane_quantities, sane_quantities, sane_prices, sane_prices)
def test_at_the_mean_price_flows_grow_with_the_quantity_and_the_way_back_undoes_the_way_there(
    q0: float, q1: float, q2: float, p0: float, p1: float
) -> None:
    there, back = (mid_parts(*pair) for pair in (((q0, q0 * p0), (q1, q1 * p1)), ((q1, q1 * p1), (q0, q0 * p0))))
    more = mid_parts((q0, q0 * p0), (q2, q2 * p1))

    assert (more[0] - there[0]) * (q2 - q1) >= -1e-6
    assert there == pytest.approx((-back[0], -back[1]), rel=1e-9, abs=1e-6)
    assert sum(there) == pytest.approx(q1 * p1 - q0 * p0, rel=1e-9, abs=1e-3)


def test_the_change_of_value_alone_is_no_flow() -> None:
    flows = flows_between({"BTC": (10, 500_000)}, {"BTC": (10, 650_000)})

    assert parts(flows["BTC"]) == (65_000, 0.0, 150_000, None, None)


def test_an_own_token_is_left_out_whatever_else_is_wrong_with_it() -> None:
    before = {"BNB": (1e6, 6e8), "OKB": (5.0, None)}
    flows = flows_between(before, {"WBNB": (9e6, 5.4e9)}, own="OKB, WBNB")

    assert parts(flows["BNB"]) == (None, None, None, 4.8e9, "own_token")
    assert flows["OKB"]["reason"] == "own_token"
    assert flows["OKB"]["left_out_usd"] is None


def test_a_token_that_appears_or_goes_is_a_wallet_that_became_known_and_no_flow() -> None:
    flows = flows_between({"A": (10, 50_000), "Z": (0, 0)}, {"B": (10, 51_000), "Z": (1, 20_000)})

    assert parts(flows["A"]) == (None, None, None, -50_000, "vanished")
    assert parts(flows["B"]) == (None, None, None, 51_000, "new")
    assert parts(flows["Z"]) == (None, None, None, 20_000, "new")


def test_a_quantity_of_zero_is_absence() -> None:
    flows = flows_between({"A": (10, 50_000)}, {"A": (0, 0)})

    assert parts(flows["A"]) == (None, None, None, -50_000, "vanished")


def test_ether_that_is_wrapped_or_named_anew_has_not_moved() -> None:
    flows = flows_between({"WETH": (100, 300_000)}, {"ETH": (100, 310_000)})

    assert list(flows) == ["ETH"]
    assert parts(flows["ETH"]) == (3_100, 0.0, 10_000, None, None)


def test_tokens_that_are_the_same_are_added_up() -> None:
    flows = flows_between(
        {"ETH": (60, 180_000), "WETH": (40, 120_000)}, {"coingecko:ETH": (70, 210_000), "WETH": (40, 120_000)}
    )

    assert (flows["ETH"]["quantity_before"], flows["ETH"]["quantity"]) == (100, 110)
    assert flows["ETH"]["flow_usd"] == pytest.approx(30_000)


def test_letters_tell_tokens_apart() -> None:
    assert sorted(flows_between({"sUSD": (1, 20_000)}, {"SUSD": (1, 20_000)})) == ["SUSD", "sUSD"]


@pytest.mark.parametrize("hole", [(None, 300_000.0), (100.0, None), (None, None)])
@pytest.mark.parametrize("is_before", [True, False])
def test_a_token_without_a_quantity_or_a_value_on_one_side_is_unpriced(hole: Holding, is_before: bool) -> None:
    whole = (100.0, 310_000.0)
    flows = flows_between({"ETH": hole if is_before else whole}, {"ETH": whole if is_before else hole})

    known = (hole[1] or 0.0, 310_000.0) if is_before else (310_000.0, hole[1] or 0.0)
    assert parts(flows["ETH"]) == (None, None, None, known[1] - known[0], "unpriced")


def test_a_part_without_a_figure_makes_the_joined_token_unpriced_and_keeps_the_value_that_is_known() -> None:
    both = {"ETH": (60.0, 180_000.0), "WETH": (40.0, 120_000.0)}
    without_quantity = flows_between(both, {"ETH": (60.0, 180_000.0), "WETH": (None, 120_000.0)})["ETH"]
    without_value = flows_between(both, {"ETH": (60.0, 180_000.0), "WETH": (40.0, None)})["ETH"]

    assert (without_quantity["quantity"], without_quantity["value_usd"]) == (None, 300_000)
    assert (without_value["quantity"], without_value["value_usd"]) == (100, 180_000)
    assert without_quantity["reason"] == without_value["reason"] == "unpriced"
    assert without_value["left_out_usd"] == -120_000


def test_a_part_of_zero_needs_no_value() -> None:
    flows = flows_between({"ETH": (60.0, 180_000.0), "WETH": (0.0, None)}, {"ETH": (70.0, 210_000.0)})

    assert parts(flows["ETH"]) == (3_000, 30_000, 0.0, None, None)


@pytest.mark.parametrize("hole", [(100.0, 0.0), (0.0, 300_000.0)])
@pytest.mark.parametrize("is_before", [True, False])
def test_a_quantity_worth_nothing_or_a_worth_without_a_quantity_has_no_price(hole: Holding, is_before: bool) -> None:
    """13 % of the reserves stood at 0 USD and were called dust, with a net flow of 0: stable."""
    whole = (100.0, 310_000.0)
    flows = flows_between({"ETH": hole if is_before else whole}, {"ETH": whole if is_before else hole})

    change = 310_000.0 - cast("float", hole[1])
    assert parts(flows["ETH"]) == (None, None, None, change if is_before else -change, "unpriced")


def test_a_token_that_is_worth_nothing_on_both_days_is_unpriced() -> None:
    """A doubled quantity at a price of 0 is no flow of 0."""
    assert parts(flows_between({"X": (5.0, 0.0)}, {"X": (10.0, 0.0)})["X"]) == (None, None, None, 0, "unpriced")


@pytest.mark.parametrize("below", [(-100.0, 300_000.0), (100.0, -300_000.0), (-100.0, -300_000.0), (-1.0, None)])
@pytest.mark.parametrize("is_before", [True, False])
def test_a_quantity_or_value_below_0_is_negative(below: Holding, is_before: bool) -> None:
    """Nobody holds less than nothing; it was dust, or gave a price below 0 and a flow with it."""
    whole = (100.0, 310_000.0)
    flows = flows_between({"ETH": below if is_before else whole}, {"ETH": whole if is_before else below})

    change = 310_000.0 - (below[1] or 0.0)
    assert parts(flows["ETH"]) == (None, None, None, change if is_before else -change, "negative")


def test_a_part_below_0_makes_the_joined_token_negative() -> None:
    """10 ETH and -4 WETH are not 6 ETH."""
    flows = flows_between({"ETH": (10.0, 30_000.0)}, {"ETH": (10.0, 30_000.0), "WETH": (-4.0, -12_000.0)})

    assert flows["ETH"]["reason"] == "negative"


def test_a_token_that_only_now_has_a_negative_figure_is_negative_and_not_new() -> None:
    """The reason says what is wrong, whatever stood there before."""
    flows = flows_between({"BTC": (1.0, 60_000.0)}, {"BTC": (1.0, 60_001.0), "X": (-1.0, 20_000.0)})

    assert flows["X"]["reason"] == "negative"


def test_below_ten_thousand_dollars_on_either_side_is_dust() -> None:
    flows = flows_between(
        {"A": (10, 9_999), "B": (10, 10_000), "C": (10, 10_000)},
        {"A": (10, 20_000), "B": (10, 9_999), "C": (11, 11_000)},
    )

    assert parts(flows["A"]) == (None, None, None, 10_001, "dust")
    assert parts(flows["B"]) == (None, None, None, -1, "dust")
    assert parts(flows["C"]) == (1_000, 1_000, 0.0, None, None)


def test_below_a_ten_thousandth_of_the_smaller_total_without_own_tokens_is_dust() -> None:
    # the smaller total is that of the day before: 999 M + 1 M of cash + 0.1 M of A, so the limit is 100,010 dollars
    before = {"BIG": (999.0, 999e6), "OWN": (1.0, 90e9), "A": (1.0, 100_000.0)}
    now = {"BIG": (2_000.0, 2e9), "OWN": (1.0, 90e9), "A": (1.0, 200_000.0)}
    above = {"BIG": (999.0, 999e6), "OWN": (1.0, 90e9), "A": (1.0, 100_011.0)}

    assert flows_between(before, now, own="OWN")["A"]["reason"] == "dust"
    assert flows_between(above, now, own="OWN")["A"]["reason"] is None
    assert flows_between(above, now)["A"]["reason"] == "dust"


def test_a_flow_of_more_than_twice_what_is_held_is_an_error_of_data() -> None:
    flows = flows_between(
        {"IN": (100, 1e6), "OUT": (1_000, 9e5), "EDGE": (1, 30_000)},
        # 900 more at 10,000 each are 9 M; 990 less at 100,000 each are -99 M; 2 more at 30,000 are just twice 30,000
        {"IN": (1_000, 9e5), "OUT": (10, 1e6), "EDGE": (3, 29_999)},
    )

    assert parts(flows["IN"]) == (None, None, None, -1e5, "absurd")
    assert parts(flows["OUT"]) == (None, None, None, 1e5, "absurd")
    assert flows["EDGE"]["flow_usd"] == 60_000


def test_a_chain_that_became_known_is_taken_for_an_inflow_which_is_the_limit_of_the_method() -> None:
    flows = flows_between({"USDT": (1e6, 1e6)}, {"USDT": (3e6, 3e6)})

    assert parts(flows["USDT"]) == (1.0, 2e6, 0.0, None, None)


def test_a_token_that_comes_back_after_a_day_away_is_new_again() -> None:
    cash = {0: 1e6, 1: 2e6, 2: 3e6, 3: 4e6}
    records: dict[float, Record] = {day: {"CASH": (usd, usd)} for day, usd in cash.items()}
    records[0] = {**records[0], "A": (1.0, 50_000.0)}
    records[3] = {**records[3], "A": (1.0, 50_000.0)}

    flows = token_flows(balances_of({"x": records}), NOBODY).filter(token="A")

    assert flows.select("day", "reason").rows() == [(on(0), None), (on(1), "vanished"), (on(3), "new")]


def test_after_a_missing_day_the_record_before_the_gap_is_compared_with() -> None:
    balances = balances_of({"x": {0: {"BTC": (10, 500_000)}, 3: {"BTC": (12, 600_000)}}})

    flows = token_flows(balances, NOBODY)

    assert flows.select("day", "previous_day", "flow_usd").rows() == [(on(0), None, None), (on(3), on(0), 100_000)]


def test_the_first_record_has_nothing_to_compare_with_and_so_neither_flow_nor_reason() -> None:
    (row,) = token_flows(balances_of({"x": {0: {"BTC": (10, 500_000)}}}), NOBODY).to_dicts()

    assert parts(row) == (None, None, None, None, None)
    assert (row["previous_day"], row["is_repeated"], row["value_usd"]) == (None, False, 500_000)


def test_a_record_equal_to_the_one_before_was_carried_forward_and_measures_nothing() -> None:
    held = {"BTC": (10.0, 500_000.0), "ODD": (None, 20_000.0)}
    moved = {"BTC": (11.0, 550_000.0), "ODD": (None, 20_000.0)}
    flows = token_flows(balances_of({"x": {0: held, 1: held, 2: moved}}), NOBODY)

    repeated = flows.filter(day=on(1))
    assert repeated["is_repeated"].to_list() == [True, True]
    assert [parts(row) for row in repeated.to_dicts()] == [(None,) * 5] * 2
    assert flows.filter(day=on(2))["is_repeated"].to_list() == [False, False]
    assert flows.filter(day=on(2))["flow_usd"].to_list() == [50_000, None]


def test_a_record_with_a_token_more_or_less_is_no_repetition() -> None:
    one, two = {"A": (1.0, 20_000.0)}, {"A": (1.0, 20_000.0), "B": (None, None)}

    assert not token_flows(balances_of({"x": {0: one, 1: two, 2: one}}), NOBODY)["is_repeated"].any()


@pytest.mark.parametrize(("before", "now"), [((None, 2e4), (1.0, 2e4)), ((1.0, 2e4), (1.0, None))])
def test_a_figure_that_came_or_went_is_no_repetition(before: Holding, now: Holding) -> None:
    held = {"B": (1.0, 5e4)}

    assert not token_flows(balances_of({"x": {0: {**held, "A": before}, 1: {**held, "A": now}}}), NOBODY)[
        "is_repeated"
    ].any()


def test_exchanges_are_not_compared_with_each_other() -> None:
    flows = token_flows(balances_of({"b": {0: {"BTC": (9, 9e5)}}, "a": {5: {"BTC": (1, 1e5)}}}), NOBODY)

    assert flows.select("slug", "quantity_before", "quantity").rows() == [("a", None, 1), ("b", None, 9)]


def test_own_tokens_are_unknown_where_none_are_listed() -> None:
    holds: dict[float, Record] = {0: {"BNB": (1.0, 6e5), "USD": (1.0, 6e5)}}
    balances = balances_of(dict.fromkeys(("absent", "blank", "listed", "null"), holds))

    flows = token_flows(balances, own_tokens_of({"null": None, "blank": " ", "listed": "BNB"}))

    assert flows.select("slug", "token", "is_own_token").rows() == [
        ("absent", "BNB", None), ("absent", "USD", None),
        ("blank", "BNB", None), ("blank", "USD", None),
        ("listed", "BNB", True), ("listed", "USD", False),
        ("null", "BNB", None), ("null", "USD", None),
    ]  # fmt: skip


def test_own_tokens_listed_twice_for_one_exchange_double_no_row() -> None:
    twice = pl.DataFrame({"slug": ["x", "x"], "own_tokens": ["BNB", "BNB"]})

    assert token_flows(balances_of({"x": {0: {"BNB": (1, 1)}}}), twice).height == 1


def test_a_days_record_is_the_one_nearest_its_midnight_but_never_the_moment_of_asking() -> None:
    totals = tvl_of({"x": {0.9: 3.0, 0.001: 1.0, 0.2: 2.0, 2: 5.0, 2.9999: 6.0}, "a": {7: 9.0}})
    asked = totals.with_columns(pl.lit(moment(3.5)).cast(pl.Datetime("us", "UTC")).alias("ts"), is_now=pl.lit(True))

    assert daily_records(pl.concat([asked, totals])).rows() == [
        ("a", on(7), moment(7), None), ("x", on(0), moment(0.001), None), ("x", on(1), moment(0.9), on(0)),
        ("x", on(2), moment(2), on(1)), ("x", on(3), moment(2.9999), on(2)),
    ]  # fmt: skip


def test_balances_of_the_moment_of_asking_and_of_later_the_same_day_are_passed_over() -> None:
    balances = balances_of({"x": {0: {"A": (1, 20_000)}, 0.5: {"A": (7, 140_000), "B": (1, 1)}, 1: {"A": (2, 40_000)}}})
    # One question was asked at the very midnight and found a token that the daily record does not have.
    asked = balances_of({"x": {1.4: {"A": (9, 180_000)}, 1: {"C": (1, 1)}}}).with_columns(is_now=pl.lit(value=True))

    flows = token_flows(pl.concat([balances, asked]), NOBODY)

    assert flows.select("token", "ts", "quantity").rows() == [("A", moment(0), 1), ("A", moment(1), 2)]


def test_the_columns_are_those_of_the_registry_and_some_more_and_rows_are_by_key() -> None:
    entry = table("mart.exchange_token_flows")
    day = {"WETH": (1.0, 2.0), "BTC": (1.0, 2.0)}
    balances = balances_of({"y": {1: day, 0: day}, "x": {2: day}})

    for frame in (balances, balances.clear()):
        flows = token_flows(frame, NOBODY)
        assert flows.select(entry.column_names).schema == entry.polars_schema
        assert flows.columns == [*entry.column_names, "ts", "previous_day", "is_repeated", "is_own_token"]
        assert flows.select(entry.key).rows() == sorted(set(flows.select(entry.key).rows()))
    assert token_flows(balances.sample(fraction=1, shuffle=True, seed=5), NOBODY).equals(token_flows(balances, NOBODY))


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
