"""Each kind in words: every number in a sentence is one of its figures, and nothing outside text can do breaks it."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from marketflows_pipeline.report.brief.templates import TEMPLATES, UNKNOWN_CAVEAT
from marketflows_pipeline.report.brief.wording import statement_of
from marketflows_pipeline.transforms.events.scores import RATED
from marketflows_pipeline_tests.hostile_names import HOSTILE_NAMES, dangerous
from marketflows_pipeline_tests.report.brief.events import CLOSE, MEASURED, UNITS, event, unexplained_numbers

FIGURES = {"value", "reference", "z", "percentile", "was", "became", "n_past", "frequency_pct", "coverage_pct"}


def test_every_kind_has_its_words() -> None:
    from marketflows_pipeline.queries.events.finding import KINDS

    assert {kind.name: kind.unit for kind in KINDS if kind.name != "staleness"} == {
        name: unit for name, unit in UNITS.items() if name != "staleness"
    }
    assert {kind.name for kind in KINDS} == set(TEMPLATES) == set(UNITS)


@pytest.mark.parametrize("kind", UNITS)
def test_a_sentence_has_its_figure_its_day_and_what_it_is_not(kind: str) -> None:
    told = statement_of(event(kind, label="Made up", value=-4_812_345.678, reference=1.25))

    assert "20 Nov 2026" in told.text
    assert told.text.endswith(".")
    assert "Made up" in told.text or kind == "leadership_change"
    assert told.caveat.endswith(".")
    assert told.caveat != UNKNOWN_CAVEAT
    assert told.href.startswith("#")
    assert "1.2%" in told.how_unusual
    assert unexplained_numbers(told) == []
    assert ({"value", "reference", "z", "percentile"} if kind in MEASURED else {"frequency_pct"}) <= set(told.figures)


def test_the_sentences_as_they_read() -> None:
    move = statement_of(event("index_move", label="AI", value=-12.34, reference=0.21, coverage_pct=91.0))
    regime = statement_of(event("regime_change", label="Market regime", value=18.5, reference=24.0))
    stale = statement_of(event("staleness", label="Closes of Solana", became="no figure since 18 Nov 2026"))

    assert move.text == "AI: index \u221212.3% in the day to 20 Nov 2026, against a mean of +0.21% before."
    assert move.how_unusual == (
        "z +3.2 against the 60 values before; above 98.5% of them; its kind is as unusual on 1.2% of days; "
        "covers 91.0% of it"
    )
    assert regime.text == (
        "Market regime went from risk-off to risk-on in the session of 20 Nov 2026, at 18.50 VIX, after 24 VIX."
    )
    assert regime.how_unusual == "120 days looked at; its kind is as unusual on 1.2% of days"
    assert stale.text == "Closes of Solana: no figure since 18 Nov 2026, as of 20 Nov 2026."


def test_what_is_not_known_is_not_said() -> None:
    joined = statement_of(event("member_change", label="AI", was="", became="Render"))
    left = statement_of(event("member_change", label="AI", was="Render", became=None))
    check = statement_of(event("failed_check", label="gaps", value=None, reference=None))
    none = statement_of(event("index_move", label="AI", value=None, z=math.nan, percentile=None))

    assert joined.text == "AI: Render joined its index on 20 Nov 2026."
    assert left.text == "AI: Render left its index on 20 Nov 2026."
    assert check.text == "gaps fails since the run of 20 Nov 2026."
    assert none.text == "AI: index move on 20 Nov 2026, compared with 40.5%."
    assert "z" not in none.figures


def test_a_kind_of_a_later_version_is_told_in_plain_words() -> None:
    told = statement_of(event("tide_{turn}", label="Moon", unit="furlongs", was="ebb", became="flood"))

    assert told.text == (
        "Moon: tide {turn} on 20 Nov 2026, now flood, before ebb, 48.25 furlongs, compared with 40.50 furlongs."
    )
    assert told.caveat == UNKNOWN_CAVEAT
    assert unexplained_numbers(told) == []


def test_evidence_names_just_the_figures() -> None:
    told = statement_of(event("quadrant_change", subject="o'clock"))

    assert list(told.figures) == ["was", "became", "n_past", "frequency_pct"]
    assert told.evidence.startswith("select was, became, (select n_past from mart.events where event_id = ")
    assert "'quadrant_change:o''clock:2026-11-20'" in told.evidence


@pytest.mark.parametrize("kind", [*UNITS, "unknown"])
def test_a_hostile_name_stays_a_name(kind: str) -> None:
    told = {
        attack: statement_of(event(kind, label=name, was=name, became=name, unit=UNITS.get(kind, "")))
        for attack, name in HOSTILE_NAMES.items()
    }
    found = {attack: dangerous(each.text + each.label + each.how_unusual, allowed="") for attack, each in told.items()}

    assert {attack: left for attack, left in found.items() if left} == {}
    assert [attack for attack, each in told.items() if len(each.text) >= 800] == []


SOME = st.floats(-1e13, 1e13, allow_nan=False)
NEXT_TO_NOTHING: dict[str, Any] = {
    "value": 0.5,
    "reference": 0.0,
    "z": None,
    "percentile": None,
    "n_past": 20,
    "frequency_pct": 1.0,
    "coverage_pct": 0.0,
    "was": None,
    "became": None,
}


@given(
    kind=st.sampled_from([*UNITS, "unknown"]),
    figures=st.fixed_dictionaries(
        {
            "value": st.none() | SOME,
            "reference": st.none() | SOME,
            "z": st.none() | st.floats(-50, 50),
            "percentile": st.none() | st.floats(0, 100),
            "n_past": st.integers(20, 400),
            "frequency_pct": st.floats(0.2, 100),
            "coverage_pct": st.floats(0, 100),
            "was": st.none() | st.sampled_from(["", "place 11", "up"]),
            "became": st.none() | st.sampled_from(["", "place 9", "down"]),
        }
    ),
)
# "<1, after 0": a comma of the sentence behind a limit.
@example("large_supply_step", NEXT_TO_NOTHING)
def test_every_number_of_a_sentence_is_one_of_its_figures(kind: str, figures: dict[str, Any]) -> None:
    told = statement_of(event(kind, label="Name", **figures))

    assert unexplained_numbers(told) == []
    assert set(told.figures) <= FIGURES
    assert told.as_of == CLOSE
    assert all(told.figures[name] == figures[name] for name in told.figures)


def test_the_columns_that_sentences_show_are_those_of_events() -> None:
    assert RATED.keys() | {"coverage_pct"} >= FIGURES


@pytest.mark.parametrize(("percentile", "words"), [(0.0, "below all of them"), (100.0, "above all of them")])
def test_what_lies_beyond_all_of_its_past_says_so(percentile: float, words: str) -> None:
    assert words in statement_of(event(percentile=percentile)).how_unusual
