"""Runs whose store is a lake, in files of this machine."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from marketflows_pipeline.build import build_definitions
from marketflows_pipeline.clock import FixedClock, SystemClock
from marketflows_pipeline.options import RunOptions
from marketflows_pipeline.settings import load_settings
from marketflows_pipeline.warehouse.lake_maintenance import KEEPS_SNAPSHOTS
from marketflows_pipeline.warehouse.published import LakeSnapshot
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline.warehouse.stores.chosen import store_of
from marketflows_pipeline.warehouse.stores.lake_place import LakePlace
from marketflows_pipeline_tests.forgetful import forgetful_instance
from marketflows_pipeline_tests.pipeline.environment import QUIET, Environment
from marketflows_pipeline_tests.published_answers import query_rows
from marketflows_pipeline_tests.warehouse.lakes import needs_lake
from marketflows_pipeline_tests.warehouse.runs import Runs

pytestmark = [pytest.mark.slow, pytest.mark.lake, needs_lake]


def test_a_run_that_exports_no_file_passes_and_says_why_there_is_no_page(
    env: Environment, log: pytest.LogCaptureFixture
) -> None:
    env.configure("warehouse", store="ducklake")
    env.configure("warehouse.ducklake", export=False)
    env.configure("plots", set="none")
    assert env.run(with_pictures=True), env.failure.lines

    assert not env.published.exists()
    assert not (env.folder / "report").exists()
    assert "no page was written: it is made from the published file, and export = false" in log.text
    warnings = [record.getMessage() for record in log.records if record.levelname == "WARNING"]
    assert [words for words in warnings if "the key is sent to 127.0.0.1" not in words] == []
    snapshot = env.metadata("published.market_caps", "snapshot")
    place = LakePlace(env.folder / ".marketflows" / "lake", env.folder / ".marketflows" / "lake_data")
    assert f"published the lake {place.catalog}, snapshot {snapshot} (" in log.text
    answer = query_rows(LakeSnapshot(place, snapshot), "select count(distinct series) from mart.metrics")
    assert answer.rows[0][0] > 2


def test_the_weekly_job_maintains_the_lake(tmp_path: Path, log: pytest.LogCaptureFixture) -> None:
    options = RunOptions(config=tmp_path / "config.toml", secrets=tmp_path / "secrets.toml")
    options.config.write_text('[warehouse]\nstore = "ducklake"\n')
    settings = load_settings(options.config, None, {}, needs_key=False)
    with Warehouse(store_of(settings)) as warehouse:
        runs = Runs(warehouse, settings.warehouse.published_path)
        for n in (1, 2):
            runs.passes(run_id=f"run-{n}", value=float(n), hour=n)
        ((before,),) = warehouse.query("select count(*) from pub.snapshots()").rows()
    weeks_later = FixedClock(SystemClock().now() + KEEPS_SNAPSHOTS + timedelta(hours=1))
    job = build_definitions(options, has_lake=True, clock=weeks_later).resolve_job_def("maintain_lake")
    with forgetful_instance() as instance:
        assert job.execute_in_process(instance=instance, raise_on_error=False, run_config=QUIET).success
    with Warehouse(store_of(settings), create=False) as warehouse:
        ((after,),) = warehouse.query("select count(*) from pub.snapshots()").rows()
        assert warehouse.query("select market_cap_usd from pub.raw.market_caps").rows() == [(2.0,)]
    assert after < before
