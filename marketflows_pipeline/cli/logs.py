"""Where log lines go: to the terminal, and to a file that keeps the last runs."""

from __future__ import annotations

import logging
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path

from platformdirs import user_state_path
from rich.console import Console
from rich.logging import RichHandler

PACKAGE = "marketflows_pipeline"
_FILE_FORMAT = "%(asctime)s %(levelname)s %(message)s"


def log_folder() -> Path:
    """``$XDG_STATE_HOME/marketflows/logs``, by default under ``~/.local/state``."""
    return user_state_path("marketflows") / "logs"


def configure_logging(level: str, *, tutorial: bool, console: Console) -> Path:
    """Send this program's log to the terminal (at `level`) and to a file (everything from INFO, or from `level`).

    A tutorial run has a file of its own, begun anew, so that it can be compared with the expected log.

    Returns:
        The file's path.
    """
    folder = log_folder()
    folder.mkdir(parents=True, exist_ok=True)
    file: logging.Handler
    if tutorial:
        path = folder / "marketflows_tutorial.log"
        path.write_text("", encoding="utf-8")
        # Appending, because Dagster closes every handler when it sets up its own logging, and one that appends reopens.
        file = logging.FileHandler(path, mode="a", encoding="utf-8")
    else:
        path = folder / "marketflows.log"
        file = RotatingFileHandler(path, maxBytes=5_000_000, backupCount=5, encoding="utf-8")
    file.setFormatter(logging.Formatter(_FILE_FORMAT))
    file.setLevel(logging.INFO if tutorial else min(logging.INFO, logging.getLevelNamesMapping()[level]))
    terminal: logging.Handler
    if console.is_terminal:
        terminal = RichHandler(console=console, show_path=False, log_time_format="%H:%M:%S", highlighter=None)
    else:
        terminal = logging.StreamHandler(sys.stderr)
        terminal.setFormatter(logging.Formatter(_FILE_FORMAT))
    terminal.setLevel(level)
    logger = logging.getLogger(PACKAGE)
    logger.setLevel(min(file.level, terminal.level))
    logger.propagate = False
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
        handler.close()
    logger.addHandler(file)
    logger.addHandler(terminal)
    return path
