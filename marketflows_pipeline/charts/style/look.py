"""How pictures look, whatever they show: theme, size and watermark, from ``[plots]``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal

from marketflows_pipeline.charts.style.colours import Theme

PictureSet = Literal["document", "essential", "none"]
Size = Literal["deck", "wide", "square"]
# Width and height of a page: 4:3, 16:9 and 1:1.
SIZES: dict[Size, tuple[int, int]] = {"deck": (960, 720), "wide": (1280, 720), "square": (960, 960)}


@dataclass(frozen=True)
class Look:
    """What all pictures of a run share.

    Attributes:
        theme: which colours.
        size: width and height of a page.
        watermark: small grey text in the corner of the footer; empty for none.
    """

    theme: Theme = "light"
    size: Size = "deck"
    watermark: str = ""

    @property
    def paper(self) -> str:
        """What a place without anything looks like, in words."""
        return "white" if self.theme == "light" else "dark"

    @property
    def width(self) -> int:
        """Width of a page in pixels of the design."""
        return SIZES[self.size][0]

    @property
    def height(self) -> int:
        """Height of a page in pixels of the design; a table is as high as its rows need."""
        return SIZES[self.size][1]


_CURRENT: ContextVar[Look] = ContextVar("look", default=Look())  # noqa: B039 - frozen


def current_look() -> Look:
    """The look that is drawn in."""
    return _CURRENT.get()


@contextmanager
def drawn_as(look: Look) -> Iterator[None]:
    """What is drawn inside has this look."""
    token = _CURRENT.set(look)
    try:
        yield
    finally:
        _CURRENT.reset(token)
