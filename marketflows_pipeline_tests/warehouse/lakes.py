"""Lakes with catalogs in files, for tests."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from marketflows_pipeline.warehouse.stores.lake import LakeStore
from marketflows_pipeline.warehouse.stores.lake_place import LakePlace

WHY_NOT = "" if find_spec("duckdb_extension_ducklake") else "the extra [lake] is not installed"
needs_lake = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT or "installed")


def lake_in(folder: Path, *, exports: bool = True) -> LakeStore:
    """A lake below a folder, whose file is exported to ``published``, as the fixture `link` has it."""
    outgoing = folder / "published"
    outgoing.mkdir(parents=True, exist_ok=True)
    place = LakePlace(folder / "private" / "lake", folder / "private" / "data")
    return LakeStore(place, folder / "private" / "warehouse.duckdb", outgoing if exports else None)
