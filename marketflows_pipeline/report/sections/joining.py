"""Cards joined into a section, with a note of each that has nothing to show."""

from __future__ import annotations

from collections.abc import Mapping

from marketflows_pipeline.report.model import Card, Section
from marketflows_pipeline.report.sections.cards import NOT_KNOWN, note


def joined(key: str, title: str, cards: Mapping[str, Card | None]) -> Section:
    """A section of the cards that there are.

    Args:
        key: its anchor.
        title: its heading.
        cards: in reading order, by what each shows; None where there is nothing to show.
    """
    notes = tuple(note(what, NOT_KNOWN) for what, card in cards.items() if card is None)
    return Section(key, title, tuple(card for card in cards.values() if card is not None), notes)
