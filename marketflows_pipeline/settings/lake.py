"""``[warehouse.ducklake]``: where a lake keeps its catalog and its data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import BeforeValidator, Field
from pydantic_core.core_schema import ValidationInfo

from marketflows_pipeline.settings.fields import TomlTable, expected, file_path, folder_path
from marketflows_pipeline.settings.object_storage import SCHEME, ObjectPlace, object_place
from marketflows_pipeline.settings.postgres import PREFIX, PostgresTarget

StoreKind = Literal["duckdb", "ducklake"]
LakeCatalog: TypeAlias = PostgresTarget | Path
LakeData: TypeAlias = ObjectPlace | Path


def _catalog(value: object, info: ValidationInfo) -> LakeCatalog:
    if isinstance(value, PostgresTarget) or (isinstance(value, str) and value.startswith(PREFIX)):
        return PostgresTarget.parse(value)
    return file_path(value, info)


def _data(value: object, info: ValidationInfo) -> LakeData:
    if isinstance(value, ObjectPlace):
        return value
    if isinstance(value, str) and value.startswith(SCHEME):
        return object_place(value)
    if isinstance(value, str) and "://" in value:
        raise expected("s3://bucket/prefix, or the path of a folder")
    return folder_path(value, info)


class DuckLake(TomlTable):
    """``[warehouse.ducklake]``. Relative paths start at the folder of config.toml."""

    catalog: Annotated[LakeCatalog, BeforeValidator(_catalog)] = Field(
        Path(".marketflows/lake"), description="Postgres that holds the catalog, or a file for one process alone"
    )
    data: Annotated[LakeData, BeforeValidator(_data)] = Field(
        Path(".marketflows/lake_data"), description="s3://bucket/prefix, or a folder, that holds the tables"
    )
    export: bool = Field(True, strict=True, description="Whether each publish also writes published_path as a file")
