"""Other DuckDB versions beside the installed one, each in a folder that stands first on the path of a child process.

``python -m marketflows_pipeline_tests.warehouse.engines 2.0.0`` makes the folder where it is missing and prints it; the
whole suite runs on another version as ``PYTHONPATH=$(that) python -m pytest marketflows_pipeline_tests/warehouse``.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

ROOT = Path(__file__).parents[2]


def engine_folder(version: str) -> Path | None:
    """Folder with that DuckDB version, installed from the package index once; None for the installed one."""
    if duckdb.__version__ == version:
        return None
    folder = ROOT / ".venv-duckdb" / version
    if not (folder / "duckdb").is_dir():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        environment = {**os.environ, "PIP_USER": "0"}
        subprocess.run([*pip, "--target", str(folder), f"duckdb=={version}"], env=environment, check=True)
    return folder


def engine_environment(version: str = duckdb.__version__) -> dict[str, str]:
    """Environment in which ``import duckdb`` finds that version (this process's own by default), and this project."""
    try:
        folder = engine_folder(version)
    except subprocess.CalledProcessError as fault:
        pytest.skip(f"duckdb {version} could not be installed: {fault}")
    path = [str(folder)] if folder else [entry for entry in sys.path if "/.venv-duckdb/" in entry]
    return {**os.environ, "PYTHONPATH": os.pathsep.join([*path, str(ROOT)])}


if __name__ == "__main__":
    sys.stdout.write(f"{engine_folder(sys.argv[1]) or ''}\n")
