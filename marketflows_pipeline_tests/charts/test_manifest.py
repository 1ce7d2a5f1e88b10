from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from marketflows_pipeline.charts.manifest import MANIFEST_NAME, Manifest


def test_a_picture_is_current_while_inputs_and_bytes_are_the_same(tmp_path: Path) -> None:
    Manifest.read(tmp_path).write_picture("a.png", "caps", "inputs-1", b"pixels")

    later = Manifest.read(tmp_path)
    assert later.is_current("a.png", "inputs-1")
    assert not later.is_current("a.png", "inputs-2")
    assert not later.is_current("b.png", "inputs-1")


@pytest.mark.parametrize("damage", [b"", b"pixelz", None])
def test_a_damaged_or_missing_picture_is_not_current(tmp_path: Path, damage: bytes | None) -> None:
    Manifest.read(tmp_path).write_picture("a.png", "caps", "inputs", b"pixels")
    if damage is None:
        (tmp_path / "a.png").unlink()
    else:
        (tmp_path / "a.png").write_bytes(damage)

    assert not Manifest.read(tmp_path).is_current("a.png", "inputs")


def test_stale_pictures_of_the_same_part_are_removed_and_nothing_else(tmp_path: Path) -> None:
    manifest = Manifest.read(tmp_path)
    for name, part in (("kept.png", "caps"), ("stale.png", "caps"), ("other.png", "exchanges")):
        manifest.write_picture(name, part, "inputs", name.encode())
    (tmp_path / "foreign.png").write_bytes(b"the user's")

    removed = Manifest.read(tmp_path).remove_stale("caps", ["kept.png"])

    assert removed == ["stale.png"]
    assert names(tmp_path) == {"kept.png", "other.png", "foreign.png", MANIFEST_NAME}
    assert set(Manifest.read(tmp_path).entries) == {"kept.png", "other.png"}


def test_a_stale_picture_that_somebody_changed_stays(tmp_path: Path) -> None:
    manifest = Manifest.read(tmp_path)
    manifest.write_picture("stale.png", "caps", "inputs", b"pixels")
    (tmp_path / "stale.png").write_bytes(b"annotated by an analyst")

    assert manifest.remove_stale("caps", []) == []
    assert (tmp_path / "stale.png").read_bytes() == b"annotated by an analyst"


@pytest.mark.parametrize("content", ["{", "[]", '{"version": 99, "files": {}}', '{"version": 1, "files": {"a": {}}}'])
def test_an_unreadable_manifest_is_as_none_with_a_warning(
    tmp_path: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / MANIFEST_NAME).write_text(content)

    with caplog.at_level(logging.WARNING):
        assert Manifest.read(tmp_path).entries == {}
    assert "every picture is drawn anew" in caplog.text


def test_a_manifest_cannot_name_files_outside_its_folder(tmp_path: Path) -> None:
    entry = {"part": "caps", "inputs": "i", "content": "c"}
    files = {"../outside.png": entry, "inside.png": entry}
    (tmp_path / MANIFEST_NAME).write_text(json.dumps({"version": 1, "files": files}))

    assert set(Manifest.read(tmp_path).entries) == {"inside.png"}


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}
