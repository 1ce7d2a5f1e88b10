"""The command `report`: the page of what is published, written at once."""

from __future__ import annotations

import os
from pathlib import Path

import click

from marketflows_pipeline.cli.report_command import nothing_at, published_file
from marketflows_pipeline.cli.text import PathText, place_of_file, say
from marketflows_pipeline.clock import SystemClock
from marketflows_pipeline.errors import MarketflowsError
from marketflows_pipeline.options import RunOptions


@click.command("report", short_help="Write the page that tells what changed, one file to open offline.")
@click.option("--open", "is_opened", is_flag=True, help="Open it in the browser.")
@click.option(
    "--out",
    type=PathText(dir_okay=False),
    callback=place_of_file,
    help="Write this file alone, instead of the page and its copy of the day in the folder of [report] path.",
)
@click.pass_obj
def report(options: RunOptions, out: Path | None, *, is_opened: bool) -> None:
    """Write one HTML file with the brief, all charts and their figures, from what is published."""
    from marketflows_pipeline.report.places import write_on_demand
    from marketflows_pipeline.run_context import read_settings

    settings = read_settings(options, os.environ, needs_key=False)
    path = published_file(settings)
    if not path.exists():
        raise nothing_at(path, options)
    bundle = scripts(is_needed=True)
    written = write_on_demand(settings, options, bundle, SystemClock().now(), out)
    say(f"page  {written}")
    if is_opened:
        click.launch(written.absolute().as_uri())


def scripts(*, is_needed: bool = False) -> str:
    """The scripts of the page, made where they are missing: that takes five seconds, which no run waits for.

    Args:
        is_needed: whether a fault is raised, or said alone.

    Returns:
        The scripts; empty where they are missing and cannot be made.
    """
    from marketflows_pipeline.report.bundle import make_bundle, read_bundle, user_folder

    if bundle := read_bundle():
        return bundle
    say("preparing the scripts of the page, once: about 5 s", is_error=True)
    try:
        return make_bundle(user_folder())
    except (OSError, MarketflowsError) as error:
        fault = f"the scripts of the page could not be kept in {user_folder()}: {error}"
        if is_needed:
            raise MarketflowsError(fault) from error
        say(f"warning: {fault}", is_error=True)
        return ""
