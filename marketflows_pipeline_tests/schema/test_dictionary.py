"""The data dictionary is what the registry says."""

from __future__ import annotations

from pathlib import Path

import pytest

from marketflows_pipeline.schema import TABLES, dictionary


def test_the_committed_dictionary_is_current() -> None:
    assert dictionary.main(["--check"]) == 0


def test_every_table_and_column_stands_in_it() -> None:
    text = dictionary.text()
    for table in TABLES.values():
        section = text.partition(f"### {table.name}\n")[2].partition("\n### ")[0]
        assert table.description in section
        for column in table.columns:
            assert f"| `{column.name}` | {column.dtype.value} | {column.unit} |" in section


def test_a_stale_dictionary_fails_the_check_and_is_left_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "docs" / "data_dictionary.md"
    assert dictionary.main(["--check"], path) == 1
    assert not path.exists()

    dictionary.main([], path)
    assert dictionary.main(["--check"], path) == 0
    path.write_text(path.read_text(encoding="utf-8") + "more", encoding="utf-8")

    assert dictionary.main(["--check"], path) == 1
    assert "make docs" in capsys.readouterr().err
