"""Flows of coins: what supply does on days without a session is summed into the next one."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline_tests.transforms.cross_asset.frames import (
    EFFECTS,
    UNKNOWN,
    bars_of,
    column,
    day,
    flows_of,
    last,
    supply_of,
    universe_of,
)

FRIDAY, SATURDAY, SUNDAY, NEXT_MONDAY = day(4), day(5), day(6), day(7)
PRICE = st.floats(0.5, 5_000)


def weekend(
    supply: dict[date, tuple[float, float]],
    volumes: dict[date, float | None] | None = None,
    fund: list[date] | None = None,
) -> pl.DataFrame:
    """A coin with these days beside a fund that trades on Friday and Monday."""
    sessions = fund or [FRIDAY, NEXT_MONDAY]
    days = [FRIDAY, SATURDAY, SUNDAY, NEXT_MONDAY, day(8)]
    bars = bars_of(
        {"BTC": dict(zip(days, [10.0, 11.0, 12.0, 13.0, 14.0], strict=True)), "SPY": dict.fromkeys(sessions, 1.0)},
        volumes={"BTC": volumes or dict(zip(days, [1.0, 2.0, 3.0, 4.0, 5.0], strict=True))},
        coins=["BTC"],
    )
    return flows_of(bars, supply=supply_of({"BTC": supply})).filter(symbol="BTC")


WEEKEND = {FRIDAY: (100.0, 10.0), SATURDAY: (101.0, 11.0), SUNDAY: (101.0, 12.0), NEXT_MONDAY: (104.0, 13.0)}


def test_what_a_coin_does_on_a_weekend_is_summed_into_monday() -> None:
    # price: 100 x 1 + 101 x 1 + 101 x 1; supply: 1 x 11 + 0 + 3 x 13; together 104 x 13 - 1,000
    flows = weekend(WEEKEND)

    assert column(flows, "session") == [FRIDAY, NEXT_MONDAY]
    assert last(flows, *EFFECTS, symbol="BTC") == (352, 302, 50, 50, "supply")
    assert last(flows, "shares", "price_usd", "market_cap_usd", symbol="BTC") == (104, 13, 1352)
    assert last(flows, "notional_usd", "flow_pct_of_market_cap", symbol="BTC") == (9, 5)
    assert last(flows, "price_return", symbol="BTC") == (pytest.approx(0.3),)


@pytest.mark.parametrize("missing", [SATURDAY, SUNDAY, NEXT_MONDAY, FRIDAY])
def test_a_day_without_supply_leaves_the_whole_gap_unknown(missing: date) -> None:
    flows = weekend({each: held for each, held in WEEKEND.items() if each != missing})

    assert last(flows, *EFFECTS, symbol="BTC") == UNKNOWN
    assert last(flows, "price_return", symbol="BTC") == (pytest.approx(0.3),)


def test_a_day_without_volume_leaves_the_notional_of_the_gap_unknown() -> None:
    flows = weekend(WEEKEND, volumes={FRIDAY: 1.0, SATURDAY: 2.0, NEXT_MONDAY: 4.0})

    assert column(flows, "notional_usd") == [None, None]
    assert last(flows, "flow_usd", symbol="BTC") == (50,)


def test_the_first_session_of_a_coin_has_no_gap() -> None:
    assert weekend(WEEKEND).select(*EFFECTS, "notional_usd").row(0) == (*UNKNOWN, None)


def test_a_re_count_of_supply_is_marked_and_is_no_flow() -> None:
    recounted = {**WEEKEND, SUNDAY: (112.0, 12.0), NEXT_MONDAY: (112.0, 13.0)}

    flows = weekend(recounted)

    # 1 x 11 + 11 x 12, and 11 of 101 is more than a tenth
    assert last(flows, "share_effect_usd", "flow_usd", "is_supply_revision", symbol="BTC") == (143, None, True)
    assert last(flows, "flow_method", "flow_pct_of_market_cap", symbol="BTC") == ("supply", None)
    assert not any(column(weekend(WEEKEND), "is_supply_revision"))


def test_a_tenth_is_not_yet_a_re_count() -> None:
    flows = weekend({each: (110.0 if each == NEXT_MONDAY else 100.0, 10.0) for each in WEEKEND})

    assert last(flows, "flow_usd", "is_supply_revision", symbol="BTC") == (100, False)


def test_days_that_no_session_follows_yet_are_not_shown() -> None:
    assert column(weekend(WEEKEND, fund=[FRIDAY]), "session") == [FRIDAY]


def test_without_funds_every_day_of_the_coins_is_a_session() -> None:
    bars = bars_of({"BTC": dict.fromkeys([FRIDAY, SATURDAY, SUNDAY], 10.0)}, coins=["BTC"])
    flows = flows_of(bars, supply=supply_of({"BTC": WEEKEND}))

    assert column(flows, "session") == [FRIDAY, SATURDAY, SUNDAY]
    assert column(flows, "flow_usd") == [None, 11, 0]


def test_a_coin_whose_supply_nobody_follows_makes_no_sessions_of_weekends() -> None:
    bars = bars_of(
        {"DOGE": dict.fromkeys([FRIDAY, SATURDAY, SUNDAY, NEXT_MONDAY], 1.0), "A": {FRIDAY: 1.0, NEXT_MONDAY: 1.0}},
        volumes={"DOGE": dict.fromkeys([FRIDAY, SATURDAY, SUNDAY, NEXT_MONDAY], 2.0)},
        coins=["DOGE"],
    )
    flows = flows_of(bars, universe=universe_of("A", ("DOGE", "crypto", "none")))

    assert last(flows, "session", "notional_usd", "flow_method", symbol="DOGE") == (NEXT_MONDAY, 6, "price_only")
    assert flows.height == 4


def test_issuance_is_known_at_the_end_of_the_day_in_utc() -> None:
    assert column(weekend(WEEKEND), "known_at") == [None, datetime(2026, 3, 10, tzinfo=UTC)]


@given(
    st.dictionaries(st.integers(0, 14), st.tuples(st.floats(1e6, 1.05e6), PRICE), min_size=10),
    st.sets(st.integers(0, 14), min_size=2),
)
def test_the_effects_of_a_coin_add_up_over_any_gap(held: dict[int, tuple[float, float]], sessions: set[int]) -> None:
    days = [day(number) for number in range(15)]
    bars = bars_of({"BTC": dict.fromkeys(days, 1.0), "A": {day(each): 1.0 for each in sessions}}, coins=["BTC"])
    flows = flows_of(bars, supply=supply_of({"BTC": {day(number): each for number, each in held.items()}}))

    ordered = sorted(sessions)
    for row in flows.filter(symbol="BTC").iter_rows(named=True):
        number = (row["session"] - days[0]) // timedelta(days=1)
        place = ordered.index(number)
        is_whole = place > 0 and all(each in held for each in range(ordered[place - 1], number + 1))
        assert (row["flow_method"] == "supply") == is_whole
        if is_whole:
            before = math.prod(held[ordered[place - 1]])
            change = math.prod(held[number]) - before
            scale = 1e6 * max(price for _, price in held.values())
            assert math.isclose(row["price_effect_usd"] + row["share_effect_usd"], change, abs_tol=1e-6 * scale)
            assert math.isclose(row["market_cap_change_usd"], change, abs_tol=1e-6 * scale)
