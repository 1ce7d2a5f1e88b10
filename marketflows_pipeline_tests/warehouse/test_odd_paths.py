"""Folders in which DuckDB cannot keep a file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.warehouse.published import open_published
from marketflows_pipeline.warehouse.store import Warehouse


def test_a_folder_that_duckdb_cannot_write_in_is_named_before_anything_is_written(tmp_path: Path) -> None:
    """What follows a question mark counted as parameters of an address: the log would have been in another folder."""
    folder = tmp_path / "what?"
    with pytest.raises(UserInputError, match=r"what\?/warehouse\.duckdb cannot be written: expected a path without"):
        Warehouse(folder / "warehouse.duckdb")
    assert not list(folder.glob("*.duckdb*"))
    assert [path.name for path in tmp_path.iterdir()] == ["what?"]


@pytest.mark.parametrize("at", ["absolute", "relative"])
def test_a_folder_whose_name_is_not_utf8_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str) -> None:
    """A run published, and every question about it ended in a traceback."""
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    monkeypatch.chdir(folder)
    private = folder / "warehouse.duckdb" if at == "absolute" else Path("warehouse.duckdb")
    with pytest.raises(UserInputError, match=r"caf\\udce9.* cannot be opened: expected a path in UTF-8"):
        Warehouse(private)
    (folder / "published.duckdb").touch()
    with pytest.raises(UserInputError, match=r"expected a path in UTF-8"), open_published(folder / "published.duckdb"):
        pass
