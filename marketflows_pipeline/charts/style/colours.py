"""The one table of colours, for pictures as values and for the page as variables of its style sheet.

A specification names a colour ``var(--ink)`` whatever the theme; `with_values` writes the theme's value in its place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal, get_args

Theme = Literal["light", "dark"]
Rgb = tuple[int, int, int]

# Name: light, dark. Card is the paper of a picture and of a card of the page.
_TABLE = {
    "ink": ("#1f2430", "#e9edf3"),
    "grey": ("#5f6672", "#a3adba"),
    "grid": ("#e6e8ec", "#2a313c"),
    "reference": ("#8a919e", "#7d8796"),
    "outline": ("#c3c8d1", "#535d6b"),
    "card": ("#ffffff", "#171c23"),
    # Chosen so that all stay apart for normal, protan, deutan and tritan sight, and each reads on the card (the tests
    # measure both); hence the differences in lightness.
    "s1": ("#0072B2", "#3FA0E8"),
    "s2": ("#CC5500", "#F0883E"),
    "s3": ("#009E73", "#2FC59A"),
    "s4": ("#D966A8", "#E7A5E9"),
    "s5": ("#5B3A9B", "#956EFB"),
    "s6": ("#7A2E0E", "#C57214"),
    "s7": ("#768BE2", "#C5D7FF"),
    "s8": ("#8E3461", "#D46FC4"),
    "s9": ("#C48A00", "#B8CA51"),
    "s10": ("#0B2F5E", "#42939D"),
    "s11": ("#B0452F", "#F99AA9"),
    "s12": ("#005B4A", "#D7CEBC"),
    # Up and down, as of money that came in or went out, as fills; and as ink of small text, which needs more contrast.
    "into": ("#0072B2", "#3FA0E8"),
    "out": ("#CC5500", "#F0883E"),
    "rise": ("#08559c", "#6cb6f5"),
    "fall": ("#a84506", "#f5a25d"),
    # Of what has a size, the larger is the further from the card, also for those who see no hues.
    "size1": ("#C48A00", "#8672e8"),
    "size2": ("#B0452F", "#c964b4"),
    "size3": ("#8E3461", "#e87d78"),
    "size4": ("#5B3A9B", "#f5ab57"),
    "size5": ("#0B2F5E", "#fbe38a"),
    # Ends and middle of the scale of signed numbers, and a cell without a figure.
    "heat-low": ("#a84506", "#b3560f"),
    "heat-mid": ("#f6f7f9", "#222933"),
    "heat-high": ("#08559c", "#2a72b5"),
    "empty": ("#fbfbfc", "#1b212a"),
    # Bands behind lines.
    "band1": ("#ffffff", "#171c23"),
    "band2": ("#f3f4f7", "#202732"),
    "band3": ("#e7e9ee", "#2b3340"),
    "risk-on": ("#cfe3f3", "#1c3a55"),
    "mixed": ("#eef0f3", "#252c37"),
    "risk-off": ("#f5c9a6", "#573317"),
    # Rising is blue, falling orange, strong the darker; behind the paths of rotation, and paler than into and out.
    "leading": ("#dcebf6", "#1a3147"),
    "improving": ("#f1f7fb", "#192431"),
    "weakening": ("#fdf3ea", "#292320"),
    "lagging": ("#fae1cf", "#402a1b"),
    "into-pale": ("#9ecae6", "#2f5f88"),
    "out-pale": ("#f7cba4", "#7d4d24"),
    "other": ("#d5d9e0", "#3a434f"),
    "unknown": ("#eceef2", "#232a34"),
    # Of the page alone: surfaces and lines, links, steps of signed numbers, and grounds of notes with their ink.
    "page": ("#f3f5f8", "#0e1217"),
    "soft": ("#eef1f5", "#20262f"),
    "line": ("#dde2e9", "#2c343f"),
    "link": ("#005fa3", "#6cb8f0"),
    "heat-n3": ("#f2a766", "#8a4a12"),
    "heat-n2": ("#f8cda8", "#633813"),
    "heat-n1": ("#fdecdd", "#37291d"),
    "heat-0": ("#f2f4f7", "#20262f"),
    "heat-p1": ("#e0eef9", "#1b2c3d"),
    "heat-p2": ("#b2d5f1", "#1c4262"),
    "heat-p3": ("#79b5e3", "#1d5d91"),
    "fresh-ground": ("#e1f3ea", "#12332a"),
    "fresh-ink": ("#0b5a3c", "#8fdcbc"),
    "stale-ground": ("#fbe3e0", "#4a1a16"),
    "stale-ink": ("#8f1d12", "#ffb9b0"),
    "tutorial-ground": ("#fdf0d5", "#3d2c0a"),
    "tutorial-ink": ("#6b4700", "#f5d48a"),
    "strong-ground": ("#00598c", "#4ca8e8"),
    "strong-ink": ("#ffffff", "#0b1620"),
    "notable-ground": ("#cfe4f5", "#1c4262"),
    "notable-ink": ("#0b3a5e", "#d6eafa"),
    "faint-ground": ("#e8ebf0", "#2c343f"),
    "faint-ink": ("#454c58", "#c3cad4"),
}
SERIES_COUNT, SIZES = 12, 5
# Between pure black and white every fill has a contrast of at least 4.5 with one of them.
_BLACK, _WHITE = "#000000", "#ffffff"
# Keys of Vega-Lite under which a colour stands, and columns of colours in the data of charts; `...Color` besides.
_HOLD_COLOURS = frozenset(("background", "color", "fill", "range", "stroke", "ink", "inside"))
# Where a channel such as `color` has its colour.
_OF_CHANNEL = frozenset(("value", "condition"))
_NAMED = re.compile(r"var\(--([a-z0-9-]+)\)")
_MIXED = re.compile(r"color-mix\(in srgb, var\(--([a-z0-9-]+)\) ([0-9.]+(?:e-[0-9]+)?)%, var\(--([a-z0-9-]+)\)\)")


def var(name: str) -> str:
    """How a specification or a style sheet names a colour of the table."""
    return f"var(--{name})"


def mix(name: str, share: float, other: str) -> str:
    """How a specification names a colour between two of the table: a share from 0 to 1 of the first."""
    return f"color-mix(in srgb, var(--{name}) {100 * share!r}%, var(--{other}))"


def channels(colour: str) -> Rgb:
    """Red, green and blue of ``#rrggbb``."""
    red, green, blue = bytes.fromhex(colour[1:])
    return red, green, blue


