"""DuckDB's extensions for lakes, out of installed packages: nothing is downloaded."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import duckdb

from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.warehouse import ddl

HOW_TO_INSTALL = 'expected the packages for a lake: pip install "marketflows-pipeline[lake]"'


def load_extension(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Load an extension such as ``ducklake`` from the file of its package, which is made for one DuckDB alone.

    Raises:
        UserInputError: if it is not installed, or is for another version of DuckDB.
    """
    try:
        package = resources.files(f"duckdb_extension_{name}")
    except ModuleNotFoundError as error:
        raise UserInputError(f'warehouse.store = "ducklake": {HOW_TO_INSTALL}') from error
    file = Path(str(package)) / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"
    if not file.is_file():
        raise UserInputError(
            f'warehouse.store = "ducklake": duckdb-extension-{name.replace("_", "-")} is not for DuckDB '
            f"{duckdb.__version__}: {HOW_TO_INSTALL}"
        )
    connection.execute(f"load {ddl.literal(str(file))}")
