"""DuckDB's extensions out of installed packages: nothing is downloaded."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import duckdb

from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.warehouse import ddl


def load_extension(connection: duckdb.DuckDBPyConnection, name: str, *, what: str, how_to_install: str) -> None:
    """Load an extension such as ``httpfs`` from the file of its package, which is made for one DuckDB alone.

    Args:
        connection: that needs it.
        name: of the extension.
        what: needs it, for messages.
        how_to_install: what was expected, for messages.

    Raises:
        UserInputError: if it is not installed, or is for another version of DuckDB.
    """
    try:
        package = resources.files(f"duckdb_extension_{name}")
    except ModuleNotFoundError as error:
        raise UserInputError(f"{what}: {how_to_install}") from error
    file = Path(str(package)) / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"
    if not file.is_file():
        raise UserInputError(
            f"{what}: duckdb-extension-{name.replace('_', '-')} is not for DuckDB {duckdb.__version__}: "
            f"{how_to_install}"
        )
    connection.execute(f"load {ddl.literal(str(file))}")
