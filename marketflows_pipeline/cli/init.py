"""`marketflows init`: config.toml and secrets.toml by a few questions, or by options where nobody can be asked."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from marketflows_pipeline.cli.asking_services import services_of
from marketflows_pipeline.cli.init_account import (
    WITH_KEY,
    WITHOUT_KEY,
    Account,
    KeyPlan,
    account_of,
    has_stored_key,
    key_of,
)
from marketflows_pipeline.cli.init_questions import (
    NONE,
    Terminal,
    ask_days,
    ask_narratives,
    ask_portfolios,
    ask_ranges,
    limits_of,
    named_narratives,
    named_portfolios,
)
from marketflows_pipeline.cli.plan import plan as plan_command
from marketflows_pipeline.cli.text import PathText, argument_texts, place_of_file, say
from marketflows_pipeline.clock import SystemClock
from marketflows_pipeline.errors import PlanLimitError, UserInputError
from marketflows_pipeline.options import RunOptions, ServiceName

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    import polars as pl

    from marketflows_pipeline.ingest.market_caps.catalogue import Listing
    from marketflows_pipeline.providers.coingecko.client import CoinGecko
    from marketflows_pipeline.providers.coinpaprika.client import CoinPaprika
    from marketflows_pipeline.settings.writing import Choices, Draft


@dataclass(frozen=True)
class Given:
    """What options say; None, or (), where they don't."""

    provider: ServiceName | None
    plan: KeyPlan | None
    api_key_file: Path | None
    narratives: tuple[str, ...]
    portfolios: tuple[str, ...]
    ranges: tuple[float, ...] | None
    days: int | None
    exchanges: bool | None
    cross_asset: bool | None

    @property
    def missing(self) -> list[str]:
        """Options that somebody would be asked about."""
        asked: dict[str, object] = {
            "--provider": self.provider,
            "--narrative": self.narratives or None,
            "--portfolio": self.portfolios or None,
            "--range": self.ranges,
            "--days": self.days,
            "--exchanges": self.exchanges,
            "--cross-asset": self.cross_asset,
        }
        return [name for name, value in asked.items() if value is None]


def _ranges(_context: click.Context, _parameter: click.Parameter, given: Sequence[str]) -> tuple[float, ...] | None:
    return limits_of(given) if given else None


@click.command("init", short_help="Write config.toml and secrets.toml, by questions or options.")
@click.option("--provider", type=click.Choice([WITHOUT_KEY, WITH_KEY]), help="Where market caps come from.")
@click.option("--plan", type=click.Choice(["demo", "pro", "keyless"]), help=f"Kind of account at {WITH_KEY}.")
@click.option(
    "--api-key-file",
    type=PathText(),
    help="File with nothing but the API key. A key is no argument: others would see it in the list of processes.",
)
@click.option(
    "--narrative",
    "narratives",
    multiple=True,
    metavar="WORDS",
    callback=argument_texts,
    help=f"A category; again for more, or {NONE}.",
)
@click.option(
    "--portfolio",
    "portfolios",
    multiple=True,
    metavar="NAME=SYM,SYM",
    callback=argument_texts,
    help=f"Coins by symbol; again, or {NONE}.",
)
@click.option(
    "--range", "ranges", multiple=True, metavar="USD", callback=_ranges, help=f"A lower limit; again, or {NONE}."
)
@click.option("--days", type=click.IntRange(1, 365), help="Length of the window.")
@click.option("--exchanges/--no-exchanges", default=None, help="Exchange volumes and reserves, hourly.")
@click.option("--cross-asset/--no-cross-asset", default=None, help="Funds, metals, bonds and coins, daily.")
@click.option(
    "--config", type=PathText(), callback=place_of_file, help="File to write.  [default: that of all commands]"
)
@click.option("--secrets", type=PathText(), callback=place_of_file, help="File for the key.  [default: likewise]")
@click.option("--yes", is_flag=True, help="Ask nothing: what no option says gets its default.")
@click.option("--force", is_flag=True, help="Write over files that are there.")
@click.pass_context
def init(
    context: click.Context,
    /,
    *,
    config: Path | None,
    secrets: Path | None,
    yes: bool,
    force: bool,
    **answers: Any,  # noqa: ANN401 (the fields of `Given`)
) -> None:
    """Write a config.toml with what you choose, and a secrets.toml where there is a key; then say what it costs.

    At a terminal it asks; elsewhere every answer is an option. Files that are there stay, unless you say so. Lists of
    the provider and a check of the key cost a call each. Example:

    \b
    marketflows init --provider coinpaprika --portfolio Bag=btc,eth --narrative defi --yes
    """  # noqa: D301 (click wants the backspace itself)
    options: RunOptions = context.obj
    if options.tutorial:
        raise click.UsageError("the tutorial has settings of its own.")
    given = Given(**answers)
    if given.provider is None and options.provider is not None:
        if options.provider == "folder":
            raise UserInputError(f"--provider folder: expected {WITHOUT_KEY} or {WITH_KEY}; own files need none")
        given = replace(given, provider=options.provider)
    options = replace(options, config=config or options.config, secrets=secrets or options.secrets, provider=None)
    terminal = Terminal() if not yes and sys.stdin is not None and sys.stdin.isatty() else None
    if terminal is None and not yes and given.missing:
        are = "is" if len(given.missing) == 1 else "are"
        raise UserInputError(
            f"standard input is no terminal, and {', '.join(given.missing)} {are} not given: expected them, or --yes "
            "for the defaults of what is missing"
        )
    _refuse_overwriting(options.config, "--config", terminal, force=force)
    _write(options, given, terminal, force=force)
    context.obj = options
    context.invoke(plan_command, output_format="table")
    say(f"Run it: {options.command_line()}", is_error=True)


