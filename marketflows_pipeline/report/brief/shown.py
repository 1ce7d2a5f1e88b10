"""The numbers that a sentence shows, and whether a figure would still read as it does there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from marketflows_pipeline.charts.style.wording import MINUS, value_text
from marketflows_pipeline.system.printable import UNNAMED, presentable

_NUMBER = re.compile(
    rf"(?P<sign>[+{MINUS}])?(?P<dollar>\$)?(?P<digits>\d[\d,]*(?:\.\d+)?)(?P<scale>[KMBT](?![A-Za-z]))?(?P<percent>%)?"
)
_DAY = re.compile(r"\b\d{1,2} [A-Z][a-z]{2} \d{4}\b|\b\d{4}-\d\d-\d\d\b")
_SCALES = {None: 1.0, "K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}
# A state as a table holds it, such as risk_on.
_STATE = re.compile(r"[a-z]+(?:_[a-z]+)+")
_STATE_LENGTH = 200
# A figure right between two roundings may stand as either.
_HALF_A_DIGIT = 0.5 * (1 + 1e-9)


def state_text(state: str) -> str:
    """A state as a sentence shows it: "risk-on" for risk_on."""
    words = state.replace("_", "-") if _STATE.fullmatch(state) else state
    return presentable(words, _STATE_LENGTH) or UNNAMED


@dataclass(frozen=True)
class ShownNumber:
    """One number as a sentence shows it.

    Attributes:
        text: as it stands, with sign, dollar, scale and percent sign.
        value: what it says, scaled.
        decimals: digits after the point.
        scale: what one of it is, 1e6 where it is in millions.
    """

    text: str
    value: float
    decimals: int
    scale: float

    def shows(self, figure: float) -> bool:
        """Whether the figure, rounded as this number is, reads as it does."""
        return abs(figure - self.value) <= _HALF_A_DIGIT * self.scale * 10.0**-self.decimals

    def with_figure(self, figure: float) -> str:
        """Another figure, written as this one is."""
        number = _NUMBER.fullmatch(self.text)
        assert number is not None  # it was found by the same pattern
        digits = value_text(abs(figure) / self.scale, self.decimals, signed=False)
        is_zero = float(digits.replace(",", "")) == 0
        sign = MINUS if figure < 0 and not is_zero else "+" if number["sign"] and not is_zero else ""
        return f"{sign}{number['dollar'] or ''}{digits}{number['scale'] or ''}{number['percent'] or ''}"


def numbers_in(text: str) -> Iterator[ShownNumber]:
    """The numbers of a sentence in reading order; those of days and names too."""
    for found in _NUMBER.finditer(text):
        digits = found["digits"].rstrip(",")
        size = float(digits.replace(",", "")) * _SCALES[found["scale"]]
        yield ShownNumber(
            text=found[0].rstrip(","),
            value=-size if found["sign"] == MINUS else size,
            decimals=len(digits.partition(".")[2]),
            scale=_SCALES[found["scale"]],
        )


def without_days(text: str) -> str:
    """What a sentence says of its subject: without the name before the colon, and without days.

    The 3 of 3 Mar is no figure, nor is the $5B of a range's name.
    """
    return _DAY.sub("", text.partition(": ")[2] or text)


def place_of(text: str, figure: float) -> ShownNumber | None:
    """The number of a sentence that shows this figure; None where none does."""
    return next((number for number in numbers_in(text) if number.shows(figure)), None)


def reads_otherwise(text: str, old: float, new: float) -> bool:
    """Whether a sentence that shows the old figure would read otherwise with the new one."""
    places = [number for number in numbers_in(text) if number.shows(old)]
    return bool(places) and not any(number.shows(new) for number in places)
