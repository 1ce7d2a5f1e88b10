"""One whole run for the quick suite: fetched, derived, checked, published. The other files of this folder are slow."""

from __future__ import annotations

import pytest

from marketflows_pipeline_tests.pipeline.environment import HISTORY, Environment


def test_a_run_fetches_each_history_once_and_publishes_what_it_computed(
    env: Environment, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("WARNING", "dagster._core.execution.plan.active"):
        assert env.run(as_scheduled=True), env.failure.lines
    # It had warned of each blocking check of the exchanges, which the settings do not have.
    assert "emitted no result" not in caplog.text

    coins = env.stored("select count(*) from raw.coins where is_active").item()
    assert 10 < env.calls()[HISTORY] <= coins
    published = env.stored("select table_name, status, n_rows from meta.publish where part = 'market_caps'")
    assert set(published["status"]) == {"fresh"}
    rows = dict(published.select("table_name", "n_rows").iter_rows())
    assert all(rows[name] > 0 for name in ("raw.market_caps", "core.market_cap_grid", "mart.normalized"))
