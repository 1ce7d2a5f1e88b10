from __future__ import annotations

import itertools
import math

import altair as alt
import pytest

from marketflows_pipeline.charts.spec import SeriesStyle
from marketflows_pipeline.charts.style.colours import THEMES, Theme, channels, contrast, heat, value_of
from marketflows_pipeline.charts.style.diverging_colours import fill_and_ink
from marketflows_pipeline.charts.style.look import Look, drawn_as
from marketflows_pipeline.charts.style.theme import (
    FALL_INK,
    GREY,
    INK,
    INTO,
    OUT_OF,
    PALETTE,
    REFERENCE,
    RISE_INK,
    series_styles,
    styles_by_size,
    use_theme,
)

# Behind names of quadrants and texts of cells that have no figure.
GROUNDS_OF_TEXT = ("card", "empty", "leading", "improving", "weakening", "lagging")

Rgb = tuple[float, float, float]
Matrix = tuple[Rgb, Rgb, Rgb]

# Linear-RGB matrices of full dichromacy (Machado, Oliveira, Fernandes 2009).
SIGHT: dict[str, Matrix] = {
    "normal": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protan": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deutan": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.01182, 0.04294, 0.968881)),
    "tritan": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.3039)),
}
TO_LMS: Matrix = (
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
)
TO_LAB: Matrix = (
    (0.2104542553, 0.793617785, -0.0040720468),
    (1.9779984951, -2.428592205, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.808675766),
)


def test_a_series_has_the_same_colour_wherever_the_same_list_is_drawn() -> None:
    everyone = {f"s{place}": f"S{place}" for place in range(30)}

    assert series_styles(everyone) == series_styles(everyone.items())
    assert series_styles(list(everyone.items())[:5]) == series_styles(everyone)[:5]


def test_the_first_twelve_series_have_colours_of_their_own() -> None:
    styles = series_styles([(f"s{place}", f"S{place}") for place in range(12)])

    assert len({style.color for style in styles}) == 12


def test_beyond_twelve_series_dashes_tell_equal_colours_apart() -> None:
    styles = series_styles([(f"s{place}", f"S{place}") for place in range(40)])

    assert len({(style.color, style.dash) for style in styles}) == 40
    assert all(style.dash == () for style in styles[:12])


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("sight", sorted(SIGHT))
def test_colours_stay_apart_for_every_kind_of_colour_vision(sight: str, theme: Theme) -> None:
    seen = [_lab(value_of(color, theme), SIGHT[sight]) for color in PALETTE]

    distances = {pair: _distance(seen[pair[0]], seen[pair[1]]) for pair in itertools.combinations(range(12), 2)}
    assert min(distance for pair, distance in distances.items() if max(pair) < 10) >= 0.055
    assert min(distances.values()) >= 0.045


@pytest.mark.parametrize("theme", THEMES)
def test_lines_read_on_the_card(theme: Theme) -> None:
    lines = {*PALETTE, REFERENCE, INTO, OUT_OF, *(style.color for style in sizes(9))}

    assert all(contrast(value_of(color, theme), THEMES[theme]["card"]) >= 3 for color in lines)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("ground", GROUNDS_OF_TEXT)
def test_texts_read_on_whatever_lies_behind_them(ground: str, theme: Theme) -> None:
    inks = [INK, GREY, RISE_INK, FALL_INK] if ground == "card" else [INK, GREY]

    assert all(contrast(value_of(ink, theme), THEMES[theme][ground]) >= 4.5 for ink in inks)


def test_the_inks_of_signed_numbers_are_the_full_colours_of_the_scale() -> None:
    assert (heat(1, "light")[0], heat(-1, "light")[0]) == tuple(value_of(ink, "light") for ink in (RISE_INK, FALL_INK))


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("n_ranges", range(1, 13))
def test_what_has_a_size_stands_out_more_the_larger_it_is(n_ranges: int, theme: Theme) -> None:
    """Ranges had the colours of unrelated things: blue, orange, green."""
    seen = [contrast(value_of(style.color, theme), THEMES[theme]["card"]) for style in sizes(n_ranges)]
    assert seen == sorted(seen)
    assert len(set(seen)) == n_ranges


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("sight", sorted(SIGHT))
def test_neighbouring_sizes_stay_apart_for_every_kind_of_colour_vision(sight: str, theme: Theme) -> None:
    seen = [_lab(value_of(style.color, theme), SIGHT[sight]) for style in sizes(5)]
    assert min(_distance(*pair) for pair in itertools.pairwise(seen)) >= 0.055


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("percent", range(-120, 121, 5))
def test_the_text_of_every_cell_reads_on_its_fill(percent: int, theme: Theme) -> None:
    with drawn_as(Look(theme)):
        fill, ink = fill_and_ink(percent, 100)

    assert contrast(fill, ink) >= 4.5


def test_the_theme_is_registered_once_and_enabled() -> None:
    use_theme()
    use_theme()

    assert alt.theme.active == "marketflows"


def sizes(count: int) -> tuple[SeriesStyle, ...]:
    return styles_by_size([(str(place), f"S{place}") for place in range(count)])


def _lab(color: str, sight: Matrix) -> list[float]:
    linear = [
        channel / 255 / 12.92 if channel <= 10 else ((channel / 255 + 0.055) / 1.055) ** 2.4
        for channel in channels(color)
    ]
    seen = [min(1.0, max(0.0, value)) for value in _apply(sight, linear)]
    return _apply(TO_LAB, [value ** (1 / 3) for value in _apply(TO_LMS, seen)])


def _apply(matrix: Matrix, vector: list[float]) -> list[float]:
    return [sum(weight * value for weight, value in zip(row, vector, strict=True)) for row in matrix]


def _distance(one: list[float], other: list[float]) -> float:
    return math.dist(one, other)
