"""The package's logger, put back as it was after a command has set it up."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

PACKAGE = "marketflows_pipeline"


@contextmanager
def restored_logger() -> Iterator[logging.Logger]:
    """The logger; its level, handlers and propagation are undone at the end, and the levels of those below."""
    logger = logging.getLogger(PACKAGE)
    level, propagate, handlers = logger.level, logger.propagate, list(logger.handlers)
    yield logger
    for handler in logger.handlers:
        if handler not in handlers:
            handler.close()
    _leave_levels_to_the_package()
    logger.setLevel(level)
    logger.propagate, logger.handlers = propagate, handlers


def forget_set_up() -> None:
    """Undo what a command of an earlier test did to the logger: each message is then heard once, by the root logger.

    Pytest attaches its own handlers to a logger that hands nothing on, and uses them again for every test.
    """
    logger = logging.getLogger(PACKAGE)
    if logger.propagate and not logger.handlers:
        return
    for handler in logger.handlers:
        if not type(handler).__module__.startswith("_pytest"):
            handler.close()
    _leave_levels_to_the_package()
    logger.setLevel(logging.NOTSET)
    logger.propagate, logger.handlers = True, []


def _leave_levels_to_the_package() -> None:
    for name, child in logging.root.manager.loggerDict.items():
        if name.startswith(f"{PACKAGE}.") and isinstance(child, logging.Logger):
            child.setLevel(logging.NOTSET)
