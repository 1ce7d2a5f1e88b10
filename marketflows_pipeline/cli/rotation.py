"""The command about rotations: options, and which report is printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from marketflows_pipeline.cli.report_command import format_option, print_report
from marketflows_pipeline.cli.report_context import CROSS_ASSET, MARKET_CAPS
from marketflows_pipeline.cli.text import optional_text
from marketflows_pipeline.options import RunOptions

if TYPE_CHECKING:
    from marketflows_pipeline.cli.reports.report import ReportFormat


@click.command("rotation", short_help="Which narratives or assets lead, and what chance alone gives.")
@click.option(
    "--universe",
    type=click.Choice(["narratives", "cross-asset", "flows"]),
    default="narratives",
    show_default=True,
    help="Narratives against a coin, assets against the benchmark of the settings, or funds by their flows.",
)
@click.option(
    "--base",
    callback=optional_text,
    help="The coin that narratives are measured against, by its id.  [default: bitcoin]",
)
@format_option
@click.pass_obj
def rotation(options: RunOptions, universe: str, base: str | None, output_format: ReportFormat) -> None:
    """Where each series stands: leading, weakening, lagging or improving, since when, and what it returned since.

    Each figure of the whole chart stands beside the band that the same returns give in shuffled order.
    """
    from marketflows_pipeline.cli.reports.rotation import series_rotation  # noqa: PLC0415 (--help is quick)

    if base is not None and universe != "narratives":
        raise click.UsageError(f"--base is for narratives: {universe} has the benchmark of the settings.")
    is_narratives = universe == "narratives"
    print_report(
        options,
        MARKET_CAPS if is_narratives else CROSS_ASSET,
        lambda data: series_rotation(data, universe, (base or data.bitcoin_id) if is_narratives else None),
        output_format,
        command="" if is_narratives else "cross-asset flows --refresh",
    )
