"""``marketflows-dev``: ``dagster dev``, with all its options, whose page stands behind the guard."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dagster._cli import ENV_PREFIX, cli, dev
from dagster_shared.yaml_utils import load_yaml_from_path

from marketflows_pipeline.system.safe_files import keep_others_from_writing
from marketflows_pipeline.web import server

_PAGE = [sys.executable, "-m", "dagster_webserver"]
_DAEMON = [sys.executable, "-m", "dagster._daemon"]
_GUARDED_PAGE = [sys.executable, "-m", server.__name__]


def guarded_command(command: Sequence[str]) -> list[str]:
    """The command of a part of ``dagster dev``, with our page in place of Dagster's.

    Raises:
        RuntimeError: if it is neither the page nor the daemon, so that no page is started without its guard.
    """
    start, options = list(command[:3]), list(command[3:])
    if start == _PAGE:
        return [*_GUARDED_PAGE, *options]
    if start != _DAEMON:
        raise RuntimeError(f"this version of Dagster starts its parts in another way: {' '.join(start)}")
    return [*start, *options]


class KeptHistory(logging.Filter):
    """Tells where the history of runs is kept, where Dagster takes every folder without DAGSTER_HOME for temporary."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._kept = _history_folder(folder)

    def filter(self, record: logging.LogRecord) -> bool:
        """Change Dagster's line about its temporary folder, and drop the advice that follows it."""
        text = record.getMessage()
        if self._kept is None:
            return True
        if text.startswith("Using temporary directory"):
            record.msg, record.args = "Keeping the history of runs in %s, as dagster.yaml says", (self._kept,)
        return not text.startswith("To persist information across sessions")


def _history_folder(folder: Path) -> Path | None:
    """Where the folder's dagster.yaml has the history of runs; None where it does not say."""
    file = folder / "dagster.yaml"
    if not file.exists():
        return None
    match load_yaml_from_path(str(file)):
        case {"storage": {"custom": {"config": {"base_dir": str(kept)}}} | {"sqlite": {"base_dir": str(kept)}}}:
            return folder / kept
    return None


def main() -> None:
    """Run code server, daemon and page until the process is told to end."""
    keep_others_from_writing()
    command: Any = dev
    start_part = command.open_ipc_subprocess

    def start_guarded_part(parts: Sequence[str], **options: Any) -> Any:  # noqa: ANN401 - as Popen takes and is
        return start_part(guarded_command(parts), **options)

    command.open_ipc_subprocess = start_guarded_part
    logging.getLogger("dagster").addFilter(KeptHistory(Path.cwd()))
    with server.errors_in_a_line():
        server.guard_of(os.environ)  # so that an error is told before anything is started
        cli(["dev", *sys.argv[1:]], auto_envvar_prefix=ENV_PREFIX, prog_name="dagster")


if __name__ == "__main__":
    main()
