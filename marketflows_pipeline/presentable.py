"""Making text from outside presentable: names, excerpts and messages that no terminal, file or page is led astray by.

What belongs here: which characters may be shown, how long a name may be, and what an identity is. What does not: the
markup of one exit (CSV cells below excepted, since several write them), and deciding what becomes of a bad row.

Letters of every script, accents, emoji and all punctuation stay as they are. Not shown are control characters (C0, C1,
DEL), direction controls, zero-width and other invisible characters, halves of surrogate pairs, noncharacters, private
ones, and more than a few combining marks on one letter. Markup such as ``<b>`` is left to the exit that knows markup.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator

NAME_LENGTH = 100
IDENTITY_LENGTH = 200
EXCERPT_LENGTH = 200
UNNAMED = "(no name)"
ELLIPSIS = "…"
# A name that goes on after so many times its limit is not read to its end.
_LOOKED_AT = 50

# Vietnamese and Thai stack two on a letter, Hebrew with all its signs four.
_MOST_MARKS = 4
_JOINERS = "\u200c\u200d"
# Scripts that join letters (Arabic, Indic, Myanmar, Khmer, Mongolian), and what sequences of emoji are made of.
_JOINING = (
    "\u0620-\u06d3\u06fa-\u070c\u0710-\u077f\u08a0-\u08c9\u0900-\u0dff\u1000-\u109f\u1780-\u17b3\u17b6-\u17ff"
    "\u1820-\u18aa\u2190-\u2bff\U0001f000-\U0001faff"
)
_JOINS_ON = re.compile(f"[{_JOINING}\ufe0f]")
_IS_JOINED = re.compile(f"[{_JOINING}]")
_EMOJI_SELECTORS = "\ufe0e\ufe0f"
_IDEOGRAPHIC_SELECTORS = re.compile("[\U000e0100-\U000e01ef]")
# Letters and marks that are drawn as nothing, a symbol drawn as a blank, code points kept for such, and noncharacters
# (those at the end of each plane aside).
_NEVER_SHOWN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164\ufdd0-\ufdef\ufe00-\ufe0d\uffa0\ufff0-\ufff8"
    "\U000e0000-\U000e0fff]"
)
# Where marks and what is never shown lie among what Python calls printable; most scripts lie elsewhere, so that their
# texts need no look at each character.
_SUSPECT = re.compile(
    "[\u0300-\u1fff\u20d0-\u20ff\u2800\u2cef-\u2dff\u302a-\u302f\u3099\u309a\u3164\ua66f-\uabff\ufb1e\ufe00-\ufe2f"
    "\uffa0\ufff0-\uffff\U00010000-\U0001efff\U000e0000-\U0010ffff]"
)
# Controls, formats, surrogates, private use, separators of lines and paragraphs.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_LINE_BREAKING = frozenset("\t\n\v\f\r\x1c\x1d\x1e\x1f\x85\u2028\u2029")
# What spreadsheets take for a formula, in the wide forms too that some of them make narrow.
_FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20\t\r]")


def presentable(text: str, limit: int = NAME_LENGTH) -> str:
    """A name in one line of at most ``limit`` characters, cut with an ellipsis; blank where nothing of it can be shown.

    Line breaks and runs of blanks become one blank. What is presentable already stays as it is.
    """
    if text.isascii() and text.isprintable() and len(text) <= limit and "  " not in text:
        return text.strip()
    text, before = text[: _LOOKED_AT * limit], None
    # What is left out may bring together what may not stand together; each round leaves less.
    while text != before:
        before = text
        text = " ".join(visible(text).split())
        if len(text) > limit:
            text = text[: limit - 1].rstrip() + ELLIPSIS
    return text


def presentable_name(text: str) -> str:
    """As `presentable`, with a stand-in where nothing of the name can be shown."""
    return presentable(text) or UNNAMED


def visible(text: str) -> str:
    """All of a text in one line: what cannot be shown is left out, a line break is a blank."""
    if _is_plain(text):
        return text
    return "".join(char if is_shown else " " if char in _LINE_BREAKING else "" for char, is_shown in _judged(text))


def escaped(text: str) -> str:
    """All of a text in one line: what cannot be shown is spelt out, as Python does."""
    if _is_plain(text):
        return text
    return "".join(char if is_shown else _spelt_out(char) for char, is_shown in _judged(text))


def excerpt(text: str, limit: int = EXCERPT_LENGTH) -> str:
    """The beginning of a text in one line, for a message: blanks as one each, what cannot be shown spelt out."""
    line = escaped(" ".join(text[: _LOOKED_AT * limit].split()))
    return line if len(line) <= limit else f"{line[:limit]}{ELLIPSIS}"


def escaped_in_json(text: str) -> str:
    """JSON in which what cannot be shown stands as JSON's own escapes: it reads back as the same."""
    if _is_plain(text.replace("\n", "")):
        return text
    return "".join(char if is_shown or char == "\n" else json.dumps(char)[1:-1] for char, is_shown in _judged(text))


def is_identity(text: str) -> bool:
    """Whether a text can be an id: not blank, at most 200 characters, each of which can be shown."""
    if len(text) > IDENTITY_LENGTH or not text.strip():
        return False
    return _is_plain(text) or all(is_shown for _, is_shown in _judged(text))


def without_formula(text: str) -> str:
    """A text for a cell of a spreadsheet: with an apostrophe before what would be taken for a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


def _is_plain(text: str) -> bool:
    """Whether a text can be shown as it is, told without a look at each character; where not, it may be so still."""
    return text.isprintable() and (text.isascii() or not _SUSPECT.search(text))


def _judged(text: str) -> Iterator[tuple[str, bool]]:
    """Each character, and whether it can be shown after what is shown before it."""
    before, n_marks = " ", 0
    for at, char in enumerate(text):
        category = unicodedata.category(char)
        is_mark = category in {"Mn", "Me"}
        if char in _JOINERS:
            is_shown = _JOINS_ON.match(before) is not None and _IS_JOINED.match(text, at + 1) is not None
        elif char in _EMOJI_SELECTORS:
            is_shown = unicodedata.category(before)[0] in "LNPS"
        elif _IDEOGRAPHIC_SELECTORS.match(char):
            is_shown = unicodedata.category(before) == "Lo"
        elif category in _UNSEEN or _NEVER_SHOWN.match(char) or ord(char) & 0xFFFE == 0xFFFE:
            is_shown = False
        else:
            is_shown = not is_mark or (n_marks < _MOST_MARKS and not before.isspace())
        yield char, is_shown
        if is_shown:
            before = char
            n_marks = n_marks + 1 if is_mark else n_marks if char in _JOINERS else 0
        elif char in _LINE_BREAKING:
            before, n_marks = " ", 0


def _spelt_out(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
