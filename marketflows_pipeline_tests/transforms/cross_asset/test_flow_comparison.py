"""Our flows beside those of somebody else: a table that is a session off is found, and a fitting one is not doubted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.cross_asset.flow_comparison import LAGS, LEAST_PAIRS, flow_comparison
from marketflows_pipeline_tests.transforms.cross_asset.frames import assert_in_shape, rows_of, weekdays

# Without a pattern of its own at one or two sessions.
FLOWS = [5.0, -3.0, 0.0, 8.0, -9.0, 1.0, 4.0, -2.0, 7.0, -6.0, 3.0, 0.0, -8.0, 2.0, 9.0, -1.0, -5.0, 6.0, -7.0, 4.0] * 2
FLOWS = [flow + number // 20 * (number % 3 - 1) for number, flow in enumerate(FLOWS)]
DAYS = weekdays(len(FLOWS) + 4)


def ours(flows: Sequence[float | None], first: int = 2, symbol: str = "IBIT", lag: int = 0) -> pl.DataFrame:
    """Flows by trade session, from the third weekday on; every weekday is a session."""
    by_day = dict(zip(DAYS[first:], flows, strict=False))
    return rows_of(
        "core.asset_flows",
        *(
            {
                "symbol": symbol,
                "session": day,
                "trade_session": day,
                "trade_flow_usd": by_day.get(day),
                "share_lag_sessions": lag,
            }
            for day in DAYS
        ),
    )


def theirs(flows: Sequence[float | None], first: int = 2, symbol: str = "IBIT") -> pl.DataFrame:
    rows = zip(DAYS[first:], flows, strict=False)
    return rows_of(
        "raw.reported_flows",
        *({"symbol": symbol, "session": day, "flow_usd": flow} for day, flow in rows if flow is not None),
    )


def compared(our: pl.DataFrame, their: pl.DataFrame) -> pl.DataFrame:
    found = flow_comparison(our, their)
    assert_in_shape(found, "mart.flow_comparison")
    return found


def best(found: pl.DataFrame) -> dict[str, object]:
    return found.filter("is_best").row(0, named=True)


@pytest.mark.parametrize("shift", [-2, -1, 0, 1, 2])
def test_a_table_that_is_shifted_by_sessions_is_found(shift: int) -> None:
    """IBIT's counts stood a session after the orders, which no figure of ours alone could show."""
    found = best(compared(ours(FLOWS, lag=1), theirs(FLOWS, first=2 - shift)))

    assert found["lag_sessions"] == shift
    assert found["correlation"] == pytest.approx(1)
    assert found["sign_agreement_pct"] == 100
    assert (found["n"], found["share_lag_sessions"]) == (len(FLOWS), 1)


def test_the_figures_of_every_lag_stand_side_by_side() -> None:
    found = compared(ours(FLOWS), theirs(FLOWS))

    assert found["lag_sessions"].to_list() == list(LAGS)
    assert found["n"].to_list() == [38, 39, 40, 39, 38]
    zero = found.filter(lag_sessions=0).row(0, named=True)
    assert zero["n_signed"] == sum(flow != 0 for flow in FLOWS)
    assert zero["our_flow_usd"] == zero["reported_flow_usd"] == pytest.approx(sum(FLOWS))
    assert (zero["first_session"], zero["last_session"]) == (DAYS[2], DAYS[41])


def test_signs_agree_by_the_pairs_in_which_neither_is_zero() -> None:
    # 5 | 5, -3 | 3, 0 | 2, 8 | 0, -9 | -1: of three with signs two agree.
    found = compared(ours([*FLOWS[:2], 0.0, 8.0, -9.0]), theirs([5.0, 3.0, 2.0, 0.0, -1.0])).filter(lag_sessions=0)

    assert found.select("n", "n_signed").row(0) == (5, 3)
    assert found["sign_agreement_pct"].item() == pytest.approx(200 / 3)
    assert found["correlation"].item() is None, f"under {LEAST_PAIRS} pairs"
    assert not compared(ours(FLOWS[:5]), theirs(FLOWS[:5]))["is_best"].any()


def test_pairs_with_an_unknown_side_are_left_out() -> None:
    holey = [None if number % 4 == 0 else flow for number, flow in enumerate(FLOWS)]
    zero = compared(ours(holey), theirs(FLOWS)).filter(lag_sessions=0).row(0, named=True)

    assert (zero["n"], zero["is_best"]) == (30, True)


def test_a_session_is_one_of_the_fund_so_that_a_weekend_is_no_lag() -> None:
    found = compared(ours(FLOWS), theirs(FLOWS, first=1))

    assert best(found)["lag_sessions"] == 1, "Monday's beside Friday's too"


def test_days_without_a_session_of_the_fund_are_ignored() -> None:
    saturday = rows_of("raw.reported_flows", {"symbol": "IBIT", "session": date(2026, 3, 7), "flow_usd": 1e9})

    assert compared(ours(FLOWS), pl.concat([theirs(FLOWS), saturday])).equals(compared(ours(FLOWS), theirs(FLOWS)))


def test_flows_that_do_not_vary_fit_at_no_lag() -> None:
    assert compared(ours([1.0] * 40), theirs([1.0] * 40))["correlation"].null_count() == len(LAGS)


def test_funds_without_reported_flows_have_no_row() -> None:
    assert compared(ours(FLOWS, symbol="SPY"), theirs(FLOWS)).is_empty()
    assert flow_comparison(ours(FLOWS), table("raw.reported_flows").empty()).is_empty()


@given(st.lists(st.integers(-50, 50), min_size=44, max_size=44), st.floats(1e-3, 1e6))
def test_the_unit_of_the_table_changes_no_correlation(flows: list[int], factor: float) -> None:
    plain = compared(ours(FLOWS), theirs(list(map(float, flows)), first=0))
    scaled = compared(ours(FLOWS), theirs([flow * factor for flow in flows], first=0))

    same = ["lag_sessions", "sign_agreement_pct", "n", "n_signed"]
    assert plain.select(same).equals(scaled.select(same))
    assert (plain["correlation"] - scaled["correlation"]).drop_nulls().abs().max() in (None, pytest.approx(0, abs=1e-9))
