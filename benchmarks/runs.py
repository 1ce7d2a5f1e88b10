"""Measure the program from the shell beside the published package: first run, next hourly run, calls.

    python -m benchmarks.runs [--coins 300] [--calls-coins 500] [--rounds 3]

Both programs ask the same stand-in of the service, in a process of its own, with the default config, two portfolios and
a lowest limit that all coins exceed; pictures have the published package's size. Ours is `.venv/bin/marketflows` in a
folder with config.toml, secrets.toml and dagster.yaml, so that the history of its runs is kept. The first run starts
from that alone; the next one from a copy of a folder that was filled an hour ago by the service's clock and the run's.
The published package asks at its own speed (it sleeps only when refused) and does the same in every run. Rounds
alternate between the two. Prints medians as JSON.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import shutil
import statistics
import struct
import subprocess
import sys
import time
from dataclasses import asdict, astuple, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg

from benchmarks.processes import ROOT
from benchmarks.service import Service, running_service
from marketflows_pipeline.build import build_definitions
from marketflows_pipeline.cli.run import QUIET
from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.jobs import hourly_refresh
from marketflows_pipeline.options import RunOptions
from marketflows_pipeline_tests.fakes.coingecko.access import DEMO_KEY
from marketflows_pipeline_tests.reference.environment import published_command

WORK = Path(__file__).parent / ".work" / "runs"
HOUR = timedelta(hours=1)
NARRATIVES = ["made-in-usa", "layer-1"]
# In the name of pictures whose last point is the present one: an hour later it is another.
SHOWS_NOW = "_index_by_"

# Of the defaults only the lowest limit and a narrative differ: all coins of the stand-in shall be followed, and it
# knows no "ai". The published package merges these portfolios into its own two, so they bear the same names.
CONFIG = f"""
[providers.coingecko]
days = 91
flow_types = ["narratives", "market_cap_ranges", "individual_assets"]
base_assets = ["bitcoin"]
narratives = {json.dumps(NARRATIVES)}
range_lower_limits = [5e7, 1e10]
{{more}}

[providers.coingecko.asset_groups]
Top = ["bitcoin", "ethereum"]
Risk = ["solana", "ripple"]

[analysis]
ema_periods = [20]
diff_orders = [0, 1, 2]
smoothing_ema = 10
is_unit_normalize = true

[plots]
hours_ago = [4, 8, 12, 24, 48, 72, 168, 336, 672]
"""


@dataclass(frozen=True)
class Timed:
    """One run from the shell.

    Attributes:
        shell_s: seconds from the start of the process to its end.
        job_s: seconds of the work itself: ours from the job's start to its end, theirs from settings to the last file.
        cpu_s: processor seconds of the process and its children, which other programs on the machine hardly change.
    """

    shell_s: float
    job_s: float
    cpu_s: float


def furnish(folder: Path, url: str, *, is_ours: bool) -> None:
    """Make a new folder with what a user has there before the first run."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    more = f'base_url = "{url}"\ncalls_per_minute = 1_000_000\nexclude_categories = []' if is_ours else ""
    scale = "scale = 1\n" if is_ours else ""
    (folder / "config.toml").write_text(CONFIG.format(more=more) + scale)
    (folder / "secrets.toml").write_text(f'[coingecko]\napi_key = "{DEMO_KEY}"\n')
    if is_ours:
        shutil.copy(ROOT / "dagster.yaml", folder)


def from_the_shell(command: list[str], folder: Path) -> tuple[float, float, str]:
    """Run a command in a folder; seconds, processor seconds, and what it printed."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(WORK / "home"), "PYTHONPATH": ""}
    with (folder / "run.log").open("w") as log:
        cpu, begun = cpu_of_children(), time.perf_counter()
        done = subprocess.run(
            command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=log, text=True, check=False
        )
        seconds, cpu = time.perf_counter() - begun, cpu_of_children() - cpu
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed in {folder}:\n{(folder / 'run.log').read_text()[-3000:]}")
    return seconds, cpu, done.stdout


def cpu_of_children() -> float:
    """Processor seconds of all ended children."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def ours(folder: Path) -> Timed:
    """Our command, once."""
    seconds, cpu, _ = from_the_shell([str(Path(sys.executable).with_name("marketflows"))], folder)
    record, _ = latest_run(folder)
    assert record.start_time is not None
    assert record.end_time is not None
    return Timed(seconds, record.end_time - record.start_time, cpu)


def theirs(folder: Path, url: str) -> Timed:
    """The published command, once."""
    seconds, cpu, printed = from_the_shell(published_command("command", url), folder)
    return Timed(seconds, json.loads(printed.splitlines()[-1])["seconds"], cpu)


