"""Columns of text from outside, as they can be shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl


def with_texts(frame: pl.DataFrame, columns: Iterable[str], shown: Callable[[str], str]) -> pl.DataFrame:
    """The frame with each different text of these columns as it is shown; nulls and empty texts stay."""
    for column in columns:
        texts = {text: shown(text) for text in frame[column].unique() if text}
        frame = frame.with_columns(frame[column].replace(texts))
    return frame
