"""One table of colours, for pictures as values and for the page as variables."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from marketflows_pipeline import charts
from marketflows_pipeline.charts.style.colours import (
    THEMES,
    Theme,
    contrast,
    css_variables,
    mix,
    value_of,
    var,
    with_values,
)

INKS_ON_GROUNDS = ("fresh", "stale", "tutorial", "strong", "notable", "faint")


def test_both_themes_have_the_same_names_in_the_same_order() -> None:
    assert list(THEMES["light"]) == list(THEMES["dark"])
    assert all(re.fullmatch("#[0-9a-fA-F]{6}", value) for theme in THEMES.values() for value in theme.values())


def test_a_specification_names_colours_and_gets_the_values_of_a_theme() -> None:
    spec = {"config": {"background": var("card")}, "range": [var("s1"), mix("size2", 0.0, "size1")], "width": 3}

    assert with_values(spec, "light") == {
        "config": {"background": "#ffffff"},
        "range": ["#0072B2", "#c48a00"],
        "width": 3,
    }
    assert with_values(spec, "dark")["config"]["background"] == THEMES["dark"]["card"]


@pytest.mark.parametrize(
    "text", ["var(--nothing)", "a var(--ink)", "var(--ink", "color-mix(in srgb, var(--ink) 9%, var(--nothing))", ""]
)
def test_any_other_text_stays_as_it_is(text: str) -> None:
    assert value_of(text, "dark") == text


def test_a_coin_named_like_a_colour_keeps_its_name() -> None:
    """Every text that was the name of a colour became its value, also the name of a coin."""
    name = var("ink")
    spec = {
        "title": {"text": [name], "color": name, "subtitleColor": name},
        "datasets": {"rows": [{"name": name, "key": name, "ink": name, "fill": mix("ink", 1.0, "card")}]},
        "encoding": {
            "x": {"datum": name, "axis": {"labelColor": {"condition": {"test": name, "value": name}, "value": "red"}}},
            "color": {"scale": {"domain": [name], "range": [name]}, "title": name, "value": name},
            "text": {"value": name},
        },
    }

    assert with_values(spec, "light") == {
        "title": {"text": [name], "color": "#1f2430", "subtitleColor": "#1f2430"},
        "datasets": {"rows": [{"name": name, "key": name, "ink": "#1f2430", "fill": "#1f2430"}]},
        "encoding": {
            "x": {
                "datum": name,
                "axis": {"labelColor": {"condition": {"test": name, "value": "#1f2430"}, "value": "red"}},
            },
            "color": {"scale": {"domain": [name], "range": ["#1f2430"]}, "title": name, "value": "#1f2430"},
            "text": {"value": name},
        },
    }


def test_a_mix_lies_between_its_ends() -> None:
    assert value_of(mix("card", 0.5, "ink"), "light") == "#8f9298"
    assert value_of(mix("card", 1.0, "ink"), "light") == THEMES["light"]["card"]


@pytest.mark.parametrize("theme", THEMES)
def test_the_style_sheet_has_every_colour_once(theme: Theme) -> None:
    declared = dict(line.split(":") for line in css_variables(theme).split(";"))

    assert declared == {f"--{name}": value for name, value in THEMES[theme].items()}
    assert len(css_variables(theme).split(";")) == len(declared)


@pytest.mark.parametrize("theme", THEMES)
def test_texts_of_the_page_read_on_what_lies_behind_them(theme: Theme) -> None:
    colours = THEMES[theme]
    pairs = [(f"{name}-ink", f"{name}-ground") for name in INKS_ON_GROUNDS]
    pairs += [(ink, ground) for ink in ("ink", "grey", "link") for ground in ("card", "page", "soft")]
    pairs += [("ink", f"heat-{step}") for step in ("n3", "n2", "n1", "0", "p1", "p2", "p3")]

    assert [pair for pair in pairs if contrast(*(colours[name] for name in pair)) < 4.5] == []


def test_no_chart_has_a_colour_of_its_own() -> None:
    """A colour written into a chart would be the same in light and dark. The card of a model is a printed page."""
    folder = Path(charts.__file__).parent
    others = [path for path in folder.rglob("*.py") if path.name not in {"colours.py", "model_card.py"}]

    found = {path.name: re.findall(r"#[0-9a-fA-F]{6}\b", path.read_text(encoding="utf-8")) for path in others}
    assert {name: colours for name, colours in found.items() if colours} == {}
    assert len(others) > 50
    assert json.dumps(THEMES)