def between(low: Rgb, high: Rgb, share: float) -> str:
    """The colour at a share from 0 to 1 of the way from one to another."""
    return "#{:02x}{:02x}{:02x}".format(*(round(a + share * (b - a)) for a, b in zip(low, high, strict=True)))


def luminance(rgb: Rgb) -> float:
    """Relative luminance of an sRGB colour, 0 to 1 (WCAG 2.1)."""
    linear = [channel / 255 / 12.92 if channel <= 10 else ((channel / 255 + 0.055) / 1.055) ** 2.4 for channel in rgb]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Contrast of two colours as WCAG 2.1 defines it, from 1 to 21."""
    low, high = sorted(luminance(channels(colour)) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


def ink_on(fill: str) -> str:
    """Black or white, whichever stands out more from a fill."""
    return _BLACK if (luminance(channels(fill)) + 0.05) ** 2 >= 1.05 * 0.05 else _WHITE


def heat(strength: float, theme: Theme) -> tuple[str, str]:
    """Fill and ink of a signed number: nothing at 0, full orange at -1 and full blue at 1."""
    colours = THEMES[theme]
    end = colours["heat-high" if strength > 0 else "heat-low"]
    fill = between(channels(colours["heat-mid"]), channels(end), min(1.0, abs(strength)))
    return fill, ink_on(fill)


def value_of(colour: str, theme: Theme) -> str:
    """``#rrggbb`` of a colour as specifications name it; any other text as it is."""
    if named := _NAMED.fullmatch(colour):
        return THEMES[theme].get(named[1], colour)
    mixed = _MIXED.fullmatch(colour)
    if mixed is None or not THEMES[theme].keys() >= {mixed[1], mixed[3]}:
        return colour
    low, high = (channels(THEMES[theme][name]) for name in (mixed[3], mixed[1]))
    return between(low, high, float(mixed[2]) / 100)


def with_values(
    part: Any,  # noqa: ANN401 - whatever JSON holds
    theme: Theme,
    shown: Callable[[str], str] = str,
    *,
    is_colour: bool = False,
) -> Any:  # noqa: ANN401 - likewise
    """A part of a specification with the theme's values in place of the names of colours, all texts as shown.

    Only what stands where a colour stands is one: a coin may be called ``var(--ink)``.

    Args:
        part: of a Vega-Lite specification.
        theme: whose values are meant.
        shown: what becomes of each text.
        is_colour: whether texts at the top of the part are colours.
    """
    if isinstance(part, str):
        return shown(value_of(part, theme) if is_colour else part)
    if isinstance(part, Mapping):
        return {
            key: with_values(value, theme, shown, is_colour=_names_colour(key) or (is_colour and key in _OF_CHANNEL))
            for key, value in part.items()
        }
    if isinstance(part, list | tuple):
        return [with_values(value, theme, shown, is_colour=is_colour) for value in part]
    return part


def _names_colour(key: str) -> bool:
    return key in _HOLD_COLOURS or key.endswith("Color")


def css_variables(theme: Theme) -> str:
    """The theme as declarations of a style sheet, such as ``--ink:#1f2430;--grey:#5f6672``."""
    return ";".join(f"--{name}:{value}" for name, value in THEMES[theme].items())


THEMES: dict[str, dict[str, str]] = {
    theme: {name: values[place] for name, values in _TABLE.items()} for place, theme in enumerate(get_args(Theme))
}
