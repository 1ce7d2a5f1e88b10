"""The job that fetches histories in shards, in one process, against hourly runs of the same coins."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from marketflows_pipeline.build import build_definitions
from marketflows_pipeline.options import RunOptions
from marketflows_pipeline.orchestration.failures import failure_of
from marketflows_pipeline.orchestration.shards import BACKFILL_HISTORIES
from marketflows_pipeline.settings import load_settings
from marketflows_pipeline.settings.execution import Execution
from marketflows_pipeline.warehouse.landings import landings
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline.warehouse.stores.chosen import store_of
from marketflows_pipeline_tests.fakes import faults
from marketflows_pipeline_tests.forgetful import forgetful_instance
from marketflows_pipeline_tests.pipeline.environment import HISTORY, QUIET, Environment, open_environment
from marketflows_pipeline_tests.warehouse.lakes import needs_lake

pytestmark = [pytest.mark.slow, pytest.mark.lake, needs_lake]

STORED = "select coin_id, ts, market_cap_usd, price_usd, volume_usd, source from raw.market_caps order by all"
RECORD = (
    "select coin_id, granularity, window_start, window_end, outcome, rows_served, rows_new, rows_rejected"
    " from meta.backfills order by all"
)


@pytest.fixture
def env(tmp_path: Path) -> Iterator[Environment]:
    with open_environment(tmp_path) as opened:
        opened.computes = "nothing"
        opened.configure("warehouse", store="ducklake")
        opened.configure("warehouse.ducklake", export=False)
        opened.configure("plots", set="none")
        yield opened


def options_of(env: Environment) -> RunOptions:
    return RunOptions(config=env._written_settings(), secrets=env.folder / "secrets.toml")


def backfill(env: Environment, shards: int = 2) -> dg.ExecuteInProcessResult:
    definitions = build_definitions(options_of(env), execution=Execution(shards=shards), clock=env.clock)
    with forgetful_instance() as instance:
        return definitions.resolve_job_def(BACKFILL_HISTORIES).execute_in_process(
            instance=instance, raise_on_error=False, run_config=QUIET
        )


def stored(env: Environment, *questions: str) -> list[list[tuple[object, ...]]]:
    settings = load_settings(options_of(env).config, None, {}, needs_key=False)
    with Warehouse(store_of(settings), create=False) as warehouse:
        assert landings(warehouse) == []
        return [warehouse.query(question).rows() for question in questions]


def test_shards_store_what_an_hourly_run_stores_and_request_nothing_twice(
    env: Environment, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert backfill(env).success
    in_shards = env.calls()
    with open_environment(tmp_path_factory.mktemp("hourly")) as hourly:
        hourly.computes = "nothing"
        hourly.settings = env.settings
        assert hourly.run(), hourly.failure.lines
        calls = hourly.calls()
        found = stored(env, STORED, RECORD)
        assert stored(hourly, STORED, RECORD) == found
    assert in_shards[HISTORY] == calls[HISTORY] > 10
    assert in_shards <= calls, "nothing else is asked than in an hourly run"

    assert backfill(env, shards=3).success
    assert env.calls()[HISTORY] == 0
    assert stored(env, STORED, RECORD) == found


def test_what_landed_before_the_service_failed_is_merged_by_the_next_job(env: Environment) -> None:
    env.service.script(HISTORY, *[None] * 4, *[faults.html(503)] * 500)
    failed = backfill(env)
    assert not failed.success
    (line, *_) = failure_of(failed.all_events).lines
    assert "503" in line
    served = {each.request.path for each in env.service.exchanges if each.request.endpoint == HISTORY}
    env.service.forgive()
    env.calls()

    assert backfill(env).success
    again = [each.request.path for each in env.service.exchanges if each.request.endpoint == HISTORY]
    ((n_coins, n_complete),) = stored(
        env, "select count(distinct coin_id), count(*) from meta.backfills where outcome = 'complete'"
    )[0]
    assert n_coins == n_complete == len(again) + 4
    assert len(again) == len(set(again))
    assert len(served - set(again)) == 4


def test_a_file_cannot_be_written_by_several_steps_at_once(tmp_path: Path) -> None:
    """It is asked for where the settings were changed and the code location was not loaded again."""
    with open_environment(tmp_path) as env:
        result = backfill(env, shards=1)
        assert failure_of(result.all_events).lines == (
            f"{env.folder / 'config.toml'}: warehouse.store = 'duckdb': expected \"ducklake\"",
        )
        assert env.calls() == {}
