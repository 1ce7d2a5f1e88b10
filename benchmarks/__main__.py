"""Run all measurements and write RESULTS.md: ``make bench``, or ``make bench FLAGS="--only runs"`` for one part.

Each part is a program of its own that prints JSON. What it found is kept in benchmarks/.work/results, and a part that
was never measured here keeps its section of the page, so that one part can be measured again by itself.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import machine
from benchmarks.processes import ROOT
from benchmarks.report import ROWS, markdown

RESULTS = Path(__file__).with_name("RESULTS.md")
KEPT = Path(__file__).parent / ".work" / "results"


def measure(part: str) -> None:
    """Run one part and keep what it found."""
    print(f"{datetime.now(UTC):%H:%M:%S} {part} ...", file=sys.stderr, flush=True)
    before = machine.load()
    printed = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{part}"], check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ).stdout
    record = {
        "taken_at": f"{datetime.now(UTC):%Y-%m-%d %H:%M}",
        "load_before": before,
        "load_after": machine.load(),
        "found": json.loads(printed),
    }
    KEPT.mkdir(parents=True, exist_ok=True)
    (KEPT / f"{part}.json").write_text(json.dumps(record, indent=2), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=tuple(ROWS), action="append", help="measure this part; may be repeated")
    parts = parser.parse_args().only or list(ROWS)
    for part in parts:
        measure(part)
    kept = {part: json.loads(path.read_text()) for part in ROWS if (path := KEPT / f"{part}.json").exists()}
    page = markdown(kept, machine.facts(), RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else "")
    RESULTS.write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
