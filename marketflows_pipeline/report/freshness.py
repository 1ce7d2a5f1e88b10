"""Of when each part's figures are, in the words of the page's head."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from marketflows_pipeline.charts.style.wording import moment, utc_day
from marketflows_pipeline.report.ages import PART_NAMES, PartAge, part_ages
from marketflows_pipeline.report.published import PublishedFile

# A table of each part that every publish of it holds.
_TABLES = {"market_caps": "core.market_cap_grid", "exchanges": "raw.exchanges", "cross_asset": "raw.daily_bars"}
# What the tables hold that may become stale.
_HOLDS = {
    "raw.market_caps": "hourly caps",
    "core.daily_closes": "daily closes",
    "mart.category_radar": "figures of categories",
    "raw.exchanges": "trading volumes",
    "raw.cex_snapshots": "reserves",
    "mart.exchange_flows": "changes of reserves",
    "mart.exchange_netflow": "daily net flows",
    "raw.daily_bars": "prices",
    "mart.pressure": "figures of buying pressure",
    "raw.volatility_index": "VIX and VIX3M",
    "raw.shares_outstanding": "shares outstanding",
}


@dataclass(frozen=True)
class TableState:
    """One table that may be, or become, stale.

    Attributes:
        words: what of the part is of when: "reserves are as of 25 Feb 2026 11:05".
        stale_at: last moment at which it is fresh, in ms since 1970; None where it is known to age no more.
        is_stale: whether that was past when the page was written.
    """

    words: str
    stale_at: int | None
    is_stale: bool


@dataclass(frozen=True)
class PartState:
    """One part as the page's head shows it.

    Attributes:
        label: as people call it.
        as_of: moment or session in words.
        is_stale: whether it is older than it should be.
        is_carried_over: whether it is of an earlier publish, since its latest run has not passed its checks.
        tables: what may be stale of it, the oldest first.
    """

    label: str
    as_of: str
    is_stale: bool
    is_carried_over: bool
    tables: tuple[TableState, ...] = ()

    @property
    def stale_at(self) -> int | None:
        """When the first of its tables becomes stale, in ms since 1970; None for figures that never age."""
        return min((table.stale_at for table in self.tables if table.stale_at is not None), default=None)

    @property
    def stale_words(self) -> str:
        """The oldest stale table and its date."""
        words = next((table.words for table in self.tables if table.is_stale), f"figures are as of {self.as_of}")
        return f"{self.label}: {words}"


def part_states(file: PublishedFile) -> tuple[PartState, ...]:
    """Every part that the file holds, in the order of the page."""
    return tuple(
        PartState(
            PART_NAMES[part].capitalize(),
            _when(age.as_of, part),
            age.is_stale,
            is_carried_over=file.publish_row(_TABLES[part]).get("status") not in {None, "fresh"},
            tables=tuple(_table_states(age, part, ages=not file.is_tutorial)),
        )
        for part, age in part_ages(file).items()
        if age.as_of is not None
    )


def _table_states(age: PartAge, part: str, *, ages: bool) -> Iterator[TableState]:
    known = [(table.as_of, table) for table in age.tables if table.as_of is not None]
    for as_of, table in sorted(known, key=lambda each: each[0]):
        words = f"{_HOLDS[table.table]} are as of {_when(as_of, part)}"
        until = int(table.stale_at.timestamp() * 1000) if ages and table.stale_at else None
        yield TableState(words, until, table.is_stale)


def _when(as_of: datetime, part: str) -> str:
    return f"{utc_day(as_of)} close" if part == "cross_asset" else moment(as_of)
