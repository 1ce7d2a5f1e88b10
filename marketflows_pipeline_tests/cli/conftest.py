from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from marketflows_pipeline.cli import report_command
from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.jobs import PARTS_OF_JOBS
from marketflows_pipeline.options import RunOptions
from marketflows_pipeline.schema import Part
from marketflows_pipeline_tests.cli.reports.cross_asset.published_rows import publish_market
from marketflows_pipeline_tests.cli.reports.exchanges.published_rows import NOW, publish_exchanges
from marketflows_pipeline_tests.logger_state import restored_logger
from marketflows_pipeline_tests.looked_at import looked_at_once

__all__ = ["looked_at_once"]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with config.toml and the hand-made exchange part, published."""
    made = tmp_path_factory.mktemp("exchanges")
    publish_exchanges(made)
    return made


@pytest.fixture(scope="session")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with config.toml and the hand-made cross-asset part, published."""
    made = tmp_path_factory.mktemp("market")
    publish_market(made)
    return made


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FixedClock:
    """The hour at which the commands are asked."""
    fixed = FixedClock(NOW)
    monkeypatch.setattr(report_command, "SystemClock", lambda: fixed)
    return fixed


@pytest.fixture
def refreshed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, RunOptions]]:
    """Stands in for the runs: notes each job with its options; the first one succeeds, the others fail."""
    asked: list[tuple[str, RunOptions]] = []

    def refresh(part: Part, job_name: str, options: RunOptions) -> int:
        assert options.config.name == "config.toml"
        assert part in PARTS_OF_JOBS[job_name]
        asked.append((job_name, options))
        return 1 if len(asked) > 1 else 0

    monkeypatch.setitem(sys.modules, "marketflows_pipeline.cli.run", SimpleNamespace(refresh=refresh))
    return asked


@pytest.fixture
def usual_logging() -> Iterator[None]:
    """What a command does to the package's logger is undone."""
    with restored_logger():
        yield
