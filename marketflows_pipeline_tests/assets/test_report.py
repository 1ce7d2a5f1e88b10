"""The page after a publish: what keeps it from being written is a warning, and costs the part nothing."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from marketflows_pipeline.assets import page as assets
from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.errors import Stopped
from marketflows_pipeline.options import RunOptions
from marketflows_pipeline.settings import load_config
from marketflows_pipeline_tests.report.content import NO_SCRIPTS
from marketflows_pipeline_tests.report.sections import published_coins as data


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("coins")
    data.publish_coins(folder)
    return folder


def written(folder: Path, monkeypatch: pytest.MonkeyPatch, bundle: str | None) -> dict[str, Any]:
    """Metadata of the asset after a publish into this folder."""
    monkeypatch.setattr(assets, "read_bundle", lambda: bundle)
    settings = load_config(folder / "config.toml")
    options = RunOptions(config=folder / "config.toml", out_dir=folder / "pictures")
    run: Any = SimpleNamespace(settings=settings, options=options, clock=FixedClock(data.NOW))
    return {name: value.value for name, value in assets.write_page(run).items()}


@pytest.mark.slow
def test_the_page_is_linked_and_previewed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, log: pytest.LogCaptureFixture
) -> None:
    metadata = written(folder, monkeypatch, NO_SCRIPTS)
    path = folder / "report" / "index.html"
    assert metadata["page"] == path.as_uri()
    assert metadata["size_mb"] == pytest.approx(path.stat().st_size / 1e6)
    assert metadata["brief"].startswith("Nothing can be told\\: this file holds no events")
    assert [record.getMessage() for record in log.records] == [f"the page is {path}"]


def test_missing_scripts_are_one_warning(
    folder: Path, monkeypatch: pytest.MonkeyPatch, log: pytest.LogCaptureFixture
) -> None:
    """Making them takes seconds, which no run waits for."""
    assert written(folder, monkeypatch, None) == {
        "not_written": "the scripts are missing; `marketflows report` makes them"
    }
    assert [(record.levelname, record.getMessage()) for record in log.records] == [
        ("WARNING", "no page was written: its scripts are missing; `marketflows report` makes them")
    ]


@pytest.mark.slow
def test_a_page_that_cannot_be_written_is_one_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log: pytest.LogCaptureFixture
) -> None:
    data.publish_coins(tmp_path)
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "archive").write_text("")
    metadata = written(tmp_path, monkeypatch, NO_SCRIPTS)
    assert list(metadata) == ["not_written"]
    (record,) = log.records
    assert record.levelname == "WARNING"
    assert "archive cannot be written" in record.getMessage()


def failing(monkeypatch: pytest.MonkeyPatch, cause: BaseException | None) -> None:
    def write(*_: object) -> None:
        raise ZeroDivisionError("a line\nand another") from cause

    monkeypatch.setattr(assets, "write_after_publish", write)


def test_any_fault_is_one_warning(folder: Path, monkeypatch: pytest.MonkeyPatch, log: pytest.LogCaptureFixture) -> None:
    failing(monkeypatch, None)
    assert "ZeroDivisionError" in written(folder, monkeypatch, NO_SCRIPTS)["not_written"]
    (record,) = log.records
    assert record.levelname == "WARNING"
    assert record.getMessage().startswith("no page was written: ZeroDivisionError: a line")
    assert "\n" not in record.getMessage()


def test_a_stop_is_no_fault(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, Stopped())
    with pytest.raises(ZeroDivisionError):
        written(folder, monkeypatch, NO_SCRIPTS)
