"""`marketflows ids map`: the coins of the settings under another provider's ids."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from marketflows_pipeline.cli.asking_services import services_of
from marketflows_pipeline.cli.report_command import format_option_of, write_report
from marketflows_pipeline.cli.text import say, standard_output
from marketflows_pipeline.clock import SystemClock
from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.options import SERVICES, RunOptions, ServiceName

if TYPE_CHECKING:
    from marketflows_pipeline.cli.reports.report import ReportFormat


@click.group("ids", short_help="The coins of the settings under another provider's ids.")
def ids() -> None:
    """Ids of coins: each market-cap provider has its own, and none can be derived from another's."""


@ids.command("map", short_help="Propose the ids of another provider, with lines for config.toml.")
@click.option("--to", "other", type=click.Choice(SERVICES), required=True, help="Whose ids are wanted.")
@click.option("--from", "own", type=click.Choice(SERVICES), help="Whose ids are mapped.  [default: `provider`]")
@format_option_of("table", "json", "csv")
@click.pass_obj
def map_to(options: RunOptions, other: ServiceName, own: ServiceName | None, output_format: ReportFormat) -> None:
    """Propose another provider's ids for the coins of portfolios and base assets.

    A token is found by its contract, any other coin by a symbol and a name that are unique at both providers, with
    prices at most 2 % and market caps at most 20 % apart. What is not found so is listed with the reason. Nothing is
    changed: the lines for config.toml are yours to paste.
    """
    # Imported here, because --help need not wait for polars, DuckDB and pydantic.
    from marketflows_pipeline.cli.reports.id_map import id_map_report, lines_to_paste
    from marketflows_pipeline.ingest.market_caps.id_map import most_calls, propose_ids
    from marketflows_pipeline.settings import load_settings
    from marketflows_pipeline.settings.models import source_of

    if options.tutorial:
        raise click.UsageError("the tutorial's coins are made up: no other provider has them.")
    settings = load_settings(
        options.config, options.secrets, os.environ, needs_key=False, provider=options.provider, also_asked=SERVICES
    )
    if own is None:
        if settings.provider == "folder":
            raise UserInputError("--from is missing: own files have ids of your own; expected whose ids they are")
        own = settings.provider
    if own == other:
        raise UserInputError(f"--to {other}: expected another provider than --from, which is {own}")
    source = source_of(own, settings.providers)
    wanted = source.coins_named
    if not wanted:
        raise UserInputError(
            settings.fault_line(
                source.key("asset_groups"), {}, "expected a coin: neither portfolios nor bases have one"
            )
        )
    clock = SystemClock()
    with services_of(settings, "ids map", clock) as clients:
        first, second = clients.service_of(own), clients.service_of(other)
        calls = " and ".join(f"{n} calls to {name}" for name, n in most_calls(first, second, len(wanted)).items())
        say(f"{len(wanted)} coins: at most {calls}", is_error=True)
        found = propose_ids(first, second, wanted).to_dicts()
    write_report(id_map_report(settings, own, other, found, clock.now()), output_format, about="market")
    if output_format == "table":
        standard_output().write(f"\n{lines_to_paste(settings, own, other, found)}".encode())
