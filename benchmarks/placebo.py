"""Measure what training reaches on permuted labels of the tutorial's market, with 99 draws: bands and time.

    python -m benchmarks.placebo [--draws 99]

Labels permuted by blocks of dates, the whole walk-forward of the logistic model for each draw, both horizons; `train`
takes 39 draws. Prints JSON.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

from benchmarks.recovery import HORIZONS, SEED, panel_of
from marketflows_pipeline.models.dataset import dataset
from marketflows_pipeline.models.labels import labels
from marketflows_pipeline.models.panel import FEATURES
from marketflows_pipeline.models.placebo import placebo_figures
from marketflows_pipeline.models.walk_forward import WalkForward
from marketflows_pipeline.tutorial.cross_asset_provider import CROSS_ASSET_FOLDER


def measure(draws: int) -> dict[str, Any]:
    """Median and band of each figure, and the processor's seconds, by horizon."""
    panel, flows = panel_of(CROSS_ASSET_FOLDER)
    found: dict[str, Any] = {"draws": draws, "horizons": {}}
    for horizon in HORIZONS:
        data = dataset(panel, labels(flows, horizon=horizon, target="direction"), features=FEATURES)
        begun = time.process_time()
        figures = placebo_figures(data, WalkForward(horizon=horizon), kind="logistic", seed=SEED, draws=draws)
        bands = {each.metric: [each.lower_95, each.value, each.upper_95] for each in figures}
        found["horizons"][str(horizon)] = {"cpu_s": time.process_time() - begun, "rows": len(data.y), **bands}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=99)
    print(json.dumps(measure(parser.parse_args().draws)))


if __name__ == "__main__":
    main()
