"""dagster.yaml and workspace.yaml, at the root and for containers."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from dagster import DagsterInstance
from dagster._core.instance.config import dagster_instance_config

ROOT = Path(__file__).parents[2]
STORAGE_KEYS = {"storage", "local_artifact_storage", "compute_logs", "code_servers"}


def _yaml(path: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))
    return content


@pytest.mark.slow
def test_history_stays_in_the_clone_without_any_variable_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "dagster.yaml", tmp_path)
    with DagsterInstance.from_config(str(tmp_path)) as instance:
        assert instance.get_runs() == []
        assert not instance.telemetry_enabled
        assert not instance.nux_enabled
        assert instance.run_monitoring_enabled
        assert instance.run_monitoring_max_runtime_seconds < 3600
        queue = instance.get_concurrency_config().run_queue_config
        assert queue is not None
        assert queue.max_concurrent_runs == 1
        assert instance.managed_python_loggers == ["marketflows_pipeline"]
    assert list((tmp_path / ".dagster" / "storage").rglob("runs.db"))


def test_the_file_for_containers_is_valid_and_has_the_same_rules_for_runs() -> None:
    config, _ = dagster_instance_config(str(ROOT / "deploy"))
    assert set(config["storage"]) == {"postgres"}
    here = {key: value for key, value in _yaml("dagster.yaml").items() if key not in STORAGE_KEYS}
    there = {key: value for key, value in _yaml("deploy/dagster.yaml").items() if key not in STORAGE_KEYS}
    assert there == here


def test_the_workspace_names_what_the_project_file_names() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["dagster"]
    (location,) = _yaml("workspace.yaml")["load_from"]
    assert location["python_module"] == {
        "module_name": project["module_name"],
        "location_name": project["code_location_name"],
    }
    (remote,) = _yaml("deploy/workspace.yaml")["load_from"]
    assert remote["grpc_server"]["location_name"] == project["code_location_name"]
