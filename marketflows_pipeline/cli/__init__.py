"""The `marketflows` command: runs the pipeline, and answers from what it published.

Commands that only answer import neither Dagster nor Altair, so that they are quick.
"""

from __future__ import annotations

import contextlib
import gc
import io
import os
import sys
from pathlib import Path

import click

from marketflows_pipeline.cli.brief import brief
from marketflows_pipeline.cli.cross_asset import CROSS_ASSET_COMMANDS
from marketflows_pipeline.cli.exchanges import EXCHANGE_COMMANDS
from marketflows_pipeline.cli.ids import ids
from marketflows_pipeline.cli.init import init
from marketflows_pipeline.cli.interrupts import INTERRUPTED, Interrupted, interruptible
from marketflows_pipeline.cli.market_caps import MARKET_CAP_COMMANDS
from marketflows_pipeline.cli.page import report
from marketflows_pipeline.cli.plan import plan
from marketflows_pipeline.cli.quarantine import quarantine
from marketflows_pipeline.cli.sql import sql
from marketflows_pipeline.cli.status import status
from marketflows_pipeline.cli.store import store
from marketflows_pipeline.cli.text import PathText, say, speak_utf8, use_utf8
from marketflows_pipeline.cli.usage import explained
from marketflows_pipeline.errors import MarketflowsError
from marketflows_pipeline.options import PICTURES, PROVIDERS, TUTORIAL_PICTURES, ProviderName, RunOptions

LOG_LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]


def _folder(_context: click.Context, _parameter: click.Parameter, path: Path | None) -> Path | None:
    """A folder, or where one can be made: this shows before a run has fetched anything."""
    if path is not None and path.is_symlink() and not path.exists():
        raise click.BadParameter(f"{str(path)!r} is a link that leads nowhere.")
    return path


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config",
    type=PathText(),
    default=Path("config.toml"),
    show_default=True,
    help="TOML file with the settings.",
)
@click.option(
    "--secrets",
    type=PathText(),
    default=Path("secrets.toml"),
    show_default=True,
    help="TOML file with the API keys; COINGECKO_API_KEY and COINGECKO_API_KEY_FILE win over it.",
)
@click.option(
    "--provider",
    type=click.Choice(PROVIDERS),
    help="Where market caps come from, whatever the config file says, which need not be there then.",
)
@click.option(
    "--out-dir",
    type=PathText(file_okay=False),
    callback=_folder,
    help=f"Folder for charts and gain tables.  [default: {PICTURES}; with --tutorial {TUTORIAL_PICTURES}]",
)
@click.option(
    "--log-level",
    type=click.Choice(LOG_LEVELS, case_sensitive=False),
    metavar=f"[{'|'.join(LOG_LEVELS)}]",
    default="INFO",
    show_default=True,
    help="Least severe lines that are shown.",
)
@click.option("--tutorial", is_flag=True, help="Use packaged, made-up data: offline, without a key, known result.")
@click.version_option(package_name="marketflows-pipeline")
@click.pass_context
def marketflows(
    context: click.Context,
    *,
    config: Path,
    secrets: Path,
    provider: ProviderName | None,
    out_dir: Path | None,
    log_level: str,
    tutorial: bool,
) -> None:
    """Track what gains and where money moves: crypto narratives and sizes, exchanges, funds, metals and coins.

    Without a subcommand the pipeline runs once: it fetches what is due, derives every table, checks, publishes
    warehouse/marketflows.duckdb and draws the charts.
    """
    if tutorial and provider is not None:
        raise click.UsageError("--provider: the tutorial has market caps of its own.")
    options = RunOptions(config=config, secrets=secrets, out_dir=out_dir, provider=provider, tutorial=tutorial)
    context.obj = options
    if context.invoked_subcommand is None:
        from marketflows_pipeline.cli.run import run  # Dagster takes over a second to import

        context.exit(run(options, log_level.upper()))


for command in (
    brief, report, status, init, plan, ids, sql, quarantine, store,
    *MARKET_CAP_COMMANDS, *EXCHANGE_COMMANDS, *CROSS_ASSET_COMMANDS,
):  # fmt: skip
    marketflows.add_command(command)


def main() -> None:
    """Entry point: turns known faults into one line on standard error and their exit code."""
    use_utf8()
    speak_utf8()
    # What is loaded stays until the end: to look through it for garbage takes up to a quarter of the time. A run turns
    # the collector on again once everything is there.
    gc.disable()
    try:
        with interruptible(INTERRUPTED):
            exit_code = _exit_code()
    except Interrupted as stop:
        say(str(stop), is_error=True)
        # A signal may come before a context manager's block has begun: it is ended with the garbage, when what it would
        # put in order is gone.
        sys.unraisablehook = lambda _: None
        _drop_what_is_unwritten()
        exit_code = stop.exit_code
    sys.exit(exit_code)


def _exit_code() -> int:
    """Run the command; what went wrong is said."""
    try:
        # Without click's own handling of faults the exit code is what the call returns.
        exit_code: int = marketflows(standalone_mode=False) or 0
        if sys.stdout is not None:
            sys.stdout.flush()
    except click.Abort:
        say(INTERRUPTED, is_error=True)
        return 1
    except click.ClickException as error:
        shown = io.StringIO()
        explained(error, sys.argv[1:]).show(shown)
        say(shown.getvalue().removesuffix("\n"), is_error=True)
        return error.exit_code
    except MarketflowsError as error:
        say(f"error: {error}", is_error=True)
        return error.exit_code
    except OSError as error:
        # Whoever reads the answer may have seen enough of it (| head).
        if not isinstance(error, BrokenPipeError):
            say(f"error: {error.filename or 'standard output'}: {error.strerror or error}", is_error=True)
        _drop_what_is_unwritten()
        return 1
    return exit_code


def _drop_what_is_unwritten() -> None:
    """Keep the interpreter from writing, at its end, what standard output has just refused."""
    with contextlib.suppress(OSError, AttributeError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
