"""The commands `movers` and `migration`: options, and which report is printed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

import click

from marketflows_pipeline.cli.report_command import format_option, print_report
from marketflows_pipeline.cli.report_context import MARKET_CAPS
from marketflows_pipeline.cli.text import optional_text
from marketflows_pipeline.options import RunOptions

if TYPE_CHECKING:
    from marketflows_pipeline.cli.reports.report import ReportFormat

MOST_DAYS, SUPPLY_DAYS = 365, 7


@click.command("movers", short_help="What moved market caps: price, supply, membership.")
@click.option(
    "--by",
    type=click.Choice(["price", "supply", "membership"]),
    default="price",
    show_default=True,
    help="The effect that comes first; membership is that of series.",
)
@click.option(
    "--days", type=click.IntRange(1, MOST_DAYS), default=SUPPLY_DAYS, show_default=True, help="Back from the newest."
)
@click.option("--category", type=click.Choice(["Narratives", "Portfolios", "Ranges"]), help="Its series, not coins.")
@click.option("--series", callback=optional_text, help="One narrative, portfolio or range, by its key or label.")
@click.option("--limit", type=click.IntRange(1, 1_000_000), default=20, show_default=True, help="How many at most.")
@format_option
@click.pass_obj
def movers(
    options: RunOptions,
    *,
    by: str,
    days: int,
    category: str | None,
    series: str | None,
    limit: int,
    output_format: ReportFormat,
) -> None:
    """Which coins' market caps moved by price and by supply; with --category or --series, which series' and how.

    The effects add up to the change. Supply is measured over 7 days or more; below that it is part of the rest.
    """
    from marketflows_pipeline.cli.reports.market_caps import movers as report  # noqa: PLC0415 (--help is quick)

    if by == "supply" and days < SUPPLY_DAYS:
        raise click.UsageError(
            f"--by supply needs --days {SUPPLY_DAYS} or more: closes of fewer days are mostly noise."
        )
    asked = report.Asked(cast("Literal['price', 'supply', 'membership']", by), days, category, series, limit)
    print_report(
        options,
        MARKET_CAPS,
        lambda data: report.movers(data, asked),
        output_format,
        command="",
        verb="run the pipeline",
    )


@click.command("migration", short_help="Which coins crossed the limits of ranges.")
@click.option(
    "--days",
    type=click.Choice(["1", "7", "30"]),
    default="7",
    show_default=True,
    help="Between the two closes that are compared.",
)
@format_option
@click.pass_obj
def migration(options: RunOptions, *, days: str, output_format: ReportFormat) -> None:
    """Which coins crossed the limits of market-cap ranges, net and gross, beside each range's growth without them."""
    from marketflows_pipeline.cli.reports.market_caps import migration as report  # noqa: PLC0415 (--help is quick)

    print_report(
        options,
        MARKET_CAPS,
        lambda data: report.migration(data, int(days)),
        output_format,
        command="",
        verb="run the pipeline",
    )
