"""Of when each part's figures are, in the words of the page's head."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from marketflows_pipeline.report.ages import part_ages
from marketflows_pipeline.report.published import PublishedFile

_LABELS = {"market_caps": "Market caps", "exchanges": "Exchanges", "cross_asset": "Cross-asset"}
# A table of each part that every publish of it holds.
_TABLES = {"market_caps": "core.market_cap_grid", "exchanges": "raw.exchanges", "cross_asset": "raw.daily_bars"}


@dataclass(frozen=True)
class PartState:
    """One part as the page's head shows it.

    Attributes:
        label: as people call it.
        as_of: moment or session in words.
        is_stale: whether it is older than it should be.
        is_carried_over: whether it is of an earlier publish, since its latest run has not passed its checks.
    """

    label: str
    as_of: str
    is_stale: bool
    is_carried_over: bool


def part_states(file: PublishedFile) -> tuple[PartState, ...]:
    """Every part that the file holds, in the order of the page."""
    return tuple(
        PartState(
            _LABELS[part],
            _session(age.as_of) if part == "cross_asset" else _moment(age.as_of),
            age.is_stale,
            is_carried_over=file.publish_row(_TABLES[part]).get("status") not in {None, "fresh"},
        )
        for part, age in part_ages(file).items()
        if age.as_of is not None
    )


def _session(as_of: datetime) -> str:
    return f"{as_of.astimezone(UTC).day} {as_of.astimezone(UTC):%b} close"


def _moment(as_of: datetime) -> str:
    return f"{as_of.astimezone(UTC).day} {as_of.astimezone(UTC):%b %H:%M}"
