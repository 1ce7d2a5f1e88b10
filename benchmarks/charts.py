"""Measure PNGs per second beside the published marketflows 0.1.1, same figures, same machine.

    python -m benchmarks.charts [--charts 60] [--rounds 3]

prints JSON with medians. Each measurement is a fresh process in which the plotting libraries are imported before the
clock starts; starting the drawing processes counts. The reference runs in .venv-reference, which is made where it is
missing. Ours is drawn at its pixel size (scale 1, 960 x 720) and at twice that.
"""

# ruff: noqa: PLC0415 - each of the two environments has only the libraries of its own program

from __future__ import annotations

import argparse
import json
import math
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from marketflows_pipeline_tests.reference.environment import PACKAGE, reference_python

ROOT = Path(__file__).resolve().parent.parent
SERIES = 10
POINTS = {"daily": (92, timedelta(days=1)), "hourly": (2161, timedelta(hours=1))}
END = datetime(2026, 3, 5, tzinfo=UTC)


def values(category: int, series: int, points: int) -> list[float]:
    """A random walk that starts at 1, the same for both programs."""
    draw = random.Random(1000 * category + series)
    volatility = 0.3 / math.sqrt(points)
    walk, level = [], 0.0
    for _ in range(points):
        walk.append(math.exp(level))
        level += draw.gauss(0, volatility)
    return walk


def times(points: int, step: timedelta) -> list[datetime]:
    return [END - step * (points - 1 - place) for place in range(points)]


def cpu_seconds() -> float:
    """Processor time of this process and of its ended children: what contention with other programs hardly changes."""
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    )


def draw_ours(kind: str, charts: int, scale: float, out_dir: Path) -> None:
    import altair  # noqa: F401
    import polars as pl

    from marketflows_pipeline.charts.rendering.plan import chart_job
    from marketflows_pipeline.charts.rendering.render import render_all
    from marketflows_pipeline.charts.spec import ChartSpec
    from marketflows_pipeline.charts.style.theme import series_styles

    points, step = POINTS[kind]
    ts = times(points, step)
    styles = series_styles([(f"narrative-{place}", f"Narrative {place}") for place in range(SERIES)])
    jobs = []
    for category in range(charts):
        frame = pl.concat(
            pl.DataFrame(
                {"series": [style.series] * points, "ts": ts, "value": values(category, place, points)},
                schema={"series": pl.String, "ts": pl.Datetime("us", "UTC"), "value": pl.Float64},
            )
            for place, style in enumerate(styles)
        )
        spec = ChartSpec(
            category=f"Category {category}",
            base_asset="us-dollar",
            base_label="US dollar",
            ema_period=1,
            diff_order=0,
            is_unit=False,
            smoothing_ema=1,
            step=step,
            series=styles,
            source="synthetic data",
            as_of=END,
        )
        jobs.append(chart_job(frame, spec))
    cpu, started = cpu_seconds(), time.perf_counter()
    report = render_all(jobs, out_dir, scale)
    seconds, cpu = time.perf_counter() - started, cpu_seconds() - cpu
    assert len(report.drawn) == charts
    started = time.perf_counter()
    assert len(render_all(jobs, out_dir, scale).unchanged) == charts
    unchanged = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu, "unchanged_seconds": unchanged}))


def draw_reference(kind: str, charts: int, out_dir: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import pandas as pd
    from marketflows.plots.charts import plot_charts

    points, step = POINTS[kind]
    index = pd.DatetimeIndex(times(points, step))
    groups = [f"narrative-{place}" for place in range(SERIES)]
    frames = [
        pd.DataFrame(
            {f"{group}_by_us-dollar": values(category, place, points) for place, group in enumerate(groups)},
            index=index,
        )
        for category in range(charts)
    ]
    config: Any = SimpleNamespace(is_unit_normalize=False, diff_orders=[0], ema_periods=[1])
    cpu, started = cpu_seconds(), time.perf_counter()
    for category, frame in enumerate(frames):
        plot_charts(
            flow_type="narratives",
            category=f"Category {category}",
            df=frame,
            groups=groups,
            symbols={},
            base_assets=["us-dollar"],
            analysis_config=config,
            out_dir=out_dir,
        )
    seconds, cpu = time.perf_counter() - started, cpu_seconds() - cpu
    assert len(list(out_dir.glob("*.png"))) == charts
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu}))


def measured(python: Path, who: str, kind: str, charts: int, scale: float) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        command = [str(python), __file__, "--worker", who, "--kind", kind, "--charts", str(charts)]
        answer = subprocess.run(
            [*command, "--scale", str(scale), "--out-dir", folder],
            check=True,
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": folder},
        )
    result: dict[str, float] = json.loads(answer.stdout.splitlines()[-1])
    return result


def compare(charts: int, rounds: int) -> dict[str, Any]:
    result: dict[str, Any] = {"charts": charts, "rounds": rounds, "series": SERIES, "reference": PACKAGE}
    for kind in POINTS:
        runs: dict[str, list[dict[str, float]]] = {"reference": [], "scale_1": [], "scale_2": []}
        for _ in range(rounds):
            runs["reference"].append(measured(reference_python(), "reference", kind, charts, 1))
            runs["scale_1"].append(measured(Path(sys.executable), "ours", kind, charts, 1))
            runs["scale_2"].append(measured(Path(sys.executable), "ours", kind, charts, 2))
        rate = {who: charts / statistics.median(run["seconds"] for run in took) for who, took in runs.items()}
        unchanged = statistics.median(run["unchanged_seconds"] for run in runs["scale_2"])
        result[kind] = {
            "reference_png_per_s": round(rate["reference"], 2),
            "ours_png_per_s": round(rate["scale_1"], 2),
            "ours_png_per_s_at_2x": round(rate["scale_2"], 2),
            "ratio": round(rate["scale_1"] / rate["reference"], 2),
            "ratio_at_2x": round(rate["scale_2"] / rate["reference"], 2),
            "unchanged_s": round(unchanged, 3),
            "cpu_ms_per_png": {
                who: round(statistics.median(run["cpu_seconds"] for run in took) / charts * 1000, 1)
                for who, took in runs.items()
            },
        }
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--charts", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--worker", choices=("ours", "reference"), help=argparse.SUPPRESS)
    parser.add_argument("--kind", choices=tuple(POINTS), help=argparse.SUPPRESS)
    parser.add_argument("--scale", type=float, help=argparse.SUPPRESS)
    parser.add_argument("--out-dir", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.worker == "ours":
        draw_ours(chosen.kind, chosen.charts, chosen.scale, chosen.out_dir)
    elif chosen.worker == "reference":
        draw_reference(chosen.kind, chosen.charts, chosen.out_dir)
    else:
        print(json.dumps(compare(chosen.charts, chosen.rounds), indent=2))


if __name__ == "__main__":
    main()
