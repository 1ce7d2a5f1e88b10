"""Where the two lakes of a store are: ``work``, which runs write, and ``pub``, which people read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import duckdb

from marketflows_pipeline.settings import Settings
from marketflows_pipeline.settings.object_storage import ObjectKeys, ObjectPlace, ObjectStorage
from marketflows_pipeline.settings.postgres import PREFIX, DuckLake, LakeCatalog, LakeData, PostgresTarget
from marketflows_pipeline.warehouse import ddl
from marketflows_pipeline.warehouse.extensions import load_extension
from marketflows_pipeline.warehouse.remote import load_httpfs, make_secret

Lake: TypeAlias = Literal["work", "pub"]
LAKES: tuple[Lake, ...] = ("work", "pub")
# The secrets' names in DuckDB; the first is where its Postgres extension looks.
_PASSWORD_SECRET, _OBJECTS_SECRET = "__default_postgres", "marketflows_lake"
HOW_TO_INSTALL = 'expected the packages for a lake: pip install "marketflows-pipeline[lake]"'
# DuckLake repeats a commit that another one was before, each time after a longer pause.
_MOST_RETRIES = 100


@dataclass(frozen=True)
class LakePlace:
    """Catalog and data of a store's lakes, and what it takes to reach them.

    Attributes:
        catalog: a Postgres database, with a schema for each lake; or a path, which each lake's file begins with.
        data: a place in a bucket, or a folder; each lake has a folder in it.
        password: of the role in Postgres; by default libpq looks for it.
        allow_plain: whether a Postgres on another machine may be asked without TLS.
        storage: the S3 service; AWS where None.
        keys: of that service; requests are not signed where None.
    """

    catalog: LakeCatalog
    data: LakeData
    password: str | None = None
    allow_plain: bool = False
    storage: ObjectStorage | None = None
    keys: ObjectKeys | None = None

    @classmethod
    def of(cls, lake: DuckLake, settings: Settings) -> LakePlace:
        """The place that settings name, with their keys."""
        password = settings.postgres_password
        return cls(
            lake.catalog,
            lake.data,
            password=password.get_secret_value() if password else None,
            allow_plain=settings.execution.allow_plain,
            storage=settings.object_storage,
            keys=settings.object_keys,
        )

    def __repr__(self) -> str:
        return f"LakePlace({str(self)!r})"

    def __str__(self) -> str:
        return f"the lake {self.catalog}"

    def catalog_file(self, lake: Lake) -> Path:
        """The file of a lake's catalog, where catalogs are files."""
        assert isinstance(self.catalog, Path)
        return self.catalog.with_name(f"{self.catalog.name}.{lake}")

    def data_folder(self, lake: Lake) -> str:
        """What the addresses of a lake's files begin with; it ends with a slash."""
        data = self.data if isinstance(self.data, ObjectPlace) else self.data.absolute()
        return f"{data}/{lake}/"

    def load(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Load what it takes to attach a lake, and tell the connection the password and the keys."""
        if isinstance(self.catalog, PostgresTarget):
            _load(connection, "postgres_scanner")
            if self.password is not None:
                connection.execute(
                    f"create or replace temporary secret {_PASSWORD_SECRET} (type postgres, password $password)",
                    {"password": self.password},
                )
        if isinstance(self.data, ObjectPlace):
            load_httpfs(connection)
            storage = self.storage or ObjectStorage()
            make_secret(connection, _OBJECTS_SECRET, storage, self.keys, scope=f"{self.data}/")
        _load(connection, "ducklake")
        connection.execute(f"set global ducklake_max_retry_count = {_MOST_RETRIES}")

    def attach(self, connection: duckdb.DuckDBPyConnection, lake: Lake, name: str, *options: str) -> None:
        """Attach a lake under a name; options are such as ``read_only``. The schema for it is there in Postgres."""
        options = (f"data_path {ddl.literal(self.data_folder(lake))}", *options)
        if isinstance(self.catalog, PostgresTarget):
            at = f"{PREFIX}{self.catalog.conninfo(allow_plain=self.allow_plain)}"
            options = (f"meta_schema {ddl.literal(lake)}", *options)
        else:
            at = str(self.catalog_file(lake))
        connection.execute(f"attach {ddl.literal(f'ducklake:{at}')} as {name} ({', '.join(options)})")


def _load(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    load_extension(connection, name, what='warehouse.store = "ducklake"', how_to_install=HOW_TO_INSTALL)
