"""Running the pipeline once from the command line, through the same Dagster job as the schedule."""

from __future__ import annotations

import gc
import logging
import os
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import dagster as dg
from rich.console import Console

from marketflows_pipeline import tutorial
from marketflows_pipeline.build import build_definitions
from marketflows_pipeline.cli.logs import configure_logging
from marketflows_pipeline.failures import failure_of
from marketflows_pipeline.jobs import hourly_refresh
from marketflows_pipeline.options import RunOptions
from marketflows_pipeline.progress import LogReporter, Reporter, TerminalReporter
from marketflows_pipeline.session import read_settings
from marketflows_pipeline.settings import Settings
from marketflows_pipeline.warehouse.store import Warehouse

log = logging.getLogger(__name__)

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def run(options: RunOptions, log_level: str) -> int:
    """Run every part that is due, report what was written, and return the exit code.

    Raises:
        UserInputError: if a file given by the user is wrong.
    """
    console = Console(stderr=True)
    log_path = configure_logging(log_level, tutorial=options.tutorial, console=console)
    settings = read_settings(options, os.environ)
    reporter: Reporter = TerminalReporter(console) if console.is_terminal else LogReporter()
    begun = time.monotonic()
    with warnings.catch_warnings(), _dagster_instance() as instance:
        # Dagster tells its own developers about its betas; the user of this command can do nothing about them.
        warnings.simplefilter("ignore", category=UserWarning)
        warnings.simplefilter("ignore", category=DeprecationWarning)
        job = build_definitions(options, reporter=reporter).resolve_job_def(hourly_refresh.name)
        gc.freeze()
        # A run makes a great many small objects and hardly a cycle.
        gc.set_threshold(20_000, 20, 50)
        gc.enable()
        result = job.execute_in_process(instance=instance, raise_on_error=False, run_config=QUIET)
    if not result.success:
        failure = failure_of(result.all_events)
        for line in failure.lines:
            click.echo(f"error: {line}", err=True)
        click.echo(f"the run failed; what was published before is unchanged. Log: {log_path}", err=True)
        return failure.exit_code
    seconds = time.monotonic() - begun
    log.info("done in %.1f s", seconds)
    _say_what_was_written(options, settings, log_path)
    return _compare_with_known_good(settings, log_path) if options.tutorial else 0


@contextmanager
def _dagster_instance() -> Iterator[dg.DagsterInstance]:
    """The instance that `dagster dev` uses here, so that the run is seen in the UI.

    That is the one of DAGSTER_HOME, else of the dagster.yaml in the working directory; without either, the history of
    the run is not kept.
    """
    if os.environ.get("DAGSTER_HOME"):
        instance = dg.DagsterInstance.get()
    elif Path("dagster.yaml").exists():
        instance = dg.DagsterInstance.from_config(str(Path.cwd()))
    else:
        instance = dg.DagsterInstance.ephemeral()
    with instance:
        yield instance


def _say_what_was_written(options: RunOptions, settings: Settings, log_path: Path) -> None:
    pictures = sorted(options.out_dir.glob("*.png"))
    tables = sum(path.name.endswith("_percent_gains_table.png") for path in pictures)
    click.echo(f"database  {settings.warehouse.published_path}")
    click.echo(f"pictures  {options.out_dir}: {len(pictures) - tables} charts, {tables} gain tables")
    click.echo(f"log       {log_path}")


def _compare_with_known_good(settings: Settings, log_path: Path) -> int:
    with Warehouse(settings.warehouse.path, create=False) as warehouse:
        differences = tutorial.compare_with_known_good(warehouse.read, log_path.read_text(encoding="utf-8"))
    if not differences:
        click.echo("tutorial  matches the known-good result, tables and log")
        return 0
    for difference in differences:
        click.echo(f"tutorial  differs: {difference}", err=True)
    return 1
