"""Compute all measures on closes a second time, from raw tables by the text of their rules, and compare.

Usage: ``python tools/recompute_measures.py FILE [SETTINGS]``, with a DuckDB file of a run and its ``config.toml``
(default: the tutorial's). It prints the largest relative difference of each table, and exits with 1 if one is above
1e-9. It imports nothing of the package; the modules that it uses have the rules.
"""

from __future__ import annotations

import sys
from pathlib import Path

import recompute_breadth
import recompute_cap_flows
import recompute_category_breadth
import recompute_compare
import recompute_index
import recompute_overlap
import recompute_rotation


def recompute(file: str, settings: Path) -> list[recompute_compare.Comparison]:
    """All tables of a file."""
    by_settings = (recompute_index, recompute_cap_flows, recompute_breadth, recompute_overlap)
    results = [each for module in by_settings for each in module.recompute(file, settings)]
    return [*results, *recompute_category_breadth.recompute(file), *recompute_rotation.recompute(file)]


def main(arguments: list[str]) -> int:
    """Compare every table of a file."""
    return recompute_compare.main(recompute, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
