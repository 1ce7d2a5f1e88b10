"""What of a text from outside is shown: laws for any text, and the hostile names one by one."""

from __future__ import annotations

import json
import re
import sys
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from marketflows_pipeline.system import printable as module
from marketflows_pipeline.system.printable import (
    BOX,
    IDENTITY_LENGTH,
    NAME_LENGTH,
    UNNAMED,
    boxed,
    escaped,
    escaped_in_json,
    excerpt,
    is_identity,
    presentable,
    presentable_name,
    visible,
    without_formula,
)
from marketflows_pipeline_tests.hostile_names import HARMLESS_NAMES, HOSTILE_NAMES, NEVER_OUT, dangerous

# Half of the characters are of those that matter here.
ODD = st.sampled_from(sorted({letter for name in HOSTILE_NAMES.values() for letter in name}) + list("\u200d\ufe0f"))
TEXTS = st.lists(ODD | st.characters(), max_size=40).map("".join) | st.sampled_from([*HOSTILE_NAMES.values()])


@given(TEXTS)
@example("\U0001f468\u200d\u200d\U0001f469")
@example("\u0628\u200c\u061c\u0628")
def test_a_name_is_one_line_of_bounded_length_and_presentable_once_and_for_all(text: str) -> None:
    shown = presentable(text)

    assert dangerous(shown, allowed="") == set()
    assert len(shown) <= NAME_LENGTH
    assert shown == shown.strip()
    assert "  " not in shown
    assert presentable(shown) == shown
    shown.encode()


@given(TEXTS)
def test_a_name_is_never_blank(text: str) -> None:
    """A coin called by three zero-width spaces had an empty line in every table."""
    assert presentable_name(text).strip()
    assert presentable_name(presentable_name(text)) == presentable_name(text)


@given(st.text(st.characters(categories=["L", "N", "P", "S"], exclude_characters="\u115f\u1160\u3164\uffa0\u2800")))
def test_letters_figures_punctuation_and_symbols_of_all_scripts_stay(text: str) -> None:
    assert presentable(text, limit=1_000) == text


@pytest.mark.parametrize("name", HARMLESS_NAMES)
def test_a_name_that_is_only_unusual_stays_as_it_is(name: str) -> None:
    """Emoji joined to a family, Persian and Sinhala are spelled with joiners that nobody sees."""
    assert presentable_name(name) == name
    assert (visible(name), escaped(name), boxed(name), escaped_in_json(name), excerpt(name)) == (name,) * 5
    assert is_identity(name)


@pytest.mark.parametrize("attack", HOSTILE_NAMES)
def test_a_hostile_name_ends_harmless_however_it_is_shown(attack: str) -> None:
    name = HOSTILE_NAMES[attack]

    for shown in (presentable_name(name), visible(name), escaped(name), excerpt(name)):
        assert dangerous(shown, allowed="") == set()
    assert dangerous(boxed(name), allowed="\n") == set()
    assert len(excerpt(name)) <= module.EXCERPT_LENGTH + 1


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "[31mred[0m"),
        ("Coin\n2026-10-10 INFO", "Coin 2026-10-10 INFO"),
        ("a\r\n\t\u2028\x85b", "a b"),
        ("Bit\u200bcoin", "Bitcoin"),
        ("a\u00a0\u3000b", "a b"),
        ("\u202egnp", "gnp"),
        ("\u0301a", "a"),
        ("e" + "\u0301" * 9, "e" + "\u0301" * 4),
        ("\ufe0fa\ufe0f\ufe0fb", "a\ufe0fb"),
        ("\U0001f468\u200d", "\U0001f468"),
        ("x" * 101, "x" * 99 + "…"),
        ("\u9f8d" * 5_000, "\u9f8d" * 99 + "…"),
        ("\u200b" * 30, ""),
    ],
)
def test_what_is_not_shown_is_left_out_and_breaks_become_a_blank(text: str, shown: str) -> None:
    assert presentable(text) == shown


