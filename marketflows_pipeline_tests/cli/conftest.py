from __future__ import annotations

from pathlib import Path

import pytest

from marketflows_pipeline.cli import exchanges
from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline_tests.cli.exchange_data import NOW, publish_exchanges


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with config.toml and the hand-made exchange part, published."""
    made = tmp_path_factory.mktemp("exchanges")
    publish_exchanges(made)
    return made


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FixedClock:
    """The hour at which the commands are asked."""
    fixed = FixedClock(NOW)
    monkeypatch.setattr(exchanges, "SystemClock", lambda: fixed)
    return fixed
