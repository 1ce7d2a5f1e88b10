"""How a log record becomes a line: one line whatever it quotes, so that no text from outside forges another."""

from __future__ import annotations

import copy
import logging
from types import TracebackType
from typing import TypeAlias

from marketflows_pipeline.system.printable import escaped

ExceptionInfo: TypeAlias = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


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
