from __future__ import annotations

import itertools
import math

import altair as alt
import pytest

from marketflows_pipeline.charts.style.colours import luminance
from marketflows_pipeline.charts.style.theme import (
    FALL_INK,
    PALETTE,
    RISE_INK,
    series_colors,
    series_styles,
    styles_by_size,
    use_theme,
)

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
    everyone = [f"s{place}" for place in range(30)]

    assert series_colors(everyone) == series_colors(list(everyone))
    assert series_colors(everyone[:5]).items() <= series_colors(everyone).items()


def test_the_first_twelve_series_have_colours_of_their_own() -> None:
    assert len(set(series_colors([f"s{place}" for place in range(12)]).values())) == 12


def test_beyond_twelve_series_dashes_tell_equal_colours_apart() -> None:
    styles = series_styles([(f"s{place}", f"S{place}") for place in range(40)])

    assert len({(style.color, style.dash) for style in styles}) == 40
    assert all(style.dash == () for style in styles[:12])


@pytest.mark.parametrize("sight", sorted(SIGHT))
def test_colours_stay_apart_for_every_kind_of_colour_vision(sight: str) -> None:
    seen = [_lab(color, SIGHT[sight]) for color in PALETTE]

    distances = {pair: _distance(seen[pair[0]], seen[pair[1]]) for pair in itertools.combinations(range(12), 2)}
    assert min(distance for pair, distance in distances.items() if max(pair) < 10) >= 0.055
    assert min(distances.values()) >= 0.045


def test_every_colour_reads_on_white() -> None:
    assert all(1.05 / (luminance(_channels(color)) + 0.05) >= 3 for color in PALETTE)


def test_the_inks_of_signed_numbers_are_the_full_colours_of_the_scale_and_read_as_small_text() -> None:
    assert (fill_and_ink(1, 1)[0], fill_and_ink(-1, 1)[0]) == (RISE_INK, FALL_INK)
    assert all(1.05 / (luminance(_channels(ink)) + 0.05) >= 4.5 for ink in (RISE_INK, FALL_INK))


@pytest.mark.parametrize("n_ranges", range(1, 13))
def test_what_has_a_size_is_darker_the_larger_it_is(n_ranges: int) -> None:
    """Ranges had the colours of unrelated things: blue, orange, green."""
    styles = styles_by_size([(str(place), f"S{place}") for place in range(n_ranges)])
    lightness = [luminance(_channels(style.color)) for style in styles]
    assert lightness == sorted(lightness, reverse=True)
    assert len(set(lightness)) == n_ranges
    assert all(1.05 / (light + 0.05) >= 3 for light in lightness), "each reads on white"


@pytest.mark.parametrize("sight", sorted(SIGHT))
def test_neighbouring_sizes_stay_apart_for_every_kind_of_colour_vision(sight: str) -> None:
    seen = [_lab(style.color, SIGHT[sight]) for style in styles_by_size([(str(place), "") for place in range(5)])]
    assert min(_distance(*pair) for pair in itertools.pairwise(seen)) >= 0.055


@pytest.mark.parametrize("percent", range(-120, 121, 5))
def test_the_text_of_every_cell_reads_on_its_fill(percent: int) -> None:
    fill, ink = fill_and_ink(percent, 100)

    light, dark = sorted((luminance(_channels(fill)), luminance(_channels(ink))), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_the_theme_is_registered_once_and_enabled() -> None:
    use_theme()
    use_theme()

    assert alt.theme.active == "marketflows"


def _channels(color: str) -> tuple[int, ...]:
    return tuple(int(color[at : at + 2], 16) for at in (1, 3, 5))


def _lab(color: str, sight: Matrix) -> list[float]:
    linear = [
        channel / 255 / 12.92 if channel <= 10 else ((channel / 255 + 0.055) / 1.055) ** 2.4
        for channel in _channels(color)
    ]
    seen = [min(1.0, max(0.0, value)) for value in _apply(sight, linear)]
    return _apply(TO_LAB, [value ** (1 / 3) for value in _apply(TO_LMS, seen)])


def _apply(matrix: Matrix, vector: list[float]) -> list[float]:
    return [sum(weight * value for weight, value in zip(row, vector, strict=True)) for row in matrix]


def _distance(one: list[float], other: list[float]) -> float:
    return math.dist(one, other)
