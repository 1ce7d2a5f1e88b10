"""Answers of `marketflows init` that are given as options: checked against what the provider lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from marketflows_pipeline.cli.init_questions import NONE
from marketflows_pipeline.cli.text import say
from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.system.near_matches import did_you_mean

if TYPE_CHECKING:
    from marketflows_pipeline.ingest.market_caps.catalogue import Catalogue


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
