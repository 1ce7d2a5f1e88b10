"""Answers of `marketflows init`: asked for at a terminal, on standard error, or given as options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from marketflows_pipeline.cli.text import say
from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.system.near_matches import did_you_mean
from marketflows_pipeline.system.printable import presentable

if TYPE_CHECKING:
    from marketflows_pipeline.ingest.market_caps.catalogue import Catalogue

NONE = "none"
_SHOWN = 8
_LINE = 400
_MOST_DAYS = 365


class Terminal:
    """Somebody who can be asked; what is quoted is text, never markup."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True, highlight=False, markup=False)

    def tell(self, words: str) -> None:
        """Show one line."""
        self._console.print(presentable(words, _LINE))

    def text(self, question: str, default: str = "") -> str:
        """A line of text; the default where nothing is typed."""
        return self._ask(f"{question} [{default}]" if default else question, default)

    def one_of(self, question: str, choices: Sequence[str], default: str) -> str:
        """One of some words."""
        return self._ask(f"{question} ({', '.join(choices)}) [{default}]", default, choices=choices)

    def is_so(self, question: str, *, default: bool) -> bool:
        """Yes or no."""
        return self.one_of(question, ("yes", "no"), "yes" if default else "no") == "yes"

    def secret(self, question: str) -> str:
        """A line that is not shown while it is typed."""
        return self._ask(question, "", is_hidden=True)

    def _ask(
        self, question: str, default: str, *, choices: Sequence[str] | None = None, is_hidden: bool = False
    ) -> str:
        from rich.prompt import Prompt
        from rich.text import Text

        prompt = Prompt(
            Text(presentable(question, _LINE)),
            console=self._console,
            password=is_hidden,
            choices=list(choices) if choices else None,
            show_default=False,
            show_choices=False,
        )
        try:
            return str(prompt(default=default)).strip()
        except EOFError as error:
            raise click.Abort from error
        except UnicodeDecodeError as error:
            raise UserInputError("what was typed is not UTF-8 text") from error


def ask_narratives(terminal: Terminal, catalogue: Catalogue, default: Sequence[str]) -> tuple[str, ...] | None:
    """Categories found by words, as slugs; None for the default ones, () for none."""
    chosen: list[str] = []
    while True:
        usual = "empty to go on" if chosen else f"empty for {', '.join(default)}; {NONE} for none"
        words = terminal.text(f"Narratives: words to search for ({usual})")
        if not words:
            return tuple(chosen) or None
        if words == NONE and not chosen:
            return ()
        found = catalogue.near_categories(words, _SHOWN)
        if not found:
            terminal.tell(f"No category is called like {words!r}.")
            continue
        for place, slug in enumerate(found, 1):
            terminal.tell(f"  {place}  {slug}  {catalogue.categories[slug]}")
        picked = terminal.text("Which of them? Numbers by commas, empty for none")
        places = {int(part) for part in picked.split(",") if part.strip().isdecimal()}
        chosen += [slug for place, slug in enumerate(found, 1) if place in places and slug not in chosen]
        terminal.tell(f"Chosen: {', '.join(chosen) or 'none yet'}")


def ask_portfolios(
    terminal: Terminal, catalogue: Catalogue, default: Mapping[str, Sequence[str]]
) -> dict[str, tuple[str, ...]] | None:
    """Portfolios by symbols, as coin ids by name; None for the default ones, {} for none."""
    chosen: dict[str, tuple[str, ...]] = {}
    while True:
        usual = "empty to go on" if chosen else f"empty for {', '.join(default)}; {NONE} for none"
        name = terminal.text(f"Portfolios: a name of your choice ({usual})")
        if not name:
            return chosen or None
        if name == NONE and not chosen:
            return {}
        coins = _ask_coins(terminal, catalogue, name)
        if coins:
            chosen[name] = coins


