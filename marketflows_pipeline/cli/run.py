"""Running the pipeline once from the command line, through the same Dagster job as the schedule."""

from __future__ import annotations

import gc
import logging
import os
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import click
import dagster as dg
from rich.console import Console

from marketflows_pipeline.build import build_definitions
from marketflows_pipeline.charts.style.wording import counted
from marketflows_pipeline.cli.interrupts import RUN_INTERRUPTED, interruptible
from marketflows_pipeline.cli.logs import RunLog, configure_logging
from marketflows_pipeline.cli.page import scripts
from marketflows_pipeline.cli.text import say
from marketflows_pipeline.errors import MarketflowsError, UserInputError
from marketflows_pipeline.jobs import (
    KEYLESS_JOBS,
    assets_wanted,
    crypto_refresh,
    full_refresh,
    market_cap_refresh,
    score_models,
    train_models,
)
from marketflows_pipeline.options import TUTORIAL_RECORD, WAIT_OF_A_COMMAND, RunOptions
from marketflows_pipeline.orchestration.failures import failure_of
from marketflows_pipeline.orchestration.run_history import RunHistory
from marketflows_pipeline.progress import LogReporter, Reporter, TerminalReporter
from marketflows_pipeline.report.places import NO_FILE
from marketflows_pipeline.report.writing import INDEX
from marketflows_pipeline.run_context import read_settings
from marketflows_pipeline.schema import PARTS, Part
from marketflows_pipeline.settings import Settings
from marketflows_pipeline.system.safe_files import private_folder, private_umask
from marketflows_pipeline.tutorial.verify import compare_with_golden
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline.warehouse.stores.chosen import store_of

log = logging.getLogger(__name__)

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def run(options: RunOptions, log_level: str) -> int:
    """Run every part of the settings, report what was written, and return the exit code.

    Raises:
        UserInputError: if a file given by the user is wrong.
    """
    console = Console(stderr=True)
    options = replace(options, begins_anew=options.tutorial)
    run_log = configure_logging(log_level, tutorial=options.tutorial, console=console)
    settings = read_settings(options, os.environ)
    begun = time.monotonic()
    page = settings.report.path / INDEX
    page_before = _version(page)
    exit_code = _execute(_job_of(settings), options, settings, console, run_log)
    if exit_code:
        return exit_code
    warned = f", {counted(run_log.n_warnings, 'warning')}" if run_log.n_warnings else ""
    log.info("done in %.1f s%s", time.monotonic() - begun, warned)
    _say_what_was_written(options, settings, run_log, page if _version(page) != page_before else None)
    return _compare_with_golden(settings, run_log) if options.tutorial else 0


def _job_of(settings: Settings) -> str:
    """The job with the parts of these settings; a part that is off would only be skipped step by step."""
    if settings.exchanges is None and settings.cross_asset is None:
        return market_cap_refresh.name
    if settings.cross_asset is None:
        return crypto_refresh.name
    return full_refresh.name


def refresh(part: Part, job_name: str, options: RunOptions) -> int:
    """Run a job for a command that prints its answer itself; what went wrong is said on standard error.

    Args:
        part: what the settings must have.
        job_name: of the job.
        options: files and mode of the run.

    Returns:
        The exit code.

    Raises:
        UserInputError: if a file given by the user is wrong, or its settings have no such part.
        MarketflowsError: if the job works on what is stored, and nothing is.
    """
    console = Console(stderr=True)
    level = click.get_current_context().find_root().params.get("log_level", "INFO")
    run_log = configure_logging(level.upper(), tutorial=options.tutorial, console=console)
    settings = read_settings(options, os.environ, needs_key=job_name not in KEYLESS_JOBS)
    if part != "market_caps" and getattr(settings, part) is None:
        if part == "exchanges" and settings.no_exchanges:
            raise UserInputError(settings.no_exchanges)
        raise UserInputError(f"{options.config}: [{part}] is missing: expected that table, which may be empty")
    options = replace(options, wait_limit=WAIT_OF_A_COMMAND)
    is_first = not store_of(settings).exists()
    if is_first and job_name == score_models.name:
        raise MarketflowsError(f"no model is trained yet; train one: {options.command_line('train')}")
    if is_first and job_name == train_models.name and not options.tutorial:
        fetch = options.command_line("cross-asset flows --refresh")
        raise MarketflowsError(f"there is nothing to train on yet; fetch prices first: {fetch}")
    if is_first and options.tutorial:
        say(f"the tutorial has not run here yet: {options.command_line()} runs first", is_error=True)
        # What a refresh of one part, a training or scores need is there after a run of all parts.
        exit_code = _execute(full_refresh.name, options, settings, console, run_log)
        if exit_code or job_name not in KEYLESS_JOBS:
            return exit_code
    return _execute(job_name, options, settings, console, run_log)


