from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from marketflows_pipeline.models.known_flows import FLOW_FEATURES, known_flows, session_close
from marketflows_pipeline.models.panel import FEATURES, OTHER_FEATURES, features, newest
from marketflows_pipeline_tests.models.made_up import CLASSES, Frames, frames, weekdays

SYMBOLS = tuple(CLASSES)
WHOLE = frames()
DAYS = weekdays(330)


def panel_of(given: Frames) -> pl.DataFrame:
    return features(*given, symbols=SYMBOLS)


def row(panel: pl.DataFrame, symbol: str, day: date) -> dict[str, Any]:
    return panel.row(by_predicate=(pl.col("symbol") == symbol) & (pl.col("session") == day), named=True)


def test_a_panel_has_a_row_for_each_asset_and_session_and_a_column_for_each_feature() -> None:
    panel = panel_of(WHOLE)

    assert panel.columns == ["symbol", "session", *FEATURES]
    assert panel.height == 330 * 5
    assert panel.select("session", "symbol").is_sorted("session")
    assert len(set(FEATURES)) == len(OTHER_FEATURES) + len(FLOW_FEATURES) == 24


@pytest.mark.parametrize("place", [0, 1, 21, 100, 259, 328])
def test_features_of_a_session_are_the_same_when_nothing_later_is_known(place: int) -> None:
    cut = panel_of(WHOLE.upto(DAYS[place]))
    whole = panel_of(WHOLE).filter(pl.col("session") <= DAYS[place])

    assert_frame_equal(cut, whole, check_exact=True)


@pytest.mark.parametrize("column", ["close_usd", "notional_zscore"])
def test_the_truncation_catches_a_leak_in_what_is_given(column: str) -> None:
    # the same comparison must fail where a column of session t holds what belongs to t + 1
    leaking = WHOLE._replace(flows=WHOLE.flows.with_columns(pl.col(column).shift(-1).over("symbol")))
    cut = WHOLE.upto(DAYS[200])
    cut = cut._replace(flows=cut.flows.with_columns(pl.col(column).shift(-1).over("symbol").fill_null(1.0)))

    with pytest.raises(AssertionError):
        assert_frame_equal(panel_of(cut), panel_of(leaking).filter(pl.col("session") <= DAYS[200]), check_exact=True)


def test_returns_and_drawdown_by_hand() -> None:
    # 100, 110, 99: ln(99/110), and 99 is 10 % below 110
    closes = pl.Series([100.0] * 58 + [110.0, 99.0])
    only = frames(60)
    flows = only.flows.filter(pl.col("symbol") == "SPY").with_columns(close_usd=closes)

    last = row(features(flows, *only[1:], symbols=["SPY"]), "SPY", DAYS[59])

    assert last["return_1"] == pytest.approx(math.log(0.9))
    assert last["return_5"] == pytest.approx(math.log(0.99))
    assert last["return_60"] is None
    assert last["drawdown_252"] == pytest.approx(-0.1)
    daily = [0.0] * 18 + [math.log(1.1), math.log(0.9)]
    assert last["volatility_20"] == pytest.approx(float(np.std(daily, ddof=1)) * math.sqrt(252))


def test_vix_counts_from_the_session_after_its_close() -> None:
    values = WHOLE.volatility.get_column("close")

    now = row(panel_of(WHOLE), "GLD", DAYS[100])

    assert now["vix"] == pytest.approx(math.log(values[99]))
    assert now["vix_change_1"] == pytest.approx(math.log(values[99] / values[98]))
    assert now["vix_change_5"] == pytest.approx(math.log(values[99] / values[94]))
    assert now["vix_percentile"] == WHOLE.regimes.get_column("vix_percentile")[99]
    assert now["term_structure"] == WHOLE.regimes.get_column("term_structure")[99]


def test_a_vix_of_more_than_a_week_ago_is_none() -> None:
    stopped = WHOLE._replace(volatility=WHOLE.volatility.filter(pl.col("session") <= DAYS[100]))

    panel = panel_of(stopped)

    assert row(panel, "SPY", DAYS[103])["vix"] == row(panel, "SPY", DAYS[101])["vix"]
    assert row(panel, "SPY", DAYS[107])["vix"] is None


def test_the_share_of_notional_counts_a_session_late() -> None:
    shares = WHOLE.flows.filter(pl.col("symbol") == "SPY").get_column("notional_share")

    now = row(panel_of(WHOLE), "SPY", DAYS[100])

    assert now["notional_share"] == shares[99]
    assert now["notional_share_change_5"] == pytest.approx(shares[99] - shares[94])


def test_what_is_not_finite_is_missing() -> None:
    broken = WHOLE.pressure.with_columns(relative_volume=pl.lit(0.0), cmf_20=pl.lit(math.nan))

    panel = panel_of(WHOLE._replace(pressure=broken))

    assert panel.get_column("relative_volume").null_count() == panel.height
    assert panel.get_column("cmf_20").null_count() == panel.height


