"""An environment that holds the published package and nothing of ours."""

from __future__ import annotations

import subprocess
import venv
from pathlib import Path

PACKAGE = "marketflows==0.1.1"
ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".venv-reference"
DRIVER = Path(__file__).with_name("published_program.py")


def reference_python() -> Path:
    """The interpreter of the environment, made and filled on first use."""
    python = FOLDER / "bin" / "python"
    if not python.exists():
        venv.create(FOLDER, with_pip=True)
    is_filled = subprocess.run([python, "-c", "import marketflows"], capture_output=True, check=False)
    if is_filled.returncode:
        subprocess.run([python, "-m", "pip", "install", "--quiet", PACKAGE], check=True)
    return python


def published_command(*arguments: str | Path) -> list[str]:
    """The command line of the driver script there, with nothing of this project on its path."""
    return [str(argument) for argument in (reference_python(), "-I", DRIVER, *arguments)]


def run_published_program(*arguments: str | Path) -> str:
    """What the driver script prints when it runs there."""
    command = published_command(*arguments)
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=FOLDER).stdout
