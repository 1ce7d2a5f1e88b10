"""``[plots]``: which pictures there are, and how they look."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import AfterValidator, Field, field_validator

from marketflows_pipeline.charts.style.colours import Theme
from marketflows_pipeline.charts.style.look import Look, PictureSet, Size
from marketflows_pipeline.settings.fields import Number, Text, TomlTable, expected
from marketflows_pipeline.system.printable import presentable

WATERMARK_LENGTH = 60
# Longer look backs than the longest window, or shorter ones than its shortest step, have no answer.
MIN_HOURS, MAX_HOURS = 5 / 60, 365 * 24


def _watermark(text: str) -> str:
    if len(text) > WATERMARK_LENGTH:
        raise expected(f"text of at most {WATERMARK_LENGTH} characters")
    return presentable(text, WATERMARK_LENGTH)


class Plots(TomlTable):
    """``[plots]``: charts and gain tables."""

    hours_ago: tuple[Number, ...] = Field(
        (4.0, 8.0, 12.0, 24.0, 48.0, 72.0, 168.0, 336.0, 672.0), description="Look backs of the gain tables, in hours"
    )
    scale: Number = Field(2.0, ge=0.25, le=8, description="Pixels per point of the PNGs")
    set: PictureSet = Field("document", description="All pictures, the essential ones, or none")
    theme: Theme = Field("light", description="Colours of pictures and page")
    size: Size = Field("deck", description="Shape of the pictures: 4:3, 16:9 or 1:1")
    watermark: Annotated[Text, AfterValidator(_watermark)] = Field("", description="Small text in the footer's corner")

    @property
    def look(self) -> Look:
        """What all pictures of a run share."""
        return Look(self.theme, self.size, self.watermark)

    @field_validator("hours_ago")
    @classmethod
    def _positive_offsets(cls, hours: tuple[float, ...]) -> tuple[float, ...]:
        offsets = tuple(sorted({math.fabs(offset) for offset in hours}))
        if not offsets or offsets[0] == 0:
            raise expected("at least one offset, none of them 0 hours")
        if offsets[0] < MIN_HOURS or offsets[-1] > MAX_HOURS:
            raise expected(f"offsets from 5 minutes ({MIN_HOURS:.4f}) to a year ({MAX_HOURS}), in hours")
        return offsets
