"""Flows of tokens: what a deposit or a withdrawal is worth, and what is left out with which reason."""

from __future__ import annotations

from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline_tests.examples import at_most
from marketflows_pipeline_tests.transforms.exchanges.wallets import (
    Holding,
    flows_between,
    parts,
)


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


@at_most(40)
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


@pytest.mark.parametrize("slip", [5e-324, 1e-290, 1e290, 1.7e308])
@pytest.mark.parametrize("is_before", [True, False])
def test_a_quantity_beyond_all_tokens_has_no_price(slip: float, is_before: bool) -> None:
    """5e-324 of a token made a net flow that no table takes, and first seen so, it stopped each later day too."""
    whole, hole = (100.0, 310_000.0), (slip, 300_000.0)
    flows = flows_between({"ETH": hole if is_before else whole}, {"ETH": whole if is_before else hole})
    both = flows_between({"ETH": hole, "WETH": hole}, {"ETH": hole, "WETH": hole})

    change = 10_000.0 if is_before else -10_000.0
    assert parts(flows["ETH"]) == (None, None, None, change, "unpriced")
    assert parts(both["ETH"]) == (None, None, None, 0.0, "unpriced")


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
