"""A published snapshot of a lake, read only: ``pub`` and nothing else of the catalog's database.

DuckDB's Postgres extension keeps none of the rules that shut a connection off, and the catalog's own tables are there
under a name of their own; so a question may not hold the words that reach either (`user_query`). What keeps others out
of ``work`` is a role that has no right to it.
"""

from __future__ import annotations

import duckdb

from marketflows_pipeline.errors import MarketflowsError
from marketflows_pipeline.warehouse import ddl, engine
from marketflows_pipeline.warehouse.published import LakeSnapshot


def attach_snapshot(connection: duckdb.DuckDBPyConnection, snapshot: LakeSnapshot, name: str) -> None:
    """Attach a snapshot under a name, to be read only, and let the connection open its files and no others.

    Raises:
        UserInputError: if the extra ``[lake]`` is not installed, or made for another DuckDB.
        MarketflowsError: if there is no such snapshot, or the lake cannot be reached.
    """
    pinned = () if snapshot.number is None else (f"snapshot_version {snapshot.number:d}",)
    try:
        snapshot.place.load(connection)
        snapshot.place.attach(connection, "pub", name, "read_only", *pinned)
    except duckdb.Error as error:
        raise _cannot_read(snapshot, error) from None
    folder = snapshot.place.data_folder("pub")
    connection.execute(f"set global allowed_directories = [{ddl.literal(folder)}]")


def _cannot_read(snapshot: LakeSnapshot, error: duckdb.Error) -> MarketflowsError:
    text = engine.words_of(error)
    if "No snapshot found" in text:
        return MarketflowsError(
            f"{snapshot} is not there: maintenance keeps those of the last week; `--snapshot latest` is the newest"
        )
    if "does not exist" in text and "creat" in text.lower():
        return MarketflowsError(f"nothing is published in {snapshot.place} yet; run `marketflows` first")
    return MarketflowsError(f"{snapshot} could not be opened: {text}")
