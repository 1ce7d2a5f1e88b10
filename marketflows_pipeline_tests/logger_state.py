"""The package's logger, put back as it was after a test that sets it up."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from marketflows_pipeline.cli.logs import PACKAGE


@contextmanager
def restored_logger() -> Iterator[logging.Logger]:
    """The logger; its level, handlers and propagation are undone at the end, and the levels of those below."""
    logger = logging.getLogger(PACKAGE)
    level, propagate, handlers = logger.level, logger.propagate, list(logger.handlers)
    yield logger
    for handler in logger.handlers:
        if handler not in handlers:
            handler.close()
    for name, child in logging.root.manager.loggerDict.items():
        if name.startswith(f"{PACKAGE}.") and isinstance(child, logging.Logger):
            child.setLevel(logging.NOTSET)
    logger.setLevel(level)
    logger.propagate, logger.handlers = propagate, handlers
