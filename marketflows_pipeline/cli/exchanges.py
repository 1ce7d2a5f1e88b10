"""The exchange commands: options, exit codes, and which answer is given."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from marketflows_pipeline.cli.report_options import (
    TUTORIAL_CONFIG,
    format_option,
    how_to_fetch,
    print_answer,
    refresh_option,
)
from marketflows_pipeline.cli.text import argument_text
from marketflows_pipeline.clock import SystemClock
from marketflows_pipeline.options import TUTORIAL_PUBLISHED, RunOptions

if TYPE_CHECKING:
    from marketflows_pipeline.cli.reports.published_data import PublishedData
    from marketflows_pipeline.cli.reports.report import AnswerFormat, Report

DEFAULT_DAYS = 7
_MAX_ROWS = 1_000_000
_MAX_DAYS = 36_500

_ROWS = click.IntRange(1, _MAX_ROWS)
_DAYS = click.IntRange(1, _MAX_DAYS)
_MONEY = click.FloatRange(min=0, min_open=True)


def _finite(_context: click.Context, parameter: click.Parameter, amount: float) -> float:
    """Click takes nan and inf for numbers."""
    if not math.isfinite(amount):
        raise click.BadParameter(f"{amount} is not an amount.", param=parameter)
    return amount


@click.command("exchange-flows", short_help="Where trading volume goes up and down.")
@click.argument("limit", type=_ROWS, required=False)
@format_option
@refresh_option
@click.pass_obj
def exchange_flows(options: RunOptions, limit: int | None, output_format: AnswerFormat, *, refresh: bool) -> None:
    """Trading volume of exchanges against their own past, the LIMIT largest (top_n of the settings by default).

    It measures activity, not money moving in or out: see exchange-netflow.
    """
    from marketflows_pipeline.cli.reports.exchanges.flows import exchange_flows as answer  # noqa: PLC0415 (--help is quick)

    _say(
        options,
        lambda source: answer(source, limit or source.setting.top_n),
        output_format,
        command="exchange-flows",
        refresh=refresh,
    )


@click.command("exchange-netflow", short_help="What moved into and out of one exchange.")
@click.argument("exchange_id", callback=argument_text)
@click.argument("days", type=_DAYS, required=False)
@click.option(
    "--days", "days_option", type=_DAYS, help=f"How many days, back from the newest.  [default: {DEFAULT_DAYS}]"
)
@format_option
@refresh_option
@click.pass_obj
def exchange_netflow(
    options: RunOptions,
    exchange_id: str,
    days: int | None,
    days_option: int | None,
    output_format: AnswerFormat,
    *,
    refresh: bool,
) -> None:
    """Net flow of the known wallets of EXCHANGE_ID over DAYS, from token quantities.

    EXCHANGE_ID is a CoinGecko id (gdax), a DefiLlama slug (binance-cex) or a name.
    """
    from marketflows_pipeline.cli.reports.exchanges.netflow import exchange_netflow as answer  # noqa: PLC0415

    if days is not None and days_option is not None and days != days_option:
        raise click.UsageError(f"DAYS is {days} and --days is {days_option}: give one of them.")
    asked = days or days_option or DEFAULT_DAYS
    _say(
        options,
        lambda source: answer(source, exchange_id, asked),
        output_format,
        command=f"exchange-netflow {exchange_id}",
        refresh=refresh,
        daily=True,
    )


@click.command("whale-movements", short_help="Coins with unusual trading volume, a proxy.")
@click.argument("min_value_usd", type=_MONEY, default=1_000_000.0, callback=_finite)
@format_option
@refresh_option
@click.pass_obj
def whale_movements(options: RunOptions, min_value_usd: float, output_format: AnswerFormat, *, refresh: bool) -> None:
    """Coins whose trading volume is unusual for their size, from MIN_VALUE_USD (1,000,000) of volume in 24 hours.

    A proxy for large holders at work: no single transaction is seen.
    """
    from marketflows_pipeline.cli.reports.exchanges.whales import whale_movements as answer  # noqa: PLC0415

    _say(
        options,
        lambda source: answer(source, min_value_usd),
        output_format,
        command="whale-movements",
        refresh=refresh,
    )


@click.command("exchange-tvl", short_help="Reserves of exchanges, ranked.")
@format_option
@refresh_option
@click.pass_obj
def exchange_tvl(options: RunOptions, output_format: AnswerFormat, *, refresh: bool) -> None:
    """Reserves of centralised exchanges and TVL of decentralised ones, ranked apart."""
    from marketflows_pipeline.cli.reports.exchanges.tvl import exchange_tvl as answer  # noqa: PLC0415

    _say(
        options,
        lambda source: answer(source, source.setting.top_n),
        output_format,
        command="exchange-tvl",
        refresh=refresh,
    )


@click.command("exchange-dominance", short_help="How concentrated exchanges are.")
@click.option(
    "--measure",
    type=click.Choice(["spot_volume", "reserves", "derivatives_volume"]),
    default="spot_volume",
    show_default=True,
    help="What is shared.",
)
@click.option(
    "--segment",
    type=click.Choice(["all", "centralised", "decentralised", "tracked"]),
    help="Among which exchanges.  [default: all for spot_volume, else centralised]",
)
@format_option
@refresh_option
@click.pass_obj
def exchange_dominance(
    options: RunOptions, measure: str, segment: str | None, output_format: AnswerFormat, *, refresh: bool
) -> None:
    """Market shares of exchanges, and how concentrated they are."""
    from marketflows_pipeline.cli.reports.exchanges.dominance import exchange_dominance as answer  # noqa: PLC0415

    _say(
        options,
        lambda source: answer(source, measure, segment, source.setting.top_n),
        output_format,
        command="exchange-dominance",
        refresh=refresh,
    )


EXCHANGE_COMMANDS: tuple[click.Command, ...] = (
    exchange_flows,
    exchange_netflow,
    whale_movements,
    exchange_tvl,
    exchange_dominance,
)


def _say(
    options: RunOptions,
    build: Callable[[PublishedData], Report],
    output_format: AnswerFormat,
    *,
    command: str,
    refresh: bool,
    daily: bool = False,
) -> None:
    """Fetch if asked to, then print the answer; a fault leaves standard output empty."""
    if refresh:
        from marketflows_pipeline.cli.run import refresh_exchanges  # noqa: PLC0415 (Dagster takes over a second)

        if exit_code := refresh_exchanges(options, daily=daily):
            raise click.exceptions.Exit(exit_code)
    from marketflows_pipeline.cli.reports.published_data import ReportContext  # noqa: PLC0415 (--help need not wait for DuckDB)
    from marketflows_pipeline.settings import Exchanges, load_config  # noqa: PLC0415

    config = load_config(TUTORIAL_CONFIG if options.tutorial else options.config)
    line = f"{options.command_line(command)} --refresh"
    is_on = options.tutorial or config.exchanges is not None
    setting = ReportContext(
        path=Path.cwd() / TUTORIAL_PUBLISHED if options.tutorial else config.warehouse.published_path,
        now=SystemClock().now(),
        top_n=(config.exchanges or Exchanges()).top_n,
        is_tutorial=options.tutorial,
        how_to_fetch=how_to_fetch(options, line, table="exchanges", is_on=is_on),
    )
    print_answer(setting, build, output_format)
