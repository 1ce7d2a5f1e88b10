"""The exchange commands: options, and which report is printed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import click

from marketflows_pipeline.cli.report_command import MAX_DAYS, ROWS, choice_option, prints_report, run_of
from marketflows_pipeline.cli.report_context import EXCHANGES
from marketflows_pipeline.cli.text import optional_text

if TYPE_CHECKING:
    from marketflows_pipeline.cli.report_command import Build

DEFAULT_DAYS = 7
LEAGUE_DAYS = (1, 7, 30)
_FETCH = run_of("exchanges", "exchange_refresh")

_DAYS = click.IntRange(1, MAX_DAYS)


def _finite(_context: click.Context, parameter: click.Parameter, amount: float) -> float:
    """Click takes nan and inf for numbers."""
    if not math.isfinite(amount):
        raise click.BadParameter(f"{amount} is not an amount.", param=parameter)
    return amount


@click.command("exchange-flows", short_help="Where trading volume goes up and down.")
@click.argument("limit", type=ROWS, required=False)
@prints_report(EXCHANGES, "exchange-flows --refresh", refresh_by=_FETCH)
def exchange_flows(*, limit: int | None) -> Build:
    """Trading volume of exchanges against their own past, the LIMIT largest (top_n of the settings by default).

    It measures activity, not money moving in or out: see exchange-netflow.
    """
    from marketflows_pipeline.cli.reports.exchanges import flows

    return lambda data: flows.exchange_flows(data, limit or data.context.top_n)


@click.command("exchange-netflow", short_help="What moved into and out of one exchange, or of all.")
@click.argument("exchange_id", callback=optional_text, required=False)
@click.argument("days", type=_DAYS, required=False)
@click.option(
    "--days", "days_option", type=_DAYS, help=f"How many days, back from the newest.  [default: {DEFAULT_DAYS}]"
)
@click.option("--all", "is_all", is_flag=True, help="The league of all exchanges, over 1, 7 or 30 days.")
@prints_report(
    EXCHANGES,
    lambda *, exchange_id, **_: f"exchange-netflow {exchange_id or '--all'} --refresh",
    refresh_by=run_of("exchanges", "daily_refresh", asks_again=True),
)
def exchange_netflow(*, exchange_id: str | None, days: int | None, days_option: int | None, is_all: bool) -> Build:
    """Net flow of the known wallets of EXCHANGE_ID over DAYS, from token quantities.

    EXCHANGE_ID is a CoinGecko id (gdax), a DefiLlama slug (binance-cex) or a name. With --all it is left out.
    """
    from marketflows_pipeline.cli.reports.exchanges import league, netflow

    if days is not None and days_option is not None and days != days_option:
        raise click.UsageError(f"DAYS is {days} and --days is {days_option}: give one of them.")
    span = days or days_option or DEFAULT_DAYS
    if is_all and exchange_id is not None:
        raise click.UsageError(f"--all is of every exchange: leave {exchange_id!r} out; days are given by --days.")
    if is_all and span not in LEAGUE_DAYS:
        raise click.UsageError(f"--days is {span}: with --all expected one of {', '.join(map(str, LEAGUE_DAYS))}.")
    if not is_all and exchange_id is None:
        raise click.UsageError("Missing argument 'EXCHANGE_ID', or --all for every exchange.")
    if exchange_id is None:
        return lambda data: league.league(data, span)
    return lambda data: netflow.exchange_netflow(data, exchange_id, span)


@click.command("whale-movements", short_help="Coins with unusual trading volume, a proxy.")
@click.argument("min_value_usd", type=click.FloatRange(min=0, min_open=True), default=1_000_000.0, callback=_finite)
@prints_report(EXCHANGES, "whale-movements --refresh", refresh_by=_FETCH)
def whale_movements(*, min_value_usd: float) -> Build:
    """Coins whose trading volume is unusual for their size, from MIN_VALUE_USD (1,000,000) of volume in 24 hours.

    A proxy for large holders at work: no single transaction is seen.
    """
    from marketflows_pipeline.cli.reports.exchanges import whales

    return lambda data: whales.whale_movements(data, min_value_usd)


@click.command("exchange-tvl", short_help="Reserves of exchanges, ranked.")
@prints_report(EXCHANGES, "exchange-tvl --refresh", refresh_by=_FETCH)
def exchange_tvl() -> Build:
    """Reserves of centralised exchanges and TVL of decentralised ones, ranked apart."""
    from marketflows_pipeline.cli.reports.exchanges import tvl

    return lambda data: tvl.exchange_tvl(data, data.context.top_n)


@click.command("exchange-dominance", short_help="How concentrated exchanges are.")
@choice_option(["spot_volume", "reserves", "derivatives_volume"], "--measure", words="What is shared.")
@click.option(
    "--segment",
    type=click.Choice(["all", "centralised", "decentralised", "tracked"]),
    help="Among which exchanges.  [default: all for spot_volume, else centralised]",
)
@prints_report(EXCHANGES, "exchange-dominance --refresh", refresh_by=_FETCH)
def exchange_dominance(*, measure: str, segment: str | None) -> Build:
    """Market shares of exchanges, and how concentrated they are."""
    from marketflows_pipeline.cli.reports.exchanges import dominance

    return lambda data: dominance.exchange_dominance(data, measure, segment, data.context.top_n)


EXCHANGE_COMMANDS: tuple[click.Command, ...] = (
    exchange_flows,
    exchange_netflow,
    whale_movements,
    exchange_tvl,
    exchange_dominance,
)
