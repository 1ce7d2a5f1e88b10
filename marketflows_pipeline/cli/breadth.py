"""The command `breadth`: options, and which report is printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from marketflows_pipeline.cli.report_command import MAX_DAYS, format_option, print_report
from marketflows_pipeline.cli.report_context import MARKET_CAPS
from marketflows_pipeline.cli.text import optional_text
from marketflows_pipeline.options import RunOptions

if TYPE_CHECKING:
    from marketflows_pipeline.cli.reports.report import ReportFormat


@click.command("breadth", short_help="How many coins take part in a move, and what narratives share.")
@click.argument("series", callback=optional_text, required=False)
@click.option(
    "--days",
    type=click.IntRange(1, MAX_DAYS),
    default=1,
    show_default=True,
    help="How many daily closes, back from the newest.",
)
@format_option
@click.pass_obj
def breadth(options: RunOptions, series: str | None, days: int, output_format: ReportFormat) -> None:
    """Breadth of each narrative, each range and the cohort on daily closes; of SERIES alone where it is given.

    SERIES is a narrative's slug, a range's lower limit in whole dollars, or cohort.
    """
    from marketflows_pipeline.cli.reports.market_caps import breadth as report  # noqa: PLC0415 (--help is quick)

    print_report(
        options,
        MARKET_CAPS,
        lambda data: report.breadth(data, series, days),
        output_format,
        command="",
        verb="run the pipeline",
    )
