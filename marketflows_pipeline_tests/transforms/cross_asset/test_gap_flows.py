"""What came over sessions without figures counts in the windows that hold all of them."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.transforms.cross_asset.flow_rankings import flow_rankings
from marketflows_pipeline_tests.transforms.cross_asset.frames import bars_of, column, day, flows_of, shares_of

GAP = ("gap_flow_usd", "gap_price_effect_usd", "gap_sessions")
NAMES = pl.DataFrame({"symbol": ["A"], "name": ["Alpha"]})
NOTHING = (None, None, None)


def summed(flows: pl.DataFrame, *windows: int) -> list[tuple[object, ...]]:
    ranked = flow_rankings(flows, NAMES, windows)
    return ranked.select("flow_usd", "price_effect_usd", "sessions_known", "flow_method").rows()


def test_a_missing_count_loses_no_flow_of_a_window_that_holds_the_gap() -> None:
    """One missing share count once lost the flow of two sessions from every window, for good."""
    flows = flows_of(bars_of({"A": [2.0, 2.5, 3.0, 3.0]}), shares_of({"A": [100.0, None, 110.0, 112.0]}))

    # 10 shares at 3; the 100 that were there gained 1 each; together 330 - 200
    assert flows.select(GAP).rows() == [NOTHING, NOTHING, (30, 100, 2), NOTHING]
    assert column(flows, "flow_usd") == [None, None, None, 6]
    assert summed(flows, 1, 2, 3) == [(6, 0, 1, "shares"), (6, 0, 1, "shares"), (36, 100, 3, "shares")]


def test_a_gap_alone_makes_the_flow_of_a_window() -> None:
    flows = flows_of(bars_of({"A": [1.0] * 3}), shares_of({"A": [100.0, None, 110.0]}))

    assert summed(flows, 1, 2) == [(None, None, 0, "price_only"), (10, 0, 2, "shares")]


def test_a_gap_of_net_assets_is_one_of_their_growth_beyond_the_price() -> None:
    # 1,000 at a price that grows from 10 to 12 are 1,200; that there are 1,300 is 100 from outside
    flows = flows_of(bars_of({"A": [10.0, 11.0, 12.0]}), shares_of({}, net_assets={"A": [1000.0, None, 1300.0]}))

    assert flows.select(GAP).row(-1) == (pytest.approx(100), pytest.approx(200), 2)
    assert summed(flows, 2)[0][3] == "aum"


def test_a_split_within_a_gap_is_no_flow() -> None:
    flows = flows_of(
        bars_of({"A": [1.0, 1.0, 1.0]}), shares_of({"A": [100.0, None, 410.0]}), splits={"A": {day(1): 4.0}}
    )

    assert flows.select(GAP).row(-1) == (10, 0, 2)


def test_before_the_first_figures_there_is_no_gap() -> None:
    flows = flows_of(bars_of({"A": [1.0] * 4}), shares_of({"A": {day(2): 5.0, day(3): 6.0}}))

    assert flows.select(GAP).unique().rows() == [NOTHING]


def test_shares_are_never_compared_with_net_assets_over_a_gap() -> None:
    shares = shares_of({"A": [100.0, None, None]}, net_assets={"A": [None, None, 1000.0]})

    assert flows_of(bars_of({"A": [10.0] * 3}), shares).select(GAP).row(-1) == NOTHING


def test_a_gap_is_known_when_its_later_end_is() -> None:
    flows = flows_of(bars_of({"A": [1.0] * 3}), shares_of({"A": [100.0, None, 110.0]}))

    assert column(flows, "known_at") == [None, None, datetime(2026, 3, 5, 14, 30, tzinfo=UTC)]
    assert column(flows, "flow_method") == ["price_only"] * 3


# So near to each other that none looks like a split.
COUNT = st.none() | st.floats(1e6, 1.4e6)


@given(st.lists(st.tuples(st.floats(0.5, 5_000), COUNT), min_size=2, max_size=12), st.integers(1, 12))
def test_flows_and_gaps_of_a_window_hold_each_session_once(
    history: list[tuple[float, float | None]], window: int
) -> None:
    closes, shares = (list(each) for each in zip(*history, strict=True))
    flows = flows_of(bars_of({"A": closes}), shares_of({"A": shares}))

    # By the text of the rule: steps from known count to known count that lie within the window.
    known = [number for number, count in enumerate(shares) if count is not None]
    # Windows end at the last session that is known.
    first = (known[-1] + 1 if len(known) > 1 else len(closes)) - window
    steps = [(a, b) for a, b in pairwise(known) if a + 1 >= first]
    expected = math.fsum(closes[b] * ((shares[b] or 0) - (shares[a] or 0)) for a, b in steps)
    ((flow, _, sessions, _),) = summed(flows, window)
    assert sessions == sum(b - a for a, b in steps)
    if not steps:
        assert flow is None
    else:
        assert isinstance(flow, float)
        scale = max(closes) * max(count or 0 for count in shares)
        assert math.isclose(flow, expected, rel_tol=1e-9, abs_tol=1e-9 * scale)
