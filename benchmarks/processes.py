"""Measure in a fresh process: what it printed, and how much memory it held."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


def in_a_process(*arguments: str, python: str = sys.executable) -> dict[str, Any]:
    """What a program of ours prints in its last line, as JSON."""
    printed = subprocess.run([python, *arguments], check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT).stdout
    found: dict[str, Any] = json.loads(printed.splitlines()[-1])
    return found


def peak_mb() -> float:
    """The most memory this process ever held; unlike `getrusage`, nothing of the one that started it."""
    status = Path("/proc/self/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) / 1024
