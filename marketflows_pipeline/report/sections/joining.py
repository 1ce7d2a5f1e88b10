"""Cards joined into a section, with a note of those that had nothing to show."""

from __future__ import annotations

from collections.abc import Mapping

from marketflows_pipeline.report.model import Card, Section


def joined(key: str, title: str, cards: Mapping[str, Card | None]) -> Section:
    """A section of the cards that there are.

    Args:
        key: its anchor.
        title: its heading.
        cards: in reading order, by what each shows; None where there is nothing to show.
    """
    missing = [what for what, card in cards.items() if card is None]
    notes = (f"Not shown, since the published file holds no figures of it: {', '.join(missing)}.",) if missing else ()
    return Section(key, title, tuple(card for card in cards.values() if card is not None), notes)
