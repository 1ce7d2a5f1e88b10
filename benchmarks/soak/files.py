"""The two database files, looked at from outside between two runs."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl

from marketflows_pipeline.schema import TABLES, table

HISTORY_TABLES = tuple(name for name, entry in TABLES.items() if entry.replaces != "replace" and entry.view_sql is None)


class Files:
    """Private file of a pipeline under `folder`, and its published one."""

    def __init__(self, folder: Path, published: Path) -> None:
        self.private = folder / ".marketflows" / "warehouse.duckdb"
        self.published = published

    def poison(self, now: datetime) -> None:
        """Store what no answer may bring any more, as versions did that took every number for a cap and every time."""
        impossible = [
            ("bitcoin", now - timedelta(hours=3, minutes=7), 1e30),
            ("ethereum", datetime(1970, 1, 21, 15, tzinfo=UTC), 3e11),
            ("bitcoin", now + timedelta(days=3), 1e12),
        ]
        with _opened(self.private, read_only=False) as connection:
            connection.executemany(
                "insert into raw.market_caps (coin_id, ts, market_cap_usd, source, fetched_at) values (?, ?, ?, ?, ?)",
                [(*row, "coingecko:market_chart", now - timedelta(hours=1)) for row in impossible],
            )

    def rows(self) -> dict[str, int]:
        """Rows of each table whose rows may only become more."""
        with self._private() as connection:
            counts = [f"select '{name}', count(*) from {name}" for name in HISTORY_TABLES]
            return dict(connection.execute(" union all ".join(counts)).fetchall())

    def query(self, sql: str) -> pl.DataFrame:
        """An answer from the private file."""
        with self._private() as connection:
            return connection.sql(sql).pl()

    def observations(self) -> pl.DataFrame:
        """Key and market cap of every stored observation: ``coin_id, ts, market_cap_usd``."""
        return self.query("select coin_id, ts, market_cap_usd from raw.market_caps")

    @staticmethod
    def no_observations() -> pl.DataFrame:
        """The like of `observations` of an empty file."""
        return table("raw.market_caps").empty().select("coin_id", "ts", "market_cap_usd")

    def fault_of_published(self) -> str | None:
        """What is wrong with the published file; None where it is whole or not there yet."""
        if not self.published.is_symlink():
            return None
        try:
            with _opened(self.published.resolve(), read_only=True) as connection:
                said = connection.execute(
                    "select table_name, n_rows from meta.publish where n_rows is not null"
                ).fetchall()
                counted = [connection.execute(f"select count(*) from {name}").fetchall()[0][0] for name, _ in said]
        except duckdb.Error as fault:
            return str(fault)
        differing = [
            f"{name}: {found}, not {rows}" for (name, rows), found in zip(said, counted, strict=True) if rows != found
        ]
        return "; ".join(differing) or None

    def published_name(self) -> str:
        """The file behind the link; empty before the first publish."""
        return self.published.readlink().name if self.published.is_symlink() else ""

    def private_bytes(self) -> int:
        """Size of the private file with its log."""
        return sum(path.stat().st_size for path in (self.private, _log_of(self.private)) if path.exists())

    def published_bytes(self) -> int:
        """Size of the published file."""
        return self.published.stat().st_size if self.published.exists() else 0

    def compact_bytes(self) -> int:
        """Size of a new file with the same tables: what the private one needs without free blocks."""
        with tempfile.TemporaryDirectory() as scratch:
            target = Path(scratch) / "compact.duckdb"
            with duckdb.connect() as connection:
                connection.execute(f"attach '{self.private}' as old (read_only)")
                connection.execute(f"attach '{target}' as new (storage_version 'v1.2.0')")
                connection.execute("copy from database old to new")
            return target.stat().st_size

    @contextmanager
    def _private(self) -> Iterator[duckdb.DuckDBPyConnection]:
        if not _log_of(self.private).exists():
            with _opened(self.private, read_only=True) as connection:
                yield connection
            return
        # A killed run left its log. It is for the next run to take up, so only a copy may do so here.
        with tempfile.TemporaryDirectory() as scratch:
            copy = Path(scratch) / self.private.name
            shutil.copyfile(self.private, copy)
            shutil.copyfile(_log_of(self.private), _log_of(copy))
            with _opened(copy, read_only=False) as connection:
                yield connection


def _log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.wal")


@contextmanager
def _opened(path: Path, *, read_only: bool) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(path), read_only=read_only) as connection:
        connection.execute("set TimeZone = 'UTC'")
        yield connection


@contextmanager
def another_file_system() -> Iterator[Path | None]:
    """An empty folder on another file system than the usual temporary one, where the machine has one in memory."""
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == Path(tempfile.gettempdir()).stat().st_dev:
        yield None
        return
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)
