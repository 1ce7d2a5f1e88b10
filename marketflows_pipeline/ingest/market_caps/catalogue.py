"""What a provider lists, for people who choose from it: categories by words, coins by symbol."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import polars as pl

from marketflows_pipeline.providers.protocols.market_caps import IdDirectory
from marketflows_pipeline.system.near_matches import near_matches
from marketflows_pipeline.transforms.market_caps.category_slugs import todays_slug
from marketflows_pipeline.transforms.market_caps.symbols import coins_called, with_price

# A provider may need a call for each coin outside its list of large ones.
MOST_LOOKED_UP = 10


class Listing(IdDirectory, Protocol):
    """A provider of coins and of categories."""

    def category_list(self) -> pl.DataFrame:
        """As `MarketCapProvider.category_list`."""
        ...


@dataclass(frozen=True)
class FoundCoin:
    """The coin that a symbol means, of how many with that symbol."""

    coin_id: str
    name: str
    n_alike: int

    @property
    def in_words(self) -> str:
        """Which coin it is, for whoever gave the symbol."""
        of_several = f", the largest of {self.n_alike} coins with that symbol" if self.n_alike > 1 else ""
        return f"{self.coin_id} ({self.name}){of_several}"


class Catalogue:
    """Lists of a provider, each requested once, when it is first needed.

    Args:
        ask: makes a request of the provider, which is open for that request alone: whoever chooses takes his time.
    """

    def __init__(self, ask: Callable[[Callable[[Listing], pl.DataFrame]], pl.DataFrame]) -> None:
        self._ask = ask

    @cached_property
    def categories(self) -> Mapping[str, str]:
        """Slugs and names of all categories; one call."""
        return dict(self._ask(lambda provider: provider.category_list()).select("slug", "name").iter_rows())

    def category(self, words: str) -> str | None:
        """The category that is meant by a slug, a former slug, a name or its short form; None where none is."""
        return todays_slug(words.strip(), self.categories)

    def near_categories(self, words: str, limit: int) -> list[str]:
        """Slugs near some words, as in a search."""
        return near_matches(
            words, {slug: (slug, name) for slug, name in self.categories.items()}, limit, is_whole_word=False
        )

    def coin(self, text: str) -> FoundCoin | None:
        """The coin that a symbol or an id means: of several the largest; None where it is not known which."""
        found = coins_called(text, self._coins, self._largest)
        if found.height > 1 and found["market_cap_usd"][0] is None and found.height <= MOST_LOOKED_UP:
            ids = found["coin_id"]
            found = coins_called(text, self._coins, self._ask(lambda provider: provider.by_ids(ids)))
        if found.is_empty() or (found.height > 1 and found["market_cap_usd"][0] is None):
            return None
        coin_id, name, _ = found.row(0)
        return FoundCoin(coin_id, name, found.height)

    def near_coins(self, text: str, limit: int = 5) -> list[str]:
        """Ids that may be meant: those with that symbol, else near ones."""
        alike = coins_called(text, self._coins, self._largest)["coin_id"].head(limit).to_list()
        return alike or near_matches(text, {coin: names for coin, *names in self._coins.iter_rows()}, limit)

    def names_of(self, keys: Iterable[str]) -> dict[str, str]:
        """What categories and coins are called, of those that are known without one more call."""
        known: dict[str, str] = {}
        if "_coins" in self.__dict__:
            known |= dict(self._coins.select("coin_id", "name").iter_rows())
        if "categories" in self.__dict__:
            known |= self.categories
        return {key: known[key] for key in keys if key in known}

    @cached_property
    def _coins(self) -> pl.DataFrame:
        return with_price(self._ask(lambda provider: provider.coin_list()))

    @cached_property
    def _largest(self) -> pl.DataFrame:
        return self._ask(lambda provider: provider.largest())
