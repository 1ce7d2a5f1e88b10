"""The commands about narratives, ranges and portfolios: options, and which report is printed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

import click

from marketflows_pipeline.cli.report_command import (
    ROWS,
    choice_option,
    days_option,
    format_option,
    print_report,
    prints_report,
    run_of,
)
from marketflows_pipeline.cli.report_context import CROSS_ASSET, MARKET_CAPS
from marketflows_pipeline.cli.text import optional_text
from marketflows_pipeline.options import RunOptions

if TYPE_CHECKING:
    from marketflows_pipeline.cli.report_command import Build
    from marketflows_pipeline.cli.reports.report import ReportFormat

SUPPLY_DAYS = 7

_PERIODS = click.Choice(["1", "7", "30"])
_prints_report = prints_report(MARKET_CAPS, verb="run the pipeline")


@click.command("narratives", short_help="Categories of coins, the most unusual first.")
@click.option("--like", callback=optional_text, help="Only categories with these words in their name, as ai.")
@click.option("--days", type=_PERIODS, default="7", show_default=True, help="Over how many days changes are.")
@click.option(
    "--kind",
    type=click.Choice(["narrative", "ecosystem", "venture_portfolio"]),
    help="Only categories of one kind.  [default: all]",
)
@click.option("--limit", type=ROWS, default=30, show_default=True, help="How many at most.")
@prints_report(MARKET_CAPS, "narratives --refresh", refresh_by=run_of("market_caps", "market_cap_refresh"))
def narratives(*, like: str | None, days: str, kind: str | None, limit: int) -> Build:
    """What the categories of CoinGecko did lately, each against its own past, and the line that follows one.

    Sums of market caps as the service has them, mostly prices: no index, and no money that moved.
    """
    from marketflows_pipeline.cli.reports.market_caps import narratives as report

    return lambda data: report.narratives(data, int(days), like=like, kind=kind, limit=limit)


@click.command("movers", short_help="What moved market caps: price, supply, membership.")
@choice_option(
    ["price", "supply", "membership"], "--by", words="The effect that comes first; membership is that of series."
)
@days_option(SUPPLY_DAYS, "Back from the newest.", most=365)
@click.option("--category", type=click.Choice(["Narratives", "Portfolios", "Ranges"]), help="Its series, not coins.")
@click.option("--series", callback=optional_text, help="One narrative, portfolio or range, by its key or label.")
@click.option("--limit", type=ROWS, default=20, show_default=True, help="How many at most.")
@_prints_report
def movers(*, by: str, days: int, category: str | None, series: str | None, limit: int) -> Build:
    """Which coins' market caps moved by price and by supply; with --category or --series, which series' and how.

    The effects add up to the change. Supply is measured over 7 days or more; below that it is part of the rest.
    """
    from marketflows_pipeline.cli.reports.market_caps import movers as report

    if by == "supply" and days < SUPPLY_DAYS:
        raise click.UsageError(
            f"--by supply needs --days {SUPPLY_DAYS} or more: closes of fewer days are mostly noise."
        )
    asked = report.Asked(cast("Literal['price', 'supply', 'membership']", by), days, category, series, limit)
    return lambda data: report.movers(data, asked)


@click.command("migration", short_help="Which coins crossed the limits of ranges.")
@click.option("--days", type=_PERIODS, default="7", show_default=True, help="Between the two closes that are compared.")
@_prints_report
def migration(*, days: str) -> Build:
    """Which coins crossed the limits of market-cap ranges, net and gross, beside each range's growth without them."""
    from marketflows_pipeline.cli.reports.market_caps import migration as report

    return lambda data: report.migration(data, int(days))


@click.command("breadth", short_help="How many coins take part in a move, and what narratives share.")
@click.argument("series", callback=optional_text, required=False)
@days_option(1, "How many daily closes, back from the newest.")
@_prints_report
def breadth(*, series: str | None, days: int) -> Build:
    """Breadth of each narrative, each range and the cohort on daily closes; of SERIES alone where it is given.

    SERIES is a narrative's slug, a range's lower limit in whole dollars, or cohort.
    """
    from marketflows_pipeline.cli.reports.market_caps import breadth as report

    return lambda data: report.breadth(data, series, days)


@click.command("rotation", short_help="Which narratives or assets lead, and what chance alone gives.")
@choice_option(
    ["narratives", "cross-asset", "flows"],
    "--universe",
    words="Narratives against a coin, assets against the benchmark of the settings, or funds by their flows.",
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
    from marketflows_pipeline.cli.reports.rotation import series_rotation

    if base is not None and universe != "narratives":
        raise click.UsageError(f"--base is for narratives: {universe} has the benchmark of the settings.")
    is_narratives = universe == "narratives"
    print_report(
        options,
        MARKET_CAPS if is_narratives else CROSS_ASSET,
        lambda data: series_rotation(data, universe, (base or data.bitcoin_id) if is_narratives else None),
        output_format,
        "" if is_narratives else "cross-asset flows --refresh",
    )


MARKET_CAP_COMMANDS: tuple[click.Command, ...] = (narratives, movers, migration, breadth, rotation)
