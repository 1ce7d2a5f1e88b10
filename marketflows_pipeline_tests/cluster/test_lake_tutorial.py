"""The tutorial on a lake: what it publishes is what it publishes on a file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from marketflows_pipeline.build import build_definitions
from marketflows_pipeline.jobs import full_refresh
from marketflows_pipeline.options import RunOptions
from marketflows_pipeline.progress import LogReporter
from marketflows_pipeline.schema import TABLES
from marketflows_pipeline.settings import Settings
from marketflows_pipeline.settings.postgres import DuckLake
from marketflows_pipeline.tutorial.files import load_tutorial_settings
from marketflows_pipeline.tutorial.verify import compare_tables
from marketflows_pipeline_tests.forgetful import forgetful_instance
from marketflows_pipeline_tests.pipeline.environment import PICTURES, QUIET
from marketflows_pipeline_tests.published_answers import run_sql
from marketflows_pipeline_tests.warehouse.lakes import needs_lake

pytestmark = [pytest.mark.slow, pytest.mark.cluster, needs_lake]

# What tells one run from another; `inputs` are digests of figures to their last digit.
_OF_A_RUN = frozenset({"run_id", "call_id", "duration_ms", "fingerprint", "publish", "inputs"})


def _run(folder: Path, monkeypatch: pytest.MonkeyPatch, *, is_lake: bool) -> Settings:
    """The tutorial without pictures and page."""
    folder.mkdir()
    monkeypatch.chdir(folder)
    settings = load_tutorial_settings(folder)
    if is_lake:
        lake = DuckLake(
            catalog=folder / ".marketflows" / "lake", data=folder / ".marketflows" / "lake_data", export=True
        )
        files = settings.warehouse.model_copy(update={"store": "ducklake", "ducklake": lake})
        settings = settings.model_copy(update={"warehouse": files})
    options = replace(RunOptions(tutorial=True, out_dir=folder / "pictures"), begins_anew=True)
    definitions = build_definitions(options, settings=settings, reporter=LogReporter())
    job = definitions.resolve_job_def(full_refresh.name)
    selected = [key for key in job.asset_layer.executable_asset_keys if key not in PICTURES]
    with forgetful_instance() as instance:
        done = job.execute_in_process(
            instance=instance, raise_on_error=False, run_config=QUIET, asset_selection=selected
        )
    assert done.success
    return settings


def _read(path: Path, name: str) -> pl.DataFrame:
    """A table by its key; floats of two runs differ in their last digits, which would sort them otherwise."""
    rows = run_sql(path, f"from {name}")
    return rows.drop(_OF_A_RUN, strict=False).sort([key for key in TABLES[name].key if key not in _OF_A_RUN])


def test_both_stores_publish_the_same_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    of_file, of_lake = (
        _run(tmp_path / name, monkeypatch, is_lake=name == "lake").warehouse.published_path for name in ("file", "lake")
    )
    assert [str(each) for each in compare_tables(lambda name: run_sql(of_lake, f"from {name}"))] == []

    stored = "select schema_name || '.' || table_name as name from duckdb_tables() where not internal order by 1"
    names = run_sql(of_file, stored)["name"].to_list()
    assert run_sql(of_lake, stored)["name"].to_list() == names
    assert len(names) > 50
    for name in names:
        assert_frame_equal(_read(of_lake, name), _read(of_file, name), rel_tol=1e-12, abs_tol=0, check_exact=False)

    # Of the same rows both have the same digests, so that a store that is copied computes nothing anew.
    inputs = "from meta.computed where not starts_with(table_name, 'mart.events:') order by table_name"
    columns = ["table_name", "inputs"]
    assert run_sql(of_lake, inputs).select(columns).equals(run_sql(of_file, inputs).select(columns))
