"""Resolve a category slug that the service does not list to the one it lists today."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

# CoinGecko's, as of 28 November 2026. What stands in brackets in a category's name, as AI in "Artificial Intelligence
# (AI)", needs no line, nor does a slug whose category was renamed since this program has seen it.
ALIASES: Mapping[str, str] = {
    "ai": "artificial-intelligence",
    "defi": "decentralized-finance-defi",
    "dex": "decentralized-exchange",
    "l1": "layer-1",
    "l2": "layer-2",
    "meme": "meme-token",
    "memes": "meme-token",
    "nft": "non-fungible-tokens-nft",
    "rwa": "real-world-assets-rwa",
    "stablecoin": "stablecoins",
}

_IN_BRACKETS = re.compile(r"\(([^()]+)\)")


def todays_slug(slug: str, listed: Mapping[str, str], former: Mapping[str, str] | None = None) -> str | None:
    """The listed slug that is meant.

    That is the slug itself; where it is not listed, that of the category which today has the name that a former slug
    had; of the one whose slug or name is spelled alike but for case, blanks and signs, or whose name holds it in
    brackets; or of an alias. Two that are alike are none.

    Args:
        slug: as in the settings, or as stored.
        listed: today's slugs and their names.
        former: slugs that were listed before, and their names.

    Returns:
        None where no category, or more than one, is meant.
    """
    if slug in listed:
        return slug
    name, spelled = (former or {}).get(slug), _spelling(slug)
    renamed = [other for other, its_name in listed.items() if its_name == name]
    alike = [
        other
        for other, its_name in listed.items()
        if spelled and spelled in set(map(_spelling, (other, its_name, *_IN_BRACKETS.findall(its_name))))
    ]
    for meant in (renamed, alike):
        if meant:
            return meant[0] if len(meant) == 1 else None
    alias = ALIASES.get(slug.casefold())
    return alias if alias in listed else None


def _spelling(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(letter for letter in folded if letter.isalnum())
