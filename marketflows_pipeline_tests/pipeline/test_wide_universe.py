"""The wide universe, reference series and a table of reported flows in whole runs, on real sockets."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from marketflows_pipeline_tests.pipeline.market import open_market

pytestmark = pytest.mark.slow

FRIDAY = datetime(2026, 9, 18, 22, 45, tzinfo=UTC)
SERIES = {"DTWEXBGS", "DGS2", "DGS10", "T10Y2Y", "BAMLH0A0HYM2"}


def test_groups_series_and_a_shifted_table_of_flows(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The table is ours, each flow a session early: the second run finds the session between them and warns."""
    (tmp_path / "own" / "flows").mkdir(parents=True)
    with open_market(tmp_path, FRIDAY) as market:
        market.env.configure("cross_asset", universe_preset="wide", folder="own", start="2026-01-02")
        # The price service knows the default universe alone; what it does not know stops nothing.
        assert market.run(), market.env.failure.lines
        # Treasury bonds of three durations, of one of which the shares are known.
        rows = market.rows(
            "select max(n_funds), max(n_known), max(n_with_assets), max(coverage_pct) from mart.fund_group_flows"
            " where asset_group = 'duration'"
        )
        assert rows == [(3, 1, 1, 100.0)]
        assert {symbol for (symbol,) in market.rows("select distinct series_id from raw.reference_series")} == SERIES
        known = market.rows(
            "select count(*) from mart.correlations where symbol_a = 'DGS10' and symbol_b = 'SPY'"
            " and correlation is not null"
        )
        assert known != [(0,)]
        assert market.rows("select count(*) from core.asset_flows where symbol in ('DGS10', 'T10Y2Y')") == [(0,)]

        flows = market.rows(
            "select trade_session, lead(trade_flow_usd) over (order by trade_session) from core.asset_flows"
            " where symbol = 'SPY' and trade_flow_usd is not null order by trade_session"
        )
        lines = [f"{day},{flow}" for day, flow in flows if flow is not None]
        (tmp_path / "own" / "flows" / "SPY.csv").write_text("\n".join(["date,flow_usd", *lines, ""]))
        assert market.run(hours_later=72), market.env.failure.lines
        best = market.published("select symbol, lag_sessions, n >= 40 from mart.flow_comparison where is_best")
        assert best == [("SPY", 1, True)]
    assert "check reported_flows_fit_without_a_lag of mart.flow_comparison: 1 row" in caplog.text
