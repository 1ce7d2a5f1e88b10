"""Making text from outside presentable: names, excerpts and messages that no terminal, file or page is led astray by.

Letters of every script, accents, emoji and all punctuation stay as they are. Not shown are control characters (C0,
C1, DEL), direction controls, zero-width and other invisible characters, halves of surrogate pairs, noncharacters,
private ones, and more than a few combining marks on one letter. Markup such as ``<b>`` is left to the exit that knows
markup.
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

# What stands for a character in a picture, which has to say that there is something.
BOX = "\ufffd"


def _one_of(*ranges: int | tuple[int, int]) -> re.Pattern[str]:
    """A pattern of one character by its code point, or by the first and last of a range."""
    spans = (span if isinstance(span, tuple) else (span, span) for span in ranges)
    return re.compile(f"[{''.join(f'{chr(first)}-{chr(last)}' for first, last in spans)}]")


# Vietnamese and Thai stack two on a letter, Hebrew with all its signs four.
_MOST_MARKS = 4
_JOINERS = "\u200c\u200d"
# Scripts that join letters (Arabic and its neighbours, Indic, Myanmar, Khmer, Mongolian), and what emoji are made of.
_JOINING = (
    *((0x620, 0x6D3), (0x6FA, 0x70C), (0x710, 0x77F), (0x8A0, 0x8C9), (0x900, 0xDFF), (0x1000, 0x109F)),
    *((0x1780, 0x17B3), (0x17B6, 0x17FF), (0x1820, 0x18AA), (0x2190, 0x2BFF), (0x1F000, 0x1FAFF)),
)
_IS_JOINED = _one_of(*_JOINING)
_EMOJI_SELECTORS = chr(0xFE0E), chr(0xFE0F)
_JOINS_ON = _one_of(*_JOINING, 0xFE0F)
_IDEOGRAPHIC_SELECTORS = _one_of((0xE0100, 0xE01EF))
# Letters and marks that are drawn as nothing, a symbol drawn as a blank, code points kept for such, and noncharacters
# (but those at the end of each plane).
_NEVER_SHOWN = _one_of(
    *(0x34F, (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), 0x2065, 0x2800, 0x3164, (0xFDD0, 0xFDEF)),
    *((0xFE00, 0xFE0D), 0xFFA0, (0xFFF0, 0xFFF8), (0xE0000, 0xE0FFF)),
)
# Where marks and what is never shown lie among what Python calls printable; most scripts lie elsewhere, so that their
# texts need no look at each character.
_SUSPECT = _one_of(
    *((0x300, 0x1FFF), (0x20D0, 0x20FF), 0x2800, (0x2CEF, 0x2DFF), (0x302A, 0x302F), (0x3099, 0x309A), 0x3164),
    *((0xA66F, 0xABFF), 0xFB1E, (0xFE00, 0xFE2F), 0xFFA0, (0xFFF0, 0xFFFC), (0x10000, 0x1EFFF), (0xE0000, 0x10FFFF)),
)
# Controls, formats, surrogates, private use, separators of lines and paragraphs.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_LINE_BREAKING = frozenset("\t\n\v\f\r\x1c\x1d\x1e\x1f\x85\u2028\u2029")
# What spreadsheets take for a formula, in the wide forms too that some of them make narrow.
_FORMULA = frozenset("=+-@" + "".join(map(chr, (0xFF1D, 0xFF0B, 0xFF0D, 0xFF20))))


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


def boxed(text: str) -> str:
    """All of a text, its lines as they are: in place of what cannot be shown stands a box."""
    before = None
    while text != before:
        before = text
        text = "\n".join(map(_boxed_line, text.split("\n")))
    return text


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
    """Whether a text can be an id: not blank, at most 200 characters, each of which can be shown.

    One with the sign that stands for what was no text is none: two ids may have become the same by it.
    """
    if len(text) > IDENTITY_LENGTH or not text.strip() or BOX in text:
        return False
    return _is_plain(text) or all(is_shown for _, is_shown in _judged(text))


def without_formula(text: str) -> str:
    """A text for a cell of a spreadsheet: with an apostrophe before what would be taken for a formula."""
    is_taken_for_one = text.lstrip()[:1] in _FORMULA or text[:1] in {"\t", "\r"}
    return f"'{text}" if is_taken_for_one else text


def _boxed_line(line: str) -> str:
    return line if _is_plain(line) else "".join(char if is_shown else BOX for char, is_shown in _judged(line))


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
