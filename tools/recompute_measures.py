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
import recompute_index
import recompute_overlap
import recompute_rotation
from recompute_closes import packaged_settings
from recompute_compare import say


def main(arguments: list[str]) -> int:
    """Compare every table of a file."""
    if not arguments:
        sys.stderr.write("Say which file: python tools/recompute_measures.py FILE [SETTINGS]\n")
        return 2
    file, settings = arguments[0], Path(arguments[1]) if len(arguments) > 1 else packaged_settings()
    by_settings = (recompute_index, recompute_cap_flows, recompute_breadth, recompute_overlap)
    results = [each for module in by_settings for each in module.recompute(file, settings)]
    return say([*results, *recompute_category_breadth.recompute(file), *recompute_rotation.recompute(file)])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
