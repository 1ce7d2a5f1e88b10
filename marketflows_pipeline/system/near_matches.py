"""Near matches of what a user wrote, and the question "did you mean ...?" about them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

# Shorter names are close to too many others.
_FEWEST_LETTERS_OF_A_NAME = 5
# In a short list, a symbol that differs by a letter is a slip; in a list of many it is another ticker (XEL is not XLE).
# So many symbols without a near match excuse it. Among real tickers, swapped letters are much rarer.
SWAPPED_EXCUSED_BY, A_LETTER_OFF_EXCUSED_BY = 10, 1
_FEWEST_LETTERS = 3


@dataclass(frozen=True)
class Slips:
    """Misspelt symbols, each with the symbol that is meant.

    Each misspelt symbol leads to the one that is meant; doubtful are near matches in a list that is mostly of other
    symbols.
    """

    sure: dict[str, str]
    doubtful: dict[str, str]


def near_matches(
    wanted: str, known: Iterable[str] | Mapping[str, Iterable[str]], limit: int = 5, *, is_whole_word: bool = True
) -> list[str]:
    """Known ids near ``wanted``: those with it in a symbol or name, the shortest id first, then similar spellings.

    Ids may come with the symbols and names that go with them. With ``is_whole_word`` a part of a word in a name is no
    match.
    """
    spelled = wanted.strip().lower()
    names_of = {key: [*map(str.lower, names)] for key, names in dict(_with_names(known)).items()}
    word = re.escape(spelled)
    pattern = re.compile(rf"(^|[^a-z0-9]){word}($|[^a-z0-9])" if is_whole_word else word)
    named = [key for key, names in names_of.items() if len(spelled) > 1 and any(map(pattern.search, names))]
    ids = {key.lower(): key for key in names_of}
    long_names = {
        name: key for key, names in names_of.items() for name in names if len(name) >= _FEWEST_LETTERS_OF_A_NAME
    }
    spelled_alike = {**long_names, **ids}
    alike = [spelled_alike[text] for text in get_close_matches(spelled, spelled_alike, n=limit)]
    return list(dict.fromkeys([*sorted(named, key=lambda key: (len(key), key)), *alike]))[:limit]


def did_you_mean(near: Sequence[str]) -> str:
    """The question after an error message: ``; did you mean a or b?``, or nothing without a near match."""
    return f"; did you mean {' or '.join(near)}?" if near else ""


def find_slips(
    written: Sequence[str], called: Mapping[str, str], *, a_letter_off_excused_by: int = A_LETTER_OFF_EXCUSED_BY
) -> Slips:
    """Symbols that are near matches of a known one.

    Another case, width or sign (``BRK.B`` for ``BRK-B``), and the name that another service uses, is always a slip.
    ``called`` leads from names of known symbols, themselves included, to the symbol. So many symbols without a near
    match as ``a_letter_off_excused_by`` excuse one that differs by a letter.
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


def _with_names(known: Iterable[str] | Mapping[str, Iterable[str]]) -> Iterable[tuple[str, Iterable[str]]]:
    return known.items() if isinstance(known, Mapping) else ((key, ()) for key in known)
