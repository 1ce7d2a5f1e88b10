"""A test hears the package's messages once, also after one in which a command has set up its log."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from rich.console import Console

from marketflows_pipeline.cli.logs import configure_logging
from marketflows_pipeline_tests.logger_state import forget_set_up, restored_logger


def test_what_a_command_has_set_up_is_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with restored_logger() as logger:
        configure_logging("INFO", tutorial=False, console=Console())
        handlers = list(logger.handlers)
        forget_set_up()
        logging.getLogger("marketflows_pipeline.ingest").warning("a row was left out")

        assert caplog.messages == ["a row was left out"]
        assert logger.level == logging.NOTSET
        assert handlers
        assert not logger.handlers
