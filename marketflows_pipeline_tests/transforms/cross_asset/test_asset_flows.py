"""Flows of funds: what of a change of market cap is price, and what is money."""

from __future__ import annotations

import statistics
from datetime import UTC, date, datetime

import polars as pl
import pytest

from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.cross_asset.asset_flows import asset_flows
from marketflows_pipeline_tests.transforms.cross_asset.frames import (
    EFFECTS,
    UNKNOWN,
    bars_of,
    column,
    day,
    flows_of,
    last,
    rows_of,
    shares_of,
    supply_of,
    universe_of,
    weekdays,
)


def test_the_change_of_market_cap_is_price_effect_and_share_effect() -> None:
    # 100 shares at 10 become 110 at 12: the 100 gained 2 each, and 10 were created at 12
    flows = flows_of(bars_of({"A": [10.0, 12.0]}), shares_of({"A": [100.0, 110.0]}))

    assert flows.select(EFFECTS).rows() == [UNKNOWN, (320, 200, 120, 120, "shares")]
    assert column(flows, "market_cap_usd") == [1000, 1320]
    assert column(flows, "flow_pct_of_market_cap") == [None, 12]
    assert column(flows, "previous_session") == [None, day(0)]
    assert column(flows, "price_return") == [None, pytest.approx(0.2)]


def test_flows_are_valued_at_the_net_asset_value_where_both_sides_have_one() -> None:
    flows = flows_of(bars_of({"A": [10.1, 12.1]}), shares_of({"A": [100.0, 110.0]}, navs={"A": [10.0, 12.0]}))

    assert last(flows, *EFFECTS) == (320, 200, 120, 120, "shares")
    assert column(flows, "price_usd") == [10, 12]
    assert column(flows, "close_usd") == [10.1, 12.1]


def test_a_net_asset_value_is_never_compared_with_a_close() -> None:
    # the premium of the close over the net asset value is no change of price
    flows = flows_of(bars_of({"A": [10.5, 10.5]}), shares_of({"A": [100.0, 110.0]}, navs={"A": [None, 10.0]}))

    assert last(flows, *EFFECTS) == (105, 0, 105, 105, "shares")
    assert column(flows, "price_usd") == [10.5, 10]
    assert column(flows, "market_cap_usd") == [1050, 1100]


def test_without_shares_the_flow_is_net_assets_less_their_growth_by_price() -> None:
    # 1,000 grow by 10 % to 1,100; that there are 1,250 is 150 from outside
    flows = flows_of(bars_of({"A": [10.0, 11.0]}), shares_of({}, net_assets={"A": [1000.0, 1250.0]}))

    assert last(flows, *EFFECTS) == (250, pytest.approx(100), pytest.approx(150), pytest.approx(150), "aum")
    assert last(flows, "market_cap_usd", "shares") == (1250, None)
    assert last(flows, "flow_pct_of_market_cap") == (pytest.approx(15),)


def test_shares_on_one_side_alone_give_no_flow() -> None:
    flows = flows_of(bars_of({"A": [10.0, 11.0, 12.0]}), shares_of({"A": [100.0, None, 120.0]}))

    assert flows.select(EFFECTS).rows() == [UNKNOWN, UNKNOWN, UNKNOWN]
    assert column(flows, "market_cap_usd") == [1000, None, 1440]
    assert column(flows, "price_return") == [None, pytest.approx(0.1), pytest.approx(1 / 11)]


def test_a_fund_without_any_shares_has_prices_and_notional_and_no_flow() -> None:
    flows = flows_of(bars_of({"A": [10.0, 11.0]}, volumes={"A": [5.0, 6.0]}))

    assert last(flows, *EFFECTS) == UNKNOWN
    assert last(flows, "shares", "market_cap_usd", "known_at", "price_usd") == (None, None, None, 11)
    assert column(flows, "notional_usd") == [50, 66]
    assert column(flows, "notional_change_usd") == [None, 16]


def test_the_newest_vintage_makes_the_flow() -> None:
    restated = rows_of(
        "raw.shares_outstanding",
        *({"symbol": "A", "session": day(1), "vintage": v, "shares": s} for v, s in ((2, 120.0), (1, 105.0))),
    ).with_columns(convention=pl.lit("as_traded"))
    shares = pl.concat([shares_of({"A": [100.0]}), restated])

    assert last(flows_of(bars_of({"A": [10.0, 10.0]}), shares), "flow_usd") == (200,)


