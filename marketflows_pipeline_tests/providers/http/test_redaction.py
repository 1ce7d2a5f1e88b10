"""A key that a service repeats is blotted out or withheld, in whatever form; other text stays as it is."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.providers.http.redaction import WITHHELD, Redactor
from marketflows_pipeline_tests.fakes.hostile import KEY, echoes

# What begins an escape would make other escapes of the same text.
NO_ESCAPES = st.characters(exclude_characters="%\\&", categories=["L", "N", "P", "S", "Z", "M", "Cc", "Cf"])
SECRETS = st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="%\\&"), min_size=10, max_size=40
).filter(lambda text: sum(map(str.isalnum, text)) >= 10)


@pytest.mark.parametrize("form", echoes(KEY))
def test_every_form_of_a_key_is_found(form: str) -> None:
    """The key came back URL-encoded, in base64 and in lower case, and was shown in the error and kept in the ledger."""
    text = f"the key {echoes(KEY)[form]} is not known"

    shown = Redactor([KEY]).redact_text(text)

    assert shown in {WITHHELD, "the key *** is not known"}


@given(SECRETS, st.text(NO_ESCAPES, max_size=20), st.text(NO_ESCAPES, max_size=20))
def test_every_form_of_every_key_is_found_within_any_text(secret: str, before: str, after: str) -> None:
    redactor = Redactor([secret])
    for form in echoes(secret).values():
        assert form not in redactor.redact_text(before + form + after)


def test_a_key_that_looks_escaped_itself_is_found() -> None:
    for shown in ("pass%2Fw0rd4proxy", "pass%252Fw0rd4proxy", "pass/w0rd4proxy"):
        assert Redactor(["pass%2Fw0rd4proxy"]).redact_text(f"user:{shown}@proxy") in {"user:***@proxy", WITHHELD}


@given(st.text(max_size=300))
def test_a_text_without_the_key_stays_as_it_is(text: str) -> None:
    assert Redactor([KEY]).redact_text(text) == text


def test_an_answer_of_the_usual_kind_stays_as_it_is() -> None:
    content = json.dumps([{"id": "café", "image": "https://x.example/a%20b.png?1", "cap": 1e9 / 3}] * 1000).encode()

    assert Redactor([KEY]).redact(content) is content


@pytest.mark.parametrize("secret", ["", "a", "key", "-------------", "abc-def"])
def test_what_is_too_short_to_be_a_key_is_not_looked_for(secret: str) -> None:
    """Of a key `a` nothing of any message would be left."""
    assert Redactor([secret]).redact_text("a key abc-def -------------") == "a key abc-def -------------"


def test_a_key_in_utf_16_is_found() -> None:
    assert Redactor([KEY]).redact(KEY.encode("utf-16")) is None


@pytest.mark.slow
def test_escapes_without_end_are_looked_through_once() -> None:
    """A run of backslashes was searched from each of them to the end."""
    for content in (b"\\" * 200_000, b"%25" * 60_000, b"&#0" * 60_000, b"\\u00" * 50_000):
        assert Redactor([KEY]).redact(content) is content


def test_its_own_words_do_not_show_it() -> None:
    redactor = Redactor([KEY])
    assert KEY not in f"{redactor!r} {redactor}"
