"""Where log lines go: to the terminal, and to a file that keeps the last runs.

A file that cannot be written never stops a run: one warning says so, and the terminal still gets every line.
"""

from __future__ import annotations

import contextlib
import copy
import logging
import os
import pkgutil
import sys
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType
from typing import TypeAlias

from rich.console import Console
from rich.logging import RichHandler

import marketflows_pipeline
from marketflows_pipeline.errors import UnsafeFileError
from marketflows_pipeline.system.printable import escaped
from marketflows_pipeline.system.safe_files import open_private, private_folder, write_whole
from marketflows_pipeline.system.state_folder import VARIABLE, state_folder

PACKAGE = marketflows_pipeline.__name__
_FILE_FORMAT = "%(asctime)s %(levelname)s %(message)s"
_MOST_BYTES, _OLDER_FILES = 5_000_000, 5

_log = logging.getLogger(__name__)
ExceptionInfo: TypeAlias = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class RunLog:
    """The log of a run: its file, if it has one, and how many of its lines warn."""

    def __init__(self, file: _LogFile | None, counter: _WarningCounter) -> None:
        self._file = file
        self._counter = counter

    @property
    def path(self) -> Path | None:
        """The file; None where it does not hold every line, because it could not be made or written."""
        if self._file is None or self._file.error is not None:
            return None
        return Path(self._file.baseFilename)

    @property
    def n_warnings(self) -> int:
        """Lines at WARNING or above so far."""
        return self._counter.n_warnings


def log_folder() -> Path:
    """``$XDG_STATE_HOME/marketflows/logs``, by default under ``~/.local/state``.

    Raises:
        OSError: if there is no home folder.
    """
    return state_folder("logs")


def configure_logging(level: str, *, tutorial: bool, console: Console) -> RunLog:
    """Send this program's log to the terminal (at `level`) and to a file (everything from INFO, or from `level`).

    A tutorial run has a file of its own, begun anew, so that it can be compared with the expected log.
    """
    terminal: logging.Handler
    if console.is_terminal:
        terminal = RichHandler(console=console, show_path=False, log_time_format="%H:%M:%S", highlighter=None)
        terminal.setFormatter(LineFormatter())
    else:
        terminal = logging.StreamHandler(sys.stderr)
        terminal.setFormatter(LineFormatter(_FILE_FORMAT))
    terminal.setLevel(level)
    counter = _WarningCounter()
    # A tutorial's file is to be as expected, whatever the terminal shows.
    least = logging.INFO if tutorial else min(logging.INFO, logging.getLevelNamesMapping()[level])
    logger = logging.getLogger(PACKAGE)
    logger.setLevel(min(least, terminal.level))
    # A run sets the package's own level to what dagster.yaml says; what is below keeps that of the command.
    for module in pkgutil.iter_modules(marketflows_pipeline.__path__, f"{PACKAGE}."):
        logging.getLogger(module.name).setLevel(logger.level)
    logger.propagate = False
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
        handler.close()
    logger.addHandler(counter)
    logger.addHandler(terminal)
    file = _log_file("marketflows_tutorial.log" if tutorial else "marketflows.log", is_begun_anew=tutorial)
    if file is not None:
        file.setLevel(least)
        logger.addHandler(file)
    return RunLog(file, counter)


def _log_file(name: str, *, is_begun_anew: bool) -> _LogFile | None:
    given = os.environ.get(VARIABLE, "")
    try:
        folder = log_folder()
        for each in (folder.parent, folder):
            private_folder(each)
        if is_begun_anew:
            write_whole(folder / name, b"", private=True)
        # The tutorial's file is never rotated: it is compared as a whole.
        file = _LogFile(folder / name, max_bytes=0 if is_begun_anew else _MOST_BYTES)
    except (OSError, UnsafeFileError) as error:
        _log.warning("the log cannot be written to a file (%s): it goes to the terminal only", error)
        return None
    if given and not Path(given).is_absolute():
        _log.warning("%s = %r is not an absolute path, which it has to be: the log is in %s", VARIABLE, given, folder)
    return file


class _LogFile(RotatingFileHandler):
    """A file of the last runs that gives up after its first fault: a full disk, a folder that is gone.

    It appends, because Dagster closes every handler when it sets up its own logging, and one that appends reopens.
    """

    def __init__(self, path: Path, *, max_bytes: int) -> None:
        self.error: OSError | UnsafeFileError | None = None
        super().__init__(
            path, maxBytes=max_bytes, backupCount=_OLDER_FILES, encoding="utf-8", errors="backslashreplace"
        )
        self.setFormatter(LineFormatter(_FILE_FORMAT))

    def _open(self) -> TextIOWrapper:
        """Append to a file of this user alone, through no link that somebody put in its place."""
        opened = open_private(Path(self.baseFilename), os.O_WRONLY | os.O_APPEND)
        return TextIOWrapper(os.fdopen(opened, "ab"), encoding=self.encoding, errors=self.errors)

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, unless an earlier one failed."""
        if self.error is None:
            super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:
        """Give up, and say so once; anything but a fault of the file is a mistake in a line, which logging shows."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError | UnsafeFileError):
            super().handleError(record)
            return
        self.error = error
        self.close()
        _log.warning(
            "the log %s cannot be written any more (%s): it goes to the terminal only", self.baseFilename, error
        )

    def close(self) -> None:
        """Close the file; what a full disk did not take is lost."""
        with contextlib.suppress(OSError):
            super().close()


class _WarningCounter(logging.Handler):
    """Counts the lines that warn."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.n_warnings = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Count a line."""
        self.n_warnings += 1


class LineFormatter(logging.Formatter):
    """A formatter that spells out what cannot be shown; a traceback keeps its lines, each set in from the margin."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as text; only a traceback has more than one line."""
        own = copy.copy(record)
        # Another handler may have left its own traceback there, as it came.
        own.exc_text = None
        return super().format(own)

    def formatMessage(self, record: logging.LogRecord) -> str:
        """The line itself."""
        record.message = escaped(record.message)
        return super().formatMessage(record)

    def formatException(self, ei: ExceptionInfo) -> str:
        """The lines of a traceback."""
        return _set_in(super().formatException(ei))

    def formatStack(self, stack_info: str) -> str:
        """The lines of a stack."""
        return _set_in(super().formatStack(stack_info))


def _set_in(lines: str) -> str:
    return "\n".join(f"  {escaped(line)}" for line in lines.split("\n"))
