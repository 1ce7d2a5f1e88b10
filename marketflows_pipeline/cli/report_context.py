"""What a report follows: the part it is about, the settings, and the moment it is asked at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from marketflows_pipeline.settings import Asset, ConfigFile


@dataclass(frozen=True)
class ReportPart:
    """A part of the pipeline, as its reports speak of it.

    Attributes:
        table: of config.toml that switches it on; None for the part that is always on.
        subject: kind of its data, as errors name it.
        about: what the tutorial's made-up figures are not about.
        synthetic_note: what made-up figures say of themselves.
    """

    table: Literal["exchanges", "cross_asset"] | None
    subject: str
    about: str
    synthetic_note: str


MARKET_CAPS = ReportPart(
    None, "market-cap", "coin", "Synthetic: a made-up market of the tutorial, about no real coin. "
)
EXCHANGES = ReportPart(
    "exchanges",
    "exchange",
    "exchange",
    "Synthetic: made-up figures of the tutorial in the shape of the services' answers, about no real exchange. ",
)
CROSS_ASSET = ReportPart(
    "cross_asset", "cross-asset", "asset", "Synthetic: a made-up market of the tutorial, about no real asset. "
)

PIPELINE = ReportPart(None, "pipeline", "market", "Synthetic: made-up figures of the tutorial, about nothing real. ")
FRESH_MONEY = ReportPart(
    None, "flow", "coin, fund or exchange", "Synthetic: made-up figures of the tutorial, about nothing real. "
)


@dataclass(frozen=True)
class ReportContext:
    """What the command line and the settings say about a report.

    Attributes:
        part: what the report is about.
        path: the published file.
        now: the clock's time, aware.
        config: the settings.
        is_tutorial: whether the figures are the tutorial's made-up ones.
        how_to_fetch: what to do where there is no data yet, in words.
    """

    part: ReportPart
    path: Path
    now: datetime
    config: ConfigFile
    is_tutorial: bool
    how_to_fetch: str

    @property
    def top_n(self) -> int:
        """How many exchanges a list shows by default."""
        from marketflows_pipeline.settings import Exchanges

        return (self.config.exchanges or Exchanges()).top_n

    @property
    def universe(self) -> tuple[Asset, ...]:
        """Assets of the settings."""
        return () if self.config.cross_asset is None else self.config.cross_asset.universe
