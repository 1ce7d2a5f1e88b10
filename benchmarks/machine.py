"""Describe the machine of a measurement: processors, memory, versions, load."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

from marketflows_pipeline_tests.reference.environment import reference_python

OURS = ("polars", "duckdb", "dagster", "altair", "vl-convert-python")
THEIRS = ("marketflows", "pandas", "numpy", "matplotlib")


def facts() -> dict[str, str]:
    """The machine and the libraries of both programs, in words."""
    gigabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return {
        "processors": f"{os.cpu_count()} of {processor()}",
        "memory": f"{gigabytes:.1f} GB",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "ours": ", ".join(f"{name} {version(name)}" for name in OURS),
        "reference": ", ".join(reference_versions()),
    }


def processor() -> str:
    """The processor's own name, where the system tells."""
    info = Path("/proc/cpuinfo")
    names = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
    return names[0] if names else platform.machine()


def reference_versions() -> list[str]:
    """Name and version of the published program and its libraries."""
    asked = f"from importlib.metadata import version\nfor name in {THEIRS}: print(name, version(name))"
    return subprocess.run(
        [reference_python(), "-c", asked], check=True, stdout=subprocess.PIPE, text=True
    ).stdout.splitlines()


def load() -> float:
    """How many processes wanted to run, on average over the last minute."""
    return round(os.getloadavg()[0], 2)
