from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from marketflows_pipeline.cli import report_command
from marketflows_pipeline.clock import FixedClock
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
def usual_logging() -> Iterator[None]:
    """What a command does to the package's logger is undone."""
    with restored_logger():
        yield
