"""Whose market caps a warehouse holds: one provider's, since ids, supplies and categories are each provider's own."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.options import DEFAULT_PROVIDER
from marketflows_pipeline.schema import table, tables_of
from marketflows_pipeline.settings import Settings
from marketflows_pipeline.warehouse.store import Warehouse

CLAIM = "meta.market_cap_provider"
_RAW = tuple(entry.name for entry in tables_of("market_caps") if entry.schema_name == "raw")


def claim_warehouse(warehouse: Warehouse, settings: Settings, now: datetime) -> None:
    """Make a warehouse the provider's of these settings, before anything is requested.

    One without any history of market caps is taken over; one that has some without saying whose is of the time before
    there was a choice.

    Raises:
        UserInputError: if it has history of another provider.
    """
    stored = warehouse.read(CLAIM)
    counts = warehouse.row_counts()
    has_history = any(counts.get(name) for name in _RAW)
    owner = stored["provider"][0] if stored.height else DEFAULT_PROVIDER
    if has_history:
        refuse_another(settings, owner, of=str(settings.warehouse.path))
    if stored.height and owner == settings.provider:
        return
    row = {"provider": settings.provider, "since": now}
    warehouse.replace(CLAIM, pl.DataFrame([row], schema=table(CLAIM).polars_schema))


def refuse_another(settings: Settings, owner: str, *, of: str) -> None:
    """Go on only where a file is of the provider that the settings name.

    Args:
        settings: what is wanted.
        owner: whose history the file holds.
        of: the file.

    Raises:
        UserInputError: if it is another's.
    """
    if owner != settings.provider:
        expected = (
            f"expected {owner!r}, whose market caps {of} holds, with ids of its own; give {settings.provider} files of "
            "its own: warehouse.path and warehouse.published_path"
        )
        raise UserInputError(settings.fault_line("provider", settings.provider, expected))