def _refuse_overwriting(path: Path, option: str, terminal: Terminal | None, *, force: bool) -> None:
    """Go on only if nothing is there, or whoever is asked wants it replaced."""
    if not path.parent.is_dir():
        raise UserInputError(f"{path}: expected the path of a file in a folder that is there")
    if force or not os.path.lexists(path):
        return
    if terminal is None:
        raise UserInputError(f"{path}: is there already; expected another {option}, or --force")
    if not terminal.is_so(f"{path} is there already. Replace it?", default=False):
        raise UserInputError(f"{path}: is there already, and stays as it is")


def _write(options: RunOptions, given: Given, terminal: Terminal | None, *, force: bool) -> None:
    """Gather the answers, and put the files that they make in their places."""
    from marketflows_pipeline.settings.writing import config_text

    secrets, new_key = options.secrets, key_of(given.api_key_file)
    is_stored, check = has_stored_key(secrets, os.environ), functools.partial(_check_key, options)
    account = account_of(terminal, given.provider, given.plan, new_key, is_stored=is_stored, check=check)
    if account.new_key is not None:
        _refuse_overwriting(secrets, "--secrets", terminal, force=force)
    choices = _choices(options, account, given, terminal)
    exchanges = _answer(
        given.exchanges,
        terminal,
        f"Follow volumes and reserves of exchanges (by {WITH_KEY}, slowly without a key)?",
        default=account.provider == WITH_KEY,
    )
    choices = replace(
        choices,
        exchanges=exchanges,
        exchange_plan="keyless" if exchanges and account.provider != WITH_KEY and not account.has_key else None,
        cross_asset=_answer(
            given.cross_asset, terminal, "Follow funds, metals, bonds and coins, daily?", default=False
        ),
    )
    with _drafted(options, account, config_text(choices)) as draft:
        draft.put_in_place()
    written = [str(options.config), *([str(secrets)] if account.new_key is not None else [])]
    say(f"wrote {' and '.join(written)}", is_error=True)


def _choices(options: RunOptions, account: Account, given: Given, terminal: Terminal | None) -> Choices:
    """Narratives and portfolios by the provider's own lists, and what needs none."""
    from marketflows_pipeline.ingest.market_caps.catalogue import Catalogue
    from marketflows_pipeline.settings.writing import Choices, config_text

    usual = Choices(account.provider, account.plan)

    def ask(request: Callable[[Listing], pl.DataFrame]) -> pl.DataFrame:
        with _service(options, account) as service:
            return request(service)

    with _drafted(options, account, config_text(usual)) as draft:
        source = draft.settings.source
    catalogue, name = Catalogue(ask), account.provider
    narratives = portfolios = None
    ranges, days = given.ranges, given.days
    if given.narratives:
        narratives = named_narratives(given.narratives, catalogue, name)
    elif terminal is not None:
        narratives = ask_narratives(terminal, catalogue, source.narratives)
    if given.portfolios:
        portfolios = named_portfolios(given.portfolios, catalogue, name)
    elif terminal is not None:
        portfolios = ask_portfolios(terminal, catalogue, source.asset_groups)
    if terminal is not None:
        ranges = ask_ranges(terminal) if ranges is None else ranges
        days = ask_days(terminal) if days is None else days
    return replace(
        usual,
        narratives=narratives,
        portfolios=portfolios,
        ranges=ranges,
        days=days,
        names=catalogue.names_of([*(narratives or ()), *chain.from_iterable((portfolios or {}).values())]),
    )


def _answer(given: bool | None, terminal: Terminal | None, question: str, *, default: bool) -> bool:
    if given is not None:
        return given
    return default if terminal is None else terminal.is_so(question, default=default)


def _drafted(options: RunOptions, account: Account, text: str) -> AbstractContextManager[Draft]:
    """Settings of this text and the account's key, beside the places of their files."""
    from marketflows_pipeline.settings.files import read_text
    from marketflows_pipeline.settings.writing import drafted_settings, secrets_text

    keys = None
    if account.new_key is not None:
        keys = secrets_text(account.provider, account.new_key, read_text(options.secrets))
    return drafted_settings(options.config, options.secrets, text, keys, os.environ)


@contextmanager
def _service(options: RunOptions, account: Account) -> Iterator[CoinGecko | CoinPaprika]:
    """The provider of the account, asked with nothing but the defaults chosen."""
    from marketflows_pipeline.settings.writing import Choices, config_text

    with (
        _drafted(options, account, config_text(Choices(account.provider, account.plan))) as draft,
        services_of(draft.settings, "init", SystemClock()) as clients,
    ):
        yield clients.service_of(account.provider)


def _check_key(options: RunOptions, account: Account) -> None:
    """Ask the service by one call whether the key is good.

    Raises:
        UserInputError: it is not.
    """
    from marketflows_pipeline.providers.coingecko.client import CoinGecko

    with _service(options, account) as client:
        assert isinstance(client, CoinGecko), "no other provider has keys here"
        try:
            client.check_key()
        except PlanLimitError as error:
            raise UserInputError(f"the API key for plan {account.plan}: expected one that works: {error}") from error
    say(f"the key for plan {account.plan} works", is_error=True)
