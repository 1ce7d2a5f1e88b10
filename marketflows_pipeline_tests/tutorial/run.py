"""Run `marketflows --tutorial` once for all tests that look at its result."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

ROOT = Path(__file__).parents[2]
STARTER = "from marketflows_pipeline.cli import main; main()"


@dataclass(frozen=True)
class TutorialRun:
    """A folder in which the tutorial has run. Tests share it: they read, and write elsewhere.

    Attributes:
        done: the command as it ended.
    """

    folder: Path
    done: subprocess.CompletedProcess[str]

    @property
    def published(self) -> Path:
        return self.folder / "warehouse" / "marketflows_tutorial.duckdb"


def shared_tutorial_run(folder: Path) -> TutorialRun:
    """The run in `folder`; the first process that asks makes it, and the others wait."""
    record = folder / "done.json"
    with FileLock(f"{folder}.lock"):
        if not record.exists():
            folder.mkdir(exist_ok=True)
            done = _run(folder)
            record.write_text(json.dumps([done.returncode, done.stdout, done.stderr]), encoding="utf-8")
    returncode, stdout, stderr = json.loads(record.read_text(encoding="utf-8"))
    return TutorialRun(folder, subprocess.CompletedProcess("marketflows --tutorial", returncode, stdout, stderr))


def _run(folder: Path) -> subprocess.CompletedProcess[str]:
    """The command, without the user's own key or state."""
    kept = {name: value for name, value in os.environ.items() if name not in {"COINGECKO_API_KEY", "DAGSTER_HOME"}}
    return subprocess.run(
        [sys.executable, "-c", STARTER, "--tutorial"],
        cwd=folder,
        env=kept | {"XDG_STATE_HOME": str(folder / "state"), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
