from __future__ import annotations

from collections.abc import Mapping

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.transforms.cross_asset.flow_map import OUTSIDE, flow_map
from marketflows_pipeline_tests.transforms.cross_asset.frames import assert_in_shape, day, rows_of


def ranked(flows: dict[str, float | None], issuance: dict[str, float] | None = None, window: int = 5) -> pl.DataFrame:
    methods: list[tuple[Mapping[str, float | None], str]] = [(flows, "shares"), (issuance or {}, "supply")]
    return rows_of(
        "mart.flow_rankings",
        *(
            {"window_sessions": window, "symbol": symbol, "session": day(0), "flow_method": method, "flow_usd": flow}
            for given, method in methods
            for symbol, flow in given.items()
        ),
    )


def mapped(rankings: pl.DataFrame, *, include_issuance: bool = False) -> dict[tuple[str, str], float]:
    frame = flow_map(rankings, include_issuance=include_issuance)
    assert_in_shape(frame, "mart.flow_map")
    assert frame["includes_issuance"].unique().to_list() in ([], [include_issuance])
    return {(row[0], row[1]): row[2] for row in frame.select("from_symbol", "to_symbol", "flow_usd").iter_rows()}


def test_outflows_are_spread_over_inflows_in_proportion_and_the_rest_leaves() -> None:
    # 100 left, 60 arrived: of each dollar lost 0.4 went to C, 0.2 to D and 0.4 out of the universe
    assert mapped(ranked({"A": -75.0, "B": -25.0, "C": 40.0, "D": 20.0})) == pytest.approx(
        {
            ("A", "C"): 30,
            ("A", "D"): 15,
            ("A", OUTSIDE): 30,
            ("B", "C"): 10,
            ("B", "D"): 5,
            ("B", OUTSIDE): 10,
        }
    )


def test_inflows_beyond_the_outflows_come_from_outside() -> None:
    assert mapped(ranked({"A": -10.0, "C": 30.0, "D": 10.0})) == pytest.approx(
        {("A", "C"): 7.5, ("A", "D"): 2.5, (OUTSIDE, "C"): 22.5, (OUTSIDE, "D"): 7.5}
    )


def test_equal_sums_need_no_outside() -> None:
    assert mapped(ranked({"A": -10.0, "C": 10.0})) == {("A", "C"): 10}


def test_with_nobody_on_the_other_side_everything_is_outside() -> None:
    assert mapped(ranked({"A": -10.0, "B": None, "C": 0.0})) == {("A", OUTSIDE): 10}
    assert mapped(ranked({"C": 7.0})) == {(OUTSIDE, "C"): 7}
    assert mapped(ranked({"A": None})) == {}


def test_issuance_counts_where_it_is_asked_for_alone() -> None:
    rankings = ranked({"A": -10.0, "C": 10.0}, issuance={"BTC": 10.0})

    assert mapped(rankings) == {("A", "C"): 10}
    assert mapped(rankings, include_issuance=True) == pytest.approx(
        {("A", "BTC"): 5, ("A", "C"): 5, (OUTSIDE, "BTC"): 5, (OUTSIDE, "C"): 5}
    )


def test_windows_are_apart() -> None:
    both = pl.concat([ranked({"A": -1.0, "C": 1.0}, window=1), ranked({"A": 4.0}, window=5)])

    frame = flow_map(both, include_issuance=False)

    assert frame.select("window_sessions", "from_symbol", "to_symbol", "flow_usd").rows() == [
        (1, "A", "C", 1),
        (5, OUTSIDE, "A", 4),
    ]


FLOW = st.none() | st.just(0.0) | st.floats(1, 1e12) | st.floats(-1e12, -1)


@given(st.dictionaries(st.sampled_from("ABCDEFGH"), FLOW))
def test_rows_sum_to_outflows_and_columns_to_inflows(flows: dict[str, float | None]) -> None:
    pairs = mapped(ranked(flows))

    assert all(value > 0 for value in pairs.values())
    for symbol, flow in flows.items():
        lost = sum(value for (source, _), value in pairs.items() if source == symbol)
        gained = sum(value for (_, target), value in pairs.items() if target == symbol)
        assert (lost, gained) == pytest.approx((max(-(flow or 0), 0), max(flow or 0, 0)), rel=1e-9)
    assert (OUTSIDE, OUTSIDE) not in pairs