def _ask_coins(terminal: Terminal, catalogue: Catalogue, name: str) -> tuple[str, ...]:
    """Coins of a portfolio; those that are not known are asked for again."""
    coins: dict[str, None] = {}
    question = f"Coins of {name}: symbols or ids, by commas"
    while True:
        unknown = []
        for text in filter(None, map(str.strip, terminal.text(question).split(","))):
            found = catalogue.coin(text)
            if found is None:
                unknown.append(text)
                near = ", ".join(catalogue.near_coins(text)) or "none is near"
                terminal.tell(f"  {text}: no coin, or not known which; by id: {near}")
            else:
                coins[found.coin_id] = None
                terminal.tell(f"  {text}: {found.in_words}")
        if not unknown:
            return tuple(coins)
        question = f"In place of {', '.join(unknown)} (empty to leave out)"


def ask_ranges(terminal: Terminal) -> tuple[float, ...] | None:
    """Lower limits of ranges in USD; None for the default ones, () for none."""
    while True:
        text = terminal.text(f"Ranges: lower limits in USD, by commas (empty for 1e9, 1e10; {NONE} for none)")
        if not text:
            return None
        if text == NONE:
            return ()
        try:
            return tuple(float(part) for part in text.split(","))
        except ValueError:
            terminal.tell(f"{text!r}: expected numbers, such as 1e9, 1e10")


def ask_days(terminal: Terminal) -> int | None:
    """Length of the window; None for the default."""
    while True:
        text = terminal.text("Days of the window, 1 to 365 (empty for 91)")
        if not text:
            return None
        if text.isdecimal() and 1 <= int(text) <= _MOST_DAYS:
            return int(text)
        terminal.tell(f"{text!r}: expected a whole number from 1 to {_MOST_DAYS}")


def named_narratives(given: Sequence[str], catalogue: Catalogue, provider: str) -> tuple[str, ...]:
    """The slugs that are meant.

    Raises:
        UserInputError: the provider lists none that is meant; one line for each.
    """
    if list(given) == [NONE]:
        return ()
    faults, slugs = [], []
    for words in given:
        slug = catalogue.category(words)
        if slug is None:
            hint = did_you_mean(catalogue.near_categories(words, 5))
            faults.append(f"--narrative {words!r}: expected a category that {provider} lists{hint}")
        else:
            slugs.append(slug)
    if faults:
        raise UserInputError("\n".join(faults))
    return tuple(dict.fromkeys(slugs))


def named_portfolios(given: Sequence[str], catalogue: Catalogue, provider: str) -> dict[str, tuple[str, ...]]:
    """Coin ids by portfolio, from ``NAME=SYMBOL,SYMBOL``; which coin a symbol means is said.

    Raises:
        UserInputError: an option has another form, or a symbol is of no coin that is known; one line for each.
    """
    if list(given) == [NONE]:
        return {}
    faults, portfolios = [], dict[str, tuple[str, ...]]()
    for text in given:
        name, _, symbols = text.partition("=")
        wanted = [part.strip() for part in symbols.split(",") if part.strip()]
        if not name.strip() or not wanted or name.strip() in portfolios:
            faults.append(f"--portfolio {text!r}: expected NAME=SYMBOL,SYMBOL, each name once")
            continue
        coins: dict[str, None] = {}
        for symbol in wanted:
            found = catalogue.coin(symbol)
            if found is None:
                hint = did_you_mean(catalogue.near_coins(symbol))
                faults.append(
                    f"--portfolio {name.strip()!r}: expected a symbol or id of one coin that {provider} lists, "
                    f"not {symbol!r}{hint}"
                )
            else:
                coins[found.coin_id] = None
                say(f"{name.strip()}: {symbol} is {found.in_words}", is_error=True)
        portfolios[name.strip()] = tuple(coins)
    if faults:
        raise UserInputError("\n".join(faults))
    return portfolios


def limits_of(given: Sequence[str]) -> tuple[float, ...]:
    """Lower limits of ranges in USD.

    Raises:
        UserInputError: one of them is no number.
    """
    if list(given) == [NONE]:
        return ()
    limits = []
    for text in given:
        try:
            limits.append(float(text))
        except ValueError:
            raise UserInputError(f"--range {text!r}: expected a limit in USD, such as 1e9, or {NONE}") from None
    return tuple(limits)
