"""The command that lists the service's categories."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from marketflows_pipeline.cli.report_command import format_option, print_report, refresh_option
from marketflows_pipeline.cli.report_context import MARKET_CAPS
from marketflows_pipeline.cli.text import optional_text
from marketflows_pipeline.options import RunOptions

if TYPE_CHECKING:
    from marketflows_pipeline.cli.reports.report import ReportFormat

SHOWN_CATEGORIES = 30


@click.command("narratives", short_help="Categories of coins, the most unusual first.")
@click.option("--like", callback=optional_text, help="Only categories with these words in their name, as ai.")
@click.option(
    "--days",
    type=click.Choice(["1", "7", "30"]),
    default="7",
    show_default=True,
    help="Over how many days changes are.",
)
@click.option(
    "--kind",
    type=click.Choice(["narrative", "ecosystem", "venture_portfolio"]),
    help="Only categories of one kind.  [default: all]",
)
@click.option(
    "--limit", type=click.IntRange(1, 1_000_000), default=SHOWN_CATEGORIES, show_default=True, help="How many at most."
)
@format_option
@refresh_option
@click.pass_obj
def narratives(
    options: RunOptions,
    *,
    like: str | None,
    days: str,
    kind: str | None,
    limit: int,
    output_format: ReportFormat,
    refresh: bool,
) -> None:
    """What the categories of CoinGecko did lately, each against its own past, and the line that follows one.

    Sums of market caps as the service has them, mostly prices: no index, and no money that moved.
    """
    from marketflows_pipeline.cli.reports.market_caps import narratives as report  # noqa: PLC0415 (--help is quick)

    print_report(
        options,
        MARKET_CAPS,
        lambda data: report.narratives(data, int(days), like=like, kind=kind, limit=limit),
        output_format,
        command="narratives --refresh",
        run_first=_fetch if refresh else None,
    )


def _fetch(options: RunOptions) -> int:
    from marketflows_pipeline.cli.run import refresh_market_caps  # noqa: PLC0415 (Dagster takes over a second)

    return refresh_market_caps(options)
