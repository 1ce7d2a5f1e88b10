"""Looking once at a published file for what no file of this program holds, where tests ask one file many questions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from marketflows_pipeline.warehouse import engine


@pytest.fixture(scope="package", autouse=True)
def looked_at_once() -> Iterator[None]:
    """A file that has not changed is looked at once: each look costs half of a command's time.

    That every open looks is tested beside the warehouse.
    """
    look, verdicts = engine.foreign_program, dict[tuple[str, int, int, int], str | None]()

    def look_once(connection: duckdb.DuckDBPyConnection, catalog: str) -> str | None:
        of_catalog = "select path from duckdb_databases() where database_name = ?"
        ((path,),) = connection.execute(of_catalog, [catalog]).fetchall()
        found = Path(path).stat()
        version = (path, found.st_ino, found.st_size, found.st_mtime_ns)
        if version not in verdicts:
            verdicts[version] = look(connection, catalog)
        return verdicts[version]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "foreign_program", look_once)
        yield