def _execute(job_name: str, options: RunOptions, settings: Settings, console: Console, run_log: RunLog) -> int:
    """Run a job in this process; the exit code, after one line for each fault."""
    if settings.warehouse.has_file:
        scripts()
    reporter: Reporter = TerminalReporter(console) if console.is_terminal else LogReporter()
    # What Dagster writes is for the user alone, too; pictures and the published file are not.
    with warnings.catch_warnings(), private_umask(), _dagster_instance(tutorial=options.tutorial) as instance:
        # Dagster tells its own developers about its betas; the user of this command can do nothing about them.
        warnings.simplefilter("ignore", category=UserWarning)
        warnings.simplefilter("ignore", category=DeprecationWarning)
        job = build_definitions(options, settings=settings, reporter=reporter).resolve_job_def(job_name)
        # What is loaded stays: the tutorial's refresh of one part takes 6.8 s of processor time so, 7.7 s without.
        gc.freeze()
        gc.enable()
        with interruptible(RUN_INTERRUPTED):
            result = job.execute_in_process(
                instance=instance,
                raise_on_error=False,
                run_config=QUIET,
                asset_selection=assets_wanted(job, settings),
            )
    if result.success:
        return 0
    failure = failure_of(result.all_events)
    for line in failure.lines:
        say(f"error: {line}", is_error=True)
    where = f" Log: {run_log.path}" if run_log.path else ""
    say(f"{_what_became_of_parts(result)}{where}", is_error=True)
    return failure.exit_code


def _what_became_of_parts(result: dg.ExecuteInProcessResult) -> str:
    """Which parts a failed run has published all the same."""
    keys = [event.asset_key for event in result.get_asset_materialization_events()]
    done = [part for part in PARTS if dg.AssetKey(["published", part]) in keys]
    if not done:
        return "the run failed; what was published before is unchanged."
    return f"the run failed in part; {' and '.join(done)} is published, the rest is as it was published before."


@contextmanager
def _dagster_instance(*, tutorial: bool) -> Iterator[dg.DagsterInstance]:
    """The instance that `dagster dev` uses here, so that the run is seen in the UI.

    That is the one of DAGSTER_HOME, else of the dagster.yaml in the working directory; without either, the history of
    the run is not kept. A tutorial run is never seen beside live ones: its record is its own.
    """
    has_file = Path("dagster.yaml").exists()
    if tutorial and has_file:
        instance = _tutorial_instance(Path.cwd() / TUTORIAL_RECORD)
    elif os.environ.get("DAGSTER_HOME") and not tutorial:
        instance = dg.DagsterInstance.get()
    elif has_file:
        instance = dg.DagsterInstance.from_config(str(Path.cwd()))
    else:
        instance = dg.DagsterInstance.ephemeral()
    with instance:
        yield instance


def _tutorial_instance(folder: Path) -> dg.DagsterInstance:
    """A record in a folder of its own, laid out so that the folder can be a DAGSTER_HOME."""
    for each in (folder.parent, folder):
        private_folder(each)
    history = {"module": RunHistory.__module__, "class": RunHistory.__name__, "config": {"base_dir": str(folder)}}
    return dg.DagsterInstance.local_temp(
        str(folder), overrides={"storage": {"custom": history}, "telemetry": {"enabled": False}}
    )


def _version(path: Path) -> tuple[int, int] | None:
    """What differs once the file at a path is written anew: it is replaced, never changed in place."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def _say_what_was_written(options: RunOptions, settings: Settings, run_log: RunLog, page: Path | None) -> None:
    pictures = sorted(options.picture_folder.glob("*.png"))
    tables = sum(path.name.endswith("_percent_gains_table.png") for path in pictures)
    has_file = settings.warehouse.has_file
    say(f"database  {settings.warehouse.published_path if has_file else store_of(settings)}")
    say(f"pictures  {options.picture_folder}: {len(pictures) - tables} charts, {tables} gain tables")
    why_not = "a warning says why" if has_file else NO_FILE
    say(f"page      {page or f'not written: {why_not}'}")
    say(f"log       {run_log.path or 'not kept: it could not be written'}")


def _compare_with_golden(settings: Settings, run_log: RunLog) -> int:
    log_text = run_log.path.read_text(encoding="utf-8") if run_log.path else None
    with Warehouse(store_of(settings), create=False) as warehouse:
        differences = compare_with_golden(warehouse.read, log_text)
    if not differences:
        compared = "tables and log" if log_text is not None else "tables; its log could not be kept to be compared"
        say(f"tutorial  matches the golden result, {compared}")
        return 0
    for difference in differences:
        say(f"tutorial  differs: {difference}", is_error=True)
    return 1
