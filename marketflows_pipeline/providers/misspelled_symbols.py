"""Symbols that a user most likely meant to write otherwise."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

# A symbol that is a letter off is a slip in a short list, and one more ticker in a list of many (XEL is no XLE): it is
# excused by so many others that resemble nothing. Among real tickers, swapped letters are much rarer than other ones.
SWAPPED_EXCUSED_BY, A_LETTER_OFF_EXCUSED_BY = 10, 1
_FEWEST_LETTERS = 3


@dataclass(frozen=True)
class Slips:
    """What came of comparing symbols, each slip beside the symbol that is meant.

    Attributes:
        sure: most likely slips.
        doubtful: alike, in a list that is mostly of other symbols.
    """

    sure: dict[str, str]
    doubtful: dict[str, str]


def find_slips(
    written: Sequence[str], called: Mapping[str, str], *, a_letter_off_excused_by: int = A_LETTER_OFF_EXCUSED_BY
) -> Slips:
    """Those symbols that resemble a known one.

    Another case, width or sign (``BRK.B`` for ``BRK-B``), and the name that another service uses, is always a slip.

    Args:
        written: to be compared; known ones are passed over.
        called: what known symbols are called, themselves included, to the symbol.
        a_letter_off_excused_by: so many others that resemble nothing; 0 where such a likeness says nothing.
    """
    unknown = [name for name in dict.fromkeys(written) if name not in called.values()]
    spelled = {spelling(name): symbol for name, symbol in called.items()}
    same = {name: spelled[spelling(name)] for name in unknown if spelling(name) in spelled}
    swapped = _alike(unknown, spelled, _is_swapped_or_doubled, but=same)
    off = _alike(unknown, spelled, _is_a_letter_off, but=same | swapped)
    n_unlike = len(unknown) - len(same | swapped | off)
    sure, doubtful = dict(same), dict[str, str]()
    for found, excused_by in ((swapped, SWAPPED_EXCUSED_BY), (off, a_letter_off_excused_by)):
        (sure if n_unlike < excused_by else doubtful).update(found)
    return Slips(sure, doubtful)


def spelling(name: str) -> str:
    """What is left of a name without case, width, blanks and signs."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return "".join(letter for letter in folded if letter.isalnum()) or folded


def _alike(
    names: Sequence[str], spelled: Mapping[str, str], is_like: Callable[[str, str], bool], but: Collection[str]
) -> dict[str, str]:
    return {
        name: symbol
        for name in names
        if name not in but
        for symbol in [next((symbol for key, symbol in spelled.items() if is_like(spelling(name), key)), None)]
        if symbol is not None
    }


def _is_swapped_or_doubled(written: str, meant: str) -> bool:
    """Whether two neighbours changed places, or a letter stands twice for once or once for twice."""
    if len(written) == len(meant):
        differs = [at for at in range(len(meant)) if written[at] != meant[at]]
        is_pair = len(differs) == 2 and differs[1] == differs[0] + 1
        return is_pair and [written[at] for at in differs] == [meant[at] for at in reversed(differs)]
    short, long = sorted((written, meant), key=len)
    return any(long[at] == long[at - 1] and _without(long, at) == short for at in range(1, len(long)))


def _is_a_letter_off(written: str, meant: str) -> bool:
    """Whether one letter is another, missing or too much, in a name long enough for that to be a likeness."""
    short, long = sorted((written, meant), key=len)
    if len(short) < _FEWEST_LETTERS or len(long) > len(short) + 1:
        return False
    if len(long) == len(short):
        return sum(one != other for one, other in zip(short, long, strict=True)) == 1
    return any(_without(long, at) == short for at in range(len(long)))


def _without(name: str, at: int) -> str:
    return name[:at] + name[at + 1 :]
