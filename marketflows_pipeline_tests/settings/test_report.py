"""``[report]``: where the page goes, and for how long its copies stay."""

from __future__ import annotations

from pathlib import Path

import pytest

from marketflows_pipeline.options import TUTORIAL_REPORT
from marketflows_pipeline.tutorial.files import load_tutorial_settings
from marketflows_pipeline_tests.settings.conftest import Faults, Load


def test_the_page_is_beside_the_config_file(load: Load, tmp_path: Path) -> None:
    report = load("").report
    assert (report.path, report.keep_days) == (tmp_path / "report", 60)
    assert load('[report]\npath = "pages/daily"').report.path == tmp_path / "pages" / "daily"


def test_the_tutorials_is_its_own(tmp_path: Path) -> None:
    assert load_tutorial_settings(tmp_path).report.path == tmp_path / TUTORIAL_REPORT


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("keep_days = 0", "config.toml: report.keep_days = 0: expected"),
        ("keep_days = 3651", "config.toml: report.keep_days = 3651: expected"),
        ("keep_days = 1.5", "config.toml: report.keep_days = 1.5: expected"),
        ('path = ""', "config.toml: report.path = '': expected the path of a folder"),
        ("path = 5", "config.toml: report.path = 5: expected the path of a folder"),
        ("keepdays = 5", "config.toml: report.keepdays = 5: unknown key; did you mean keep_days?"),
    ],
)
def test_a_wrong_value_is_named(faults: Faults, line: str, fault: str) -> None:
    (found,) = faults(f"[report]\n{line}")
    assert found.startswith(fault)


@pytest.mark.parametrize("path", ["taken", "taken/below"])
def test_a_file_is_no_folder(faults: Faults, tmp_path: Path, path: str) -> None:
    (tmp_path / "taken").write_text("")
    (found,) = faults(f'[report]\npath = "{path}"')
    assert found.startswith("config.toml: report.path = ")
    assert found.endswith(f"{path}': expected the path of a folder; taken is none")


def test_a_link_that_leads_nowhere_is_no_folder(faults: Faults, tmp_path: Path) -> None:
    (tmp_path / "report").symlink_to(tmp_path / "gone")
    (found,) = faults("")
    assert found.endswith("report': expected the path of a folder; report is none")


def test_live_pages_are_not_put_among_the_tutorials(
    faults: Faults, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (found,) = faults(f'[report]\npath = "{TUTORIAL_REPORT}"')
    assert found.endswith(f"{TUTORIAL_REPORT}': expected another folder than the tutorial's")