def test_a_flow_counts_from_the_session_after_it_where_it_is_known_at_the_next_open() -> None:
    flows = WHOLE.flows.filter(pl.col("symbol") == "GLD")
    flow, cap = flows.get_column("flow_usd"), flows.get_column("market_cap_usd")

    now = row(panel_of(WHOLE), "GLD", DAYS[100])

    assert now["flow_zscore"] == flows.get_column("flow_zscore")[99]
    assert now["flow_pct_1"] == pytest.approx(100 * flow[99] / cap[98])
    assert now["flow_pct_5"] == pytest.approx(100 * flow[95:100].sum() / cap[94])
    assert now["flow_pct_20"] == pytest.approx(100 * flow[80:100].sum() / cap[79])


def test_shares_of_flow_are_of_those_known_together_and_issuance_is_none() -> None:
    day = WHOLE.flows.filter(pl.col("session") == DAYS[99])
    flow = dict(day.select("symbol", "flow_usd").iter_rows())
    funds = ("SPY", "GLD", "TLT", "IBIT")
    total = sum(abs(flow[symbol]) for symbol in funds)

    panel = panel_of(WHOLE)

    for symbol in funds:
        assert row(panel, symbol, DAYS[100])["gross_flow_share"] == pytest.approx(flow[symbol] / total)
    issuance = row(panel, "BTC", DAYS[100])
    assert [issuance[name] for name in FLOW_FEATURES[:-1]] == [None] * 5


def test_flow_of_risky_funds_is_the_same_for_every_asset_of_a_session() -> None:
    # equities and funds of coins: SPY and IBIT, but neither gold, bonds nor issuance
    risky = WHOLE.flows.filter(pl.col("symbol").is_in(["SPY", "IBIT"]))
    flow = sum(risky.filter(pl.col("session").is_in(DAYS[95:100])).get_column("flow_usd").to_list())
    cap = sum(risky.filter(pl.col("session") == DAYS[94]).get_column("market_cap_usd").to_list())

    found = panel_of(WHOLE).filter(pl.col("session") == DAYS[100]).get_column("risky_flow_pct_5")

    assert found.to_list() == pytest.approx([100 * flow / cap] * 5)


def entering(known_at: list[datetime | None], flow: list[float | None] | None = None) -> list[float | None]:
    """flow_zscore of each session where flows are known at these moments; its value is the flow's own place."""
    n = len(known_at)
    one = frames(n).flows.filter(pl.col("symbol") == "SPY")
    places = pl.Series([float(place) for place in range(n)])
    one = one.with_columns(flow_zscore=places, known_at=pl.Series(known_at, dtype=pl.Datetime("us", "UTC")))
    if flow is not None:
        one = one.with_columns(flow_usd=pl.Series(flow, dtype=pl.Float64))
    return known_flows(one).get_column("flow_zscore").to_list()


def at(place: int, hour: int, minute: int = 0) -> datetime:
    return datetime(*DAYS[place].timetuple()[:3], hour, minute, tzinfo=UTC)


def test_a_flow_known_before_the_close_of_its_own_session_counts_there() -> None:
    # in January New York closes at 21:00 UTC
    assert entering([at(0, 21), at(1, 21, 1), at(2, 20)]) == [0.0, None, 2.0]


def test_a_flow_that_comes_late_counts_at_one_session_only_and_the_newest_wins() -> None:
    assert entering([at(3, 9), at(2, 9), at(3, 9), at(4, 9), None]) == [None, None, None, 2.0, 3.0]


def test_a_figure_that_looks_back_waits_for_the_last_flow_behind_it() -> None:
    # the flow of the first session became known at the fourth, so the scores of the next two wait for it
    assert entering([at(3, 9), at(1, 9), at(2, 9), None]) == [None, None, None, 2.0]


def test_a_session_without_a_flow_brings_none_and_nothing_is_carried_on() -> None:
    known: list[datetime | None] = [at(1, 9), at(2, 9), at(3, 9), at(4, 9), None]

    assert entering(known, flow=[1.0, None, 1.0, 1.0, None]) == [None, 0.0, None, 2.0, 3.0]


def test_no_flow_counts_before_its_own_session_whatever_its_file_says() -> None:
    assert entering([at(0, 9), at(0, 9), at(0, 9)]) == [0.0, 1.0, 2.0]


def test_the_close_follows_the_clock_of_new_york() -> None:
    days = pl.DataFrame({"session": [date(2026, 1, 15), date(2026, 7, 15)]})

    closes = days.select(session_close(pl.col("session"))).to_series().to_list()

    assert closes == [datetime(2026, 1, 15, 21, tzinfo=UTC), datetime(2026, 7, 15, 20, tzinfo=UTC)]


def test_the_newest_session_leaves_out_an_asset_that_has_none() -> None:
    stopped = WHOLE._replace(
        flows=WHOLE.flows.filter((pl.col("symbol") != "TLT") | (pl.col("session") < DAYS[-1] - timedelta(days=3)))
    )

    last = newest(panel_of(stopped))

    assert last.get_column("symbol").to_list() == ["BTC", "GLD", "IBIT", "SPY"]
    assert set(last.get_column("session")) == {DAYS[-1]}


def test_figures_over_the_universe_are_of_the_symbols_asked_for() -> None:
    panel = features(*WHOLE, symbols=["SPY"])

    assert set(panel.get_column("symbol")) == {"SPY"}
    assert abs(row(panel, "SPY", DAYS[100])["gross_flow_share"]) == 1.0