@pytest.mark.parametrize(
    ("convention", "shares", "navs"),
    [
        ("as_traded", [100.0, 100.0, 1000.0, 1010.0], [500.0, 510.0, 52.0, 53.0]),
        ("split_adjusted", [1000.0, 1000.0, 1000.0, 1010.0], [50.0, 51.0, 52.0, 53.0]),
    ],
)
@pytest.mark.parametrize("has_navs", [True, False])
def test_a_ten_for_one_split_is_neither_a_flow_nor_a_change_of_price(
    convention: str, shares: list[float], navs: list[float], has_navs: bool
) -> None:
    # traded at 500, 510, then 52, 53; the service's closes are in present shares
    flows = flows_of(
        bars_of({"A": [50.0, 51.0, 52.0, 53.0]}),
        shares_of({"A": shares}, navs={"A": navs} if has_navs else None, convention=convention),
        splits={"A": {day(2): 10.0}},
    )

    assert column(flows, "flow_usd") == [None, 0, 0, 530]
    assert column(flows, "price_effect_usd") == [None, 1000, 1000, 1000]
    assert column(flows, "market_cap_usd") == [50_000, 51_000, 52_000, 53_530]
    assert column(flows, "shares") == [100, 100, 1000, 1010]
    assert column(flows, "price_usd") == [500, 510, 52, 53]


def test_rounding_at_a_reverse_split_is_no_flow() -> None:
    # 3 shares become 0.3, and 3 x 0.1 is 0.30000000000000004 to a computer
    flows = flows_of(bars_of({"A": [30.0, 30.0]}), shares_of({"A": [3.0, 0.3]}), splits={"A": {day(1): 0.1}})

    assert last(flows, "flow_usd", "gross_flow_share") == (0, None)


def test_a_fund_that_is_listed_later_has_no_past() -> None:
    # as IBIT in 2024: the first session compares with nothing, and earlier sessions have no row
    flows = flows_of(
        bars_of({"A": [1.0] * 4, "IBIT": {day(2): 10.0, day(3): 11.0}}),
        shares_of({"IBIT": {day(2): 5.0, day(3): 9.0}}),
    )

    shown = flows.filter(symbol="IBIT")
    assert shown.select("session", "previous_session", "flow_usd").rows() == [
        (day(2), None, None),
        (day(3), day(2), 44),
    ]


def test_a_holiday_is_no_session_and_the_next_one_compares_with_the_session_before() -> None:
    closes = {day(0): 10.0, day(2): 12.0}
    flows = flows_of(bars_of({"A": closes}), shares_of({"A": {day(0): 100.0, day(1): 500.0, day(2): 110.0}}))

    # the shares of the holiday belong to no session
    assert flows.select("session", "previous_session", "flow_usd").rows() == [
        (day(0), None, None),
        (day(2), day(0), 120),
    ]


def test_notional_needs_a_volume_and_is_null_without_one() -> None:
    flows = flows_of(bars_of({"A": [10.0, 10.0], "B": [1.0, 1.0]}, volumes={"A": [5.0, None], "B": [50.0, 7.0]}))

    assert column(flows, "notional_usd") == [50, None, 50, 7]
    assert column(flows, "notional_share") == [0.5, None, 0.5, 1]
    assert column(flows, "notional_change_usd") == [None, None, None, -43]


def test_a_bitcoin_fund_is_a_fund() -> None:
    universe = universe_of(("IBIT", "crypto", "blackrock"))
    flows = flows_of(bars_of({"IBIT": [10.0, 10.0]}), shares_of({"IBIT": [10.0, 11.0]}), universe=universe)

    assert last(flows, "flow_usd", "flow_method", "gross_flow_share", symbol="IBIT") == (10, "shares", 1)


# The universe


def test_assets_outside_the_universe_are_passed_over() -> None:
    assert column(flows_of(bars_of({"A": [1.0], "B": [1.0]}), universe=universe_of("B")), "symbol") == ["B"]


def test_gross_shares_have_the_sign_of_the_flow_and_leave_issuance_out() -> None:
    days = [day(0), day(1)]
    bars = bars_of({"A": [1.0, 1.0], "B": [1.0, 1.0], "C": [1.0, 1.0], "BTC": dict.fromkeys(days, 1.0)}, coins=["BTC"])
    flows = flows_of(
        bars,
        shares_of({"A": [100.0, 130.0], "B": [100.0, 90.0]}),
        supply=supply_of({"BTC": {day(0): (1e6, 1.0), day(1): (1.05e6, 1.0)}}),
    ).filter(session=day(1))

    assert column(flows, "gross_flow_share") == [0.75, -0.25, None, None]
    assert column(flows, "flow_usd", "BTC") == [pytest.approx(50_000)]


def test_where_all_flows_are_zero_nobody_has_a_share() -> None:
    flows = flows_of(bars_of({"A": [1.0, 1.0]}, volumes={"A": [0.0, 0.0]}), shares_of({"A": [5.0, 5.0]}))

    assert last(flows, "flow_usd", "gross_flow_share", "notional_usd", "notional_share") == (0, None, 0, None)