def latest_run(folder: Path) -> tuple[dg.RunRecord, dict[str, float]]:
    """The latest run of a folder's history, and the seconds of each of its steps."""
    with contextlib.chdir(folder), dg.DagsterInstance.from_config(str(folder)) as instance:
        (record,) = instance.get_run_records(limit=1)
        steps = instance.get_run_step_stats(record.dagster_run.run_id)
        return record, {
            step.step_key: round(step.end_time - step.start_time, 3)
            for step in steps
            if step.start_time is not None and step.end_time is not None
        }


def settle(folder: Path, service: Service, at: datetime) -> None:
    """Fill a folder by a first run at a moment, in a process of its own."""
    furnish(folder, service.url, is_ours=True)
    service.set_clock(at)
    subprocess.run(
        [sys.executable, "-m", "benchmarks.runs", "--settle-at", at.isoformat()],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(WORK / "home"), "PYTHONPATH": str(ROOT)},
        check=True,
    )


def run_at(moment: datetime) -> None:
    """The hourly job in this process and folder, on a clock that stands."""
    job = build_definitions(RunOptions(), clock=FixedClock(moment)).resolve_job_def(hourly_refresh.name)
    with dg.DagsterInstance.from_config(str(Path.cwd())) as instance:
        job.execute_in_process(instance=instance, run_config=QUIET)


def present() -> datetime:
    """Now, where an hour ago was the same day: at midnight the daily grid gains a step, which this does not measure."""
    now = datetime.now(UTC).replace(microsecond=0)
    if now.hour == 0:
        raise SystemExit("between 00:00 and 01:00 UTC the daily grid is new; run this an hour later")
    return now


def measure_runs(coins: int, rounds: int) -> dict[str, Any]:
    """First and next run beside the published package's run, medians of some rounds."""
    first, settled, later, published = (WORK / name for name in ("first", "settled", "next", "published"))
    took: dict[str, list[Timed]] = {"first": [], "next": [], "published": []}
    with running_service(coins, present()) as service:
        settle(settled, service, present() - HOUR)
        for number in range(rounds + 1):
            service.set_clock(present())
            furnish(first, service.url, is_ours=True)
            furnish(published, service.url, is_ours=False)
            shutil.rmtree(later, ignore_errors=True)
            shutil.copytree(settled, later, symlinks=True)
            timed = {"published": theirs(published, service.url), "first": ours(first), "next": ours(later)}
            print(f"round {number} of {rounds}: {timed}", file=sys.stderr, flush=True)
            if number:  # the first one warms up: font caches, byte code, pages of the disk
                for name, each in timed.items():
                    took[name].append(each)
    reference = median(took["published"])
    result: dict[str, Any] = {"coins": coins, "rounds": rounds, "published": asdict(reference)}
    for name, folder in (("first", first), ("next", later)):
        run = median(took[name])
        _, steps = latest_run(folder)
        result[name] = {
            **asdict(run),
            "shell_ratio": reference.shell_s / run.shell_s,
            "job_ratio": reference.job_s / run.job_s,
            "cpu_ratio": reference.cpu_s / run.cpu_s,
            "slowest_steps_s": dict(sorted(steps.items(), key=lambda step: -step[1])[:12]),
            "steps": len(steps),
            "steps_s": sum(steps.values()),
        }
    unchanged = all(
        (later / "output_plots" / path.name).stat().st_mtime_ns == path.stat().st_mtime_ns
        for path in (settled / "output_plots").glob("*.png")
        if SHOWS_NOW not in path.name
    )
    result["next"]["pictures_left_as_they_were"] = unchanged
    result["pictures"] = {"ours": pixels(first / "output_plots"), "published": pixels(published / "output_plots")}
    result["all_s"] = {name: [asdict(each) for each in runs] for name, runs in took.items()}
    return result


def median(runs: list[Timed]) -> Timed:
    """The median of each duration."""
    return Timed(*(statistics.median(each) for each in zip(*map(astuple, runs), strict=True)))


def pixels(folder: Path) -> dict[str, float]:
    """How many pictures a folder has, and of how many pixels."""
    sizes = [struct.unpack(">II", path.read_bytes()[16:24]) for path in folder.glob("*.png")]
    return {"pictures": len(sizes), "megapixels": round(sum(width * height for width, height in sizes) / 1e6, 1)}


def count_calls(coins: int) -> dict[str, int]:
    """Calls of the second hourly run, and of a run of the published package."""
    folder, published = WORK / "calls", WORK / "calls-published"
    with running_service(coins, present()) as service:
        settle(folder, service, present() - HOUR)
        service.set_clock(present())
        before = service.calls()
        ours(folder)
        between = service.calls()
        furnish(published, service.url, is_ours=False)
        theirs(published, service.url)
        return {"coins": coins, "ours": between - before, "published": service.calls() - between}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--coins", type=int, default=300)
    parser.add_argument("--calls-coins", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--settle-at", type=datetime.fromisoformat, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.settle_at:
        run_at(options.settle_at)
        return
    (WORK / "home").mkdir(parents=True, exist_ok=True)
    results = measure_runs(options.coins, options.rounds) | {"calls": count_calls(options.calls_coins)}
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