def test_a_name_of_nothing_has_a_stand_in() -> None:
    assert presentable_name(HOSTILE_NAMES["nothing to see"]) == UNNAMED
    assert presentable_name("") == UNNAMED


def test_a_name_cut_within_a_joined_emoji_ends_with_a_whole_one() -> None:
    family = "\U0001f468\u200d\U0001f469"
    for before in range(95, 101):
        shown = presentable("x" * before + family * 3)
        assert "\u200d…" not in shown
        assert len(shown) <= NAME_LENGTH


@given(TEXTS)
def test_what_is_spelt_out_reads_back_as_what_was_meant(text: str) -> None:
    shown = escaped(text.replace("\\", "/"))

    assert re.sub(r"\\(?:[tnr]|x..|u....|U........)", _meant, shown) == text.replace("\\", "/")


def _meant(found: re.Match[str]) -> str:
    return found[0].encode("ascii").decode("unicode_escape")


@given(st.dictionaries(st.text(), TEXTS | st.floats(allow_nan=False), max_size=4), st.sampled_from([None, 2]))
def test_json_reads_back_as_it_was_and_says_nothing_to_a_terminal(value: dict[str, object], indent: int | None) -> None:
    text = escaped_in_json(json.dumps(value, ensure_ascii=False, indent=indent))

    assert json.loads(text) == value
    assert dangerous(text) == set()
    text.encode()


@given(TEXTS)
def test_a_box_stands_for_each_character_that_is_not_shown(text: str) -> None:
    shown = boxed(text)

    assert len(shown) == len(text)
    assert boxed(shown) == shown
    assert all(other in {one, BOX} for one, other in zip(text, shown, strict=True))
    # What no XML may hold makes the renderer die.
    assert re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]", shown) is None


@pytest.mark.parametrize("identity", ["bitcoin", "0-5x-long", "哈基米", "a b", "x" * IDENTITY_LENGTH, "\U0001f438"])
def test_an_id_may_be_of_any_script(identity: str) -> None:
    assert is_identity(identity)


@pytest.mark.parametrize(
    "identity",
    [
        "",
        " ",
        "a\0",
        "a\n",
        "\ud800",
        "a\u200b",
        "\u202ea",
        "a\x9b",
        "\u2028",
        "x" * (IDENTITY_LENGTH + 1),
        "\uffff",
        BOX,
    ],
)
def test_an_id_can_be_shown_and_has_an_end(identity: str) -> None:
    """A NUL in an id was stored, and no command could name the coin."""
    assert not is_identity(identity)


@pytest.mark.parametrize("attack", [name for name in HOSTILE_NAMES if name.startswith("formula")])
def test_no_spreadsheet_computes_a_name(attack: str) -> None:
    assert without_formula(HOSTILE_NAMES[attack]).startswith("'")
    assert without_formula(presentable(HOSTILE_NAMES[attack])).startswith("'")


@pytest.mark.parametrize("text", ["", "Bitcoin", "a=b", "1inch", "'=1", "(-1)", "$-5"])
def test_other_cells_stay(text: str) -> None:
    assert without_formula(text) == text


def test_the_quick_look_overlooks_nothing() -> None:
    """A text is taken as it is without a look at each character where no mark or invisible letter can be in it."""
    overlooked = [
        hex(code)
        for code in range(sys.maxunicode + 1)
        if (char := chr(code)).isprintable()
        and (unicodedata.category(char) in {"Mn", "Me"} or module._NEVER_SHOWN.match(char))
        and not module._SUSPECT.match(char)
    ]
    assert overlooked == []


def test_all_that_must_never_come_out_is_not_shown() -> None:
    shown = {hex(ord(char)): visible(f"a{char}b") for char in sorted(NEVER_OUT)}
    assert {code: text for code, text in shown.items() if text not in {"ab", "a b"}} == {}
