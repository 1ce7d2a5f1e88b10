"""The store that settings name."""

from __future__ import annotations

from marketflows_pipeline.settings import Settings
from marketflows_pipeline.warehouse.stores.file import FileStore
from marketflows_pipeline.warehouse.stores.lake import LakeStore
from marketflows_pipeline.warehouse.stores.lake_place import LakePlace
from marketflows_pipeline.warehouse.stores.seam import Store


def store_of(settings: Settings) -> Store:
    """The private file, or the lake; nothing is opened yet."""
    files, lake = settings.warehouse, settings.warehouse.lake
    if lake is None:
        return FileStore(files.path)
    return LakeStore(LakePlace.of(lake, settings), files.path, files.published_path.parent if lake.export else None)