def test_a_zscore_leaves_today_out_and_needs_twenty_sessions() -> None:
    flow = [float(3 + number % 4) for number in range(21)] + [50.0]
    held = [1000.0, *(1000.0 + sum(flow[: n + 1]) for n in range(22))]
    flows = flows_of(bars_of({"A": [1.0] * 23}), shares_of({"A": held}))

    scores = column(flows, "flow_zscore")
    # the flows begin with the second session, so the 21st of them is the first with twenty before it
    assert scores[:21] == [None] * 21
    assert scores[21] == pytest.approx((flow[20] - statistics.mean(flow[:20])) / statistics.stdev(flow[:20]))
    assert scores[22] == pytest.approx((50 - statistics.mean(flow[:21])) / statistics.stdev(flow[:21]))


def test_a_zscore_looks_back_sixty_sessions_and_no_further() -> None:
    volumes = [1e6, *(float(2 + number % 3) for number in range(60)), 9.0]
    flows = flows_of(bars_of({"A": [1.0] * 62}, volumes={"A": volumes}))

    expected = (9 - statistics.mean(volumes[1:61])) / statistics.stdev(volumes[1:61])
    assert last(flows, "notional_zscore") == (pytest.approx(expected),)


def test_what_never_varied_has_no_zscore() -> None:
    flows = flows_of(bars_of({"A": [1.0] * 30}, volumes={"A": [0.1] * 29 + [5.0]}))

    assert column(flows, "notional_zscore") == [None] * 30


# When it was known


def test_a_flow_is_known_at_the_next_session_s_open_in_new_york() -> None:
    # New York changes its clocks on Sunday, 8 March 2026: 9:30 is 14:30 in UTC before it, 13:30 after
    sessions = [*weekdays(5), day(7), day(8)]
    flows = flows_of(bars_of({"A": dict.fromkeys(sessions, 1.0)}), shares_of({"A": dict.fromkeys(sessions, 5.0)}))

    known = column(flows, "known_at")
    assert known[0] is None  # nothing to compare with, so no flow
    assert known[1:5] == [
        *(datetime(2026, 3, number, 14, 30, tzinfo=UTC) for number in (4, 5, 6)),
        datetime(2026, 3, 9, 13, 30, tzinfo=UTC),
    ]


def test_a_holiday_puts_off_what_is_known() -> None:
    # Thanksgiving of 2026 is Thursday, 26 November
    sessions = [date(2026, 11, 24), date(2026, 11, 25), date(2026, 11, 27)]
    flows = flows_of(bars_of({"A": dict.fromkeys(sessions, 1.0)}), shares_of({"A": dict.fromkeys(sessions, 5.0)}))

    assert column(flows, "known_at")[1:] == [
        datetime(2026, 11, 27, 14, 30, tzinfo=UTC),
        datetime(2026, 11, 30, 14, 30, tzinfo=UTC),
    ]


def test_a_published_time_counts_where_there_is_one_and_both_figures_must_be_out() -> None:
    early, late = datetime(2026, 3, 3, 1, tzinfo=UTC), datetime(2026, 3, 4, 2, tzinfo=UTC)
    on_time = shares_of({"A": [10.0, 12.0]}, published_at=early)
    overdue = on_time.with_columns(published_at=pl.when(pl.col("session") == day(0)).then(late).otherwise(early))
    bars = bars_of({"A": [1.0, 1.0]})

    assert last(flows_of(bars, on_time), "known_at") == (early,)
    assert last(flows_of(bars, overdue), "known_at") == (late,)


def test_no_bars_make_an_empty_table() -> None:
    empty = table("raw.daily_bars").empty()

    assert flows_of(empty, universe=universe_of("A")).is_empty()


def test_a_universe_without_bars_of_some_asset_says_nothing_of_it() -> None:
    flows = asset_flows(
        bars_of({"A": [1.0]}),
        table("raw.shares_outstanding").empty(),
        table("raw.corporate_actions").empty(),
        supply_of({}),
        universe_of("A", "B", ("BTC", "crypto", "supply")),
    )

    assert column(flows, "symbol") == ["A"]


def test_each_session_says_the_group_of_its_asset() -> None:
    bars = bars_of({"A": [10.0, 12.0], "B": [10.0, 12.0]})
    universe = universe_of("A", "B").with_columns(asset_group=pl.Series(["sector", None], dtype=pl.String()))

    assert flows_of(bars, universe=universe)["asset_group"].to_list() == ["sector", "sector", None, None]
    assert flows_of(bars)["asset_group"].to_list() == [None] * 4, "settings without groups give none"
