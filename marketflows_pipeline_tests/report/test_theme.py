"""Colours of the page: each text, line and ground stands out as much as WCAG 2.2 asks for, in both themes."""

from __future__ import annotations

import re

import pytest

from marketflows_pipeline.charts.style.colours import SERIES_COUNT, THEMES, Theme, contrast, css_variables
from marketflows_pipeline.report.page import css_of_swatches, swatch_classes
from marketflows_pipeline.report.specs import VEGA_CONFIG
from marketflows_pipeline_tests.report.content import html_of

HEAT = ("heat-n3", "heat-n2", "heat-n1", "heat-0", "heat-p1", "heat-p2", "heat-p3")
NOTES = ("fresh", "stale", "tutorial", "strong", "notable", "faint")
TEXT, LINES = 4.5, 3.0


@pytest.mark.parametrize("name", THEMES)
def test_texts_read_on_every_ground_they_stand_on(name: Theme) -> None:
    values = THEMES[name]
    pairs = [
        *((text, ground) for text in ("ink", "grey", "link") for ground in ("card", "page")),
        *(("ink", step) for step in HEAT),
        *((f"{note}-ink", f"{note}-ground") for note in NOTES),
        # What is chosen is drawn the other way round.
        ("card", "ink"),
        ("ink", "soft"),
        ("rise", "card"),
        ("fall", "card"),
    ]
    found = {pair: contrast(values[pair[0]], values[pair[1]]) for pair in pairs}
    assert {pair: value for pair, value in found.items() if value < TEXT} == {}


@pytest.mark.parametrize("name", THEMES)
def test_series_stand_out_from_the_card(name: Theme) -> None:
    values = THEMES[name]
    series = [f"s{place}" for place in range(1, SERIES_COUNT + 1)] + ["into", "out"]
    found = {each: contrast(values[each], values["card"]) for each in series}
    assert {each: value for each, value in found.items() if value < LINES} == {}


def test_every_variable_that_the_page_names_has_a_value() -> None:
    page = html_of()
    named = set(re.findall(r"var\(--([a-z0-9-]+)\)", page + str(VEGA_CONFIG)))
    assert len(named) > 20
    assert named <= set(THEMES["light"])
    assert set(THEMES["light"]) == set(THEMES["dark"])


def test_a_swatch_shows_a_colour_and_nothing_else() -> None:
    mixed = "color-mix(in srgb, var(--size1) 25.0%, var(--size2))"
    classes = swatch_classes(["var(--s1)", "red;}body{display:none", mixed, "var(--s1)", "url(https://evil.example)"])
    assert classes == {"var(--s1)": "sw0", mixed: "sw1"}
    assert css_of_swatches(classes).splitlines()[0] == ".sw0{background:var(--s1)}"


def test_print_is_light_whatever_the_screen_is() -> None:
    """Dark values stand within `@media screen` alone."""
    page = html_of()
    style = page[page.index("<style>") : page.index("</style>")]
    dark = css_variables("dark")
    begin, end = style.index("@media screen{"), style.index("*,*::before")
    places = [found.start() for found in re.finditer(re.escape(dark), style)]
    assert len(places) == 2
    assert all(begin < place < end for place in places)
