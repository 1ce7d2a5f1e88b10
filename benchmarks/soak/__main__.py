"""python -m benchmarks.soak: simulate a month in minutes, print the evidence, exit 1 where a promise was not kept."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.soak.evidence import evaluate
from benchmarks.soak.files import another_file_system
from benchmarks.soak.finding import Finding
from benchmarks.soak.plan import Plan
from benchmarks.soak.simulation import Run, Simulation

FEWEST_TICKS = 72


def main() -> int:
    """Simulate, evaluate, print."""
    usual = Plan()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--ticks", type=int, default=usual.ticks, help="hourly runs (default: %(default)s)")
    parser.add_argument("--kills", type=int, default=usual.kills, help="runs that are killed (default: %(default)s)")
    parser.add_argument("--coins", type=int, default=usual.coins, help="coins of the market (default: %(default)s)")
    parser.add_argument("--days", type=int, default=usual.days, help="window of the settings (default: %(default)s)")
    parser.add_argument(
        "--seed", type=int, default=usual.seed, help="of market, faults and kills (default: %(default)s)"
    )
    parser.add_argument("--folder", type=Path, help="where to leave warehouse, pictures and log (default: nowhere)")
    options = parser.parse_args()
    if options.ticks < FEWEST_TICKS:
        parser.error(
            f"--ticks: {options.ticks} are too few for an outage and every injected fault; {FEWEST_TICKS} are enough"
        )
    plan = Plan(ticks=options.ticks, kills=options.kills, coins=options.coins, days=options.days, seed=options.seed)
    try:
        plan.injected()
    except ValueError as fault:
        parser.error(str(fault))
    with tempfile.TemporaryDirectory() as scratch, another_file_system() as elsewhere:
        folder = options.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        published = elsewhere or folder / "warehouse"
        console = Console()
        with Progress(console=console, transient=True) as bar:
            task = bar.add_task("Simulating", total=plan.ticks)

            def show(run: Run) -> None:
                bar.update(task, completed=run.tick + 1)
                if run.end != "done":
                    bar.console.print(
                        f"{run.at:%Y-%m-%d %H:%M} {run.end} {run.step} {'; '.join(run.failure)}", highlight=False
                    )

            simulation = Simulation(folder, plan, published, on_run=show)
            simulation.run()
        findings = evaluate(simulation)
    console.print(_as_table(findings))
    console.print(f"{len(simulation.runs)} runs of {plan.coins} coins in {simulation.seconds / 60:.1f} minutes")
    return 0 if all(finding.is_kept for finding in findings) else 1


def _as_table(findings: list[Finding]) -> Table:
    shown = Table("", "promise", "found", show_lines=True)
    for finding in findings:
        shown.add_row("kept" if finding.is_kept else "BROKEN", finding.promise, finding.found)
    return shown


if __name__ == "__main__":
    sys.exit(main())
