"""The reason why a command works with Python's garbage collector off: by counts, not by seconds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

# Prints how often the collector has looked, at the end of a command.
COUNTED = """
import atexit, gc, sys
looks = []
gc.callbacks.append(lambda phase, _: looks.append(phase))
atexit.register(lambda: print(looks.count("start"), file=sys.stderr))
if sys.argv.pop(1) == "on":
    gc.disable = lambda: None
from marketflows_pipeline.cli import main
main()
"""


def looks(collector: str, folder: Path) -> int:
    command = [sys.executable, "-c", COUNTED, collector, "--tutorial", "status"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return int(done.stderr.splitlines()[-1])


def test_an_answer_would_be_interrupted_by_many_looks_for_garbage(tmp_path: Path) -> None:
    """Where this fails because Python looks less often, it can stay on."""
    assert looks("on", tmp_path) > 2 * looks("off", tmp_path)
