"""A sentence of the brief with all that it rests on, and a sentence that turned out otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

Figure: TypeAlias = float | int | str


@dataclass(frozen=True)
class Statement:
    """One sentence.

    Attributes:
        statement_id: the event that it tells.
        part: market_caps, exchanges or cross_asset.
        kind: of the event.
        subject: key of what it is about.
        label: what people call that.
        as_of: close, session or record that it is about.
        text: the sentence, in one line.
        how_unusual: against what, in words.
        caveat: what it is not.
        figures: every number and state in it, by name.
        evidence: select on the published file that gives just these figures, by the same names.
        href: anchor of the page's card that tells more.
        severity: notable, strong or extreme.
        score: what it was ordered by.
    """

    statement_id: str
    part: str
    kind: str
    subject: str
    label: str
    as_of: datetime
    text: str
    how_unusual: str
    caveat: str
    figures: Mapping[str, Figure]
    evidence: str
    href: str
    severity: str
    score: float


@dataclass(frozen=True)
class Correction:
    """A sentence whose figures a later publish no longer found.

    Attributes:
        statement_id: the event that it told.
        part: market_caps, exchanges or cross_asset.
        subject: what it is about.
        as_of: what it was about.
        text: the sentence as it was told.
        told_at: when.
        corrected_at: when another figure was first found.
        now: what it would say, figure by figure, in words.
        figures: as they were told.
        corrected_figures: as they were found; None where they could not be found any more.
        evidence: the select that gives them.
    """

    statement_id: str
    part: str
    subject: str
    as_of: datetime
    text: str
    told_at: datetime
    corrected_at: datetime
    now: str
    figures: Mapping[str, Figure]
    corrected_figures: Mapping[str, Figure | None] | None
    evidence: str
