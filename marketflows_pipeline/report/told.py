"""The brief as the page shows it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from marketflows_pipeline.report.published import PublishedFile


class ToldStatement(Protocol):
    """One sentence of the brief."""

    @property
    def text(self) -> str: ...
    @property
    def how_unusual(self) -> str: ...
    @property
    def caveat(self) -> str: ...
    @property
    def href(self) -> str: ...
    @property
    def severity(self) -> str: ...
    @property
    def as_of(self) -> datetime: ...


class ToldBrief(Protocol):
    """What changed, the most unusual first."""

    @property
    def headline(self) -> str: ...
    @property
    def statements(self) -> Sequence[ToldStatement]: ...
    @property
    def corrections(self) -> Sequence[str]: ...


def told_brief(file: PublishedFile) -> ToldBrief | None:
    """What was unusual in the last day; None where this program makes no sentences."""
    return None
