"""Whose market caps a warehouse holds: one provider's, since ids, supplies and categories are each provider's own."""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path

import polars as pl

from marketflows_pipeline.errors import MarketflowsError, UserInputError
from marketflows_pipeline.options import DEFAULT_PROVIDER
from marketflows_pipeline.schema import table, tables_of
from marketflows_pipeline.settings import Settings
from marketflows_pipeline.warehouse.published import Reading, read_published
from marketflows_pipeline.warehouse.store import Warehouse

log = logging.getLogger(__name__)

CLAIM = "meta.market_cap_provider"
_IS_NOTED = "select 1 from information_schema.tables where table_schema = 'meta' and table_name = 'market_cap_provider'"
_RAW = tuple(entry.name for entry in tables_of("market_caps") if entry.schema_name == "raw")


def claim_warehouse(warehouse: Warehouse, settings: Settings, now: datetime) -> None:
    """Make a warehouse the provider's of these settings, before anything is requested.

    One without any history of market caps is taken over; one that has some without saying whose is of the time before
    there was a choice. What the provider cannot answer is noted, and logged where it was not noted before.

    Raises:
        UserInputError: if it has history of another provider, or a published file has that a run would replace.
    """
    stored = warehouse.read(CLAIM)
    counts = warehouse.row_counts()
    if any(counts.get(name) for name in _RAW):
        refuse_another(settings, stored["provider"][0] if stored.height else DEFAULT_PROVIDER, settings.warehouse.path)
    else:
        _refuse_published(settings)
    own = stored.filter(pl.col("provider") == settings.provider)
    cannot = " ".join(settings.source.shortcomings) or None
    since = own["since"][0] if own.height else now
    row = {"provider": settings.provider, "since": since, "cannot": cannot}
    noted = pl.DataFrame([row], schema=table(CLAIM).polars_schema)
    if stored.equals(noted):
        return
    if cannot not in own["cannot"]:
        for sentence in settings.source.shortcomings:
            log.info(sentence.removesuffix("."))
    warehouse.replace(CLAIM, noted)


def owner_of(reading: Reading) -> str | None:
    """Whose market caps a file holds; None where it holds none."""
    if not reading.rows("select 1 from accepted.market_caps limit 1"):
        return None
    if not reading.rows(_IS_NOTED):
        return DEFAULT_PROVIDER
    noted = reading.rows("select provider from meta.market_cap_provider")
    return str(noted[0]["provider"]) if noted else DEFAULT_PROVIDER


def refuse_another(settings: Settings, owner: str | None, file: Path) -> None:
    """Go on only where a file is of the provider that the settings name.

    Args:
        settings: what is wanted.
        owner: whose market caps the file holds; None where it holds none.
        file: the file.

    Raises:
        UserInputError: if it is another's.
    """
    if owner is not None and owner != settings.provider:
        expected = (
            f"expected {owner!r}, whose market caps {file} holds, with ids of its own; give {settings.provider} files "
            "of its own: warehouse.path and warehouse.published_path"
        )
        raise UserInputError(settings.fault_line("provider", settings.provider, expected))


def _refuse_published(settings: Settings) -> None:
    """A private file of one provider beside a published one of another would mix them part by part."""
    path = settings.warehouse.published_path
    if not settings.warehouse.has_file or not path.exists():
        return
    try:
        with read_published(path) as reading:
            owner = owner_of(reading)
    except MarketflowsError:
        return  # what can't be read can't be carried over either
    refuse_another(settings, owner, path)
