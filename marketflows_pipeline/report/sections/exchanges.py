"""The section about exchanges: what is traded, held and moved there, how concentrated, and what is not known."""

from __future__ import annotations

from marketflows_pipeline.report.model import Section
from marketflows_pipeline.report.published import PublishedFile
from marketflows_pipeline.report.sections.cards import Wanted, section_of
from marketflows_pipeline.report.sections.exchange_concentration import concentration_card, history_card
from marketflows_pipeline.report.sections.exchange_league import signals_card, volume_card, without_reserves_card
from marketflows_pipeline.report.sections.exchange_netflow import class_card, netflow_card
from marketflows_pipeline.report.sections.exchange_reserves import reserves_card

_WANTED = (
    Wanted("Volume of exchanges", ("mart.exchange_flows",), volume_card),
    Wanted("Reserves", ("mart.exchange_netflow",), reserves_card),
    Wanted("Net flow of exchanges", ("mart.exchange_league",), netflow_card),
    Wanted("Net flow by class of asset", ("mart.exchange_netflow_by_class",), class_card),
    Wanted("Concentration", ("mart.exchange_dominance",), concentration_card),
    Wanted("Concentration over time", ("mart.exchange_dominance",), history_card),
    Wanted("Whale signals", ("mart.whale_signals",), signals_card, "no coin was looked at"),
    Wanted(
        "Exchanges without reserves",
        ("mart.exchange_coverage", "core.exchanges"),
        without_reserves_card,
        "every centralised exchange reports them",
    ),
)


def exchanges(file: PublishedFile) -> Section:
    """The section about exchanges, of what the file holds."""
    return section_of(file, "exchanges", "Exchanges", _WANTED)
