from __future__ import annotations

import errno
import json
import logging
import os
from pathlib import Path

import pytest

from marketflows_pipeline.charts.rendering.manifest import MANIFEST_NAME, Manifest
from marketflows_pipeline.errors import UserInputError


def test_a_picture_is_current_while_inputs_and_bytes_are_the_same(tmp_path: Path) -> None:
    Manifest.read(tmp_path).write_chart("a.png", "caps", "inputs-1", b"pixels")

    later = Manifest.read(tmp_path)
    assert later.is_current("a.png", "inputs-1")
    assert not later.is_current("a.png", "inputs-2")
    assert not later.is_current("b.png", "inputs-1")


@pytest.mark.parametrize("damage", [b"", b"pixelz", None])
def test_a_damaged_or_missing_picture_is_not_current(tmp_path: Path, damage: bytes | None) -> None:
    Manifest.read(tmp_path).write_chart("a.png", "caps", "inputs", b"pixels")
    if damage is None:
        (tmp_path / "a.png").unlink()
    else:
        (tmp_path / "a.png").write_bytes(damage)

    assert not Manifest.read(tmp_path).is_current("a.png", "inputs")


def test_stale_pictures_of_the_same_part_are_removed_and_nothing_else(tmp_path: Path) -> None:
    manifest = Manifest.read(tmp_path)
    for name, part in (("kept.png", "caps"), ("stale.png", "caps"), ("other.png", "exchanges")):
        manifest.write_chart(name, part, "inputs", name.encode())
    (tmp_path / "foreign.png").write_bytes(b"the user's")

    removed = Manifest.read(tmp_path).remove_stale("caps", ["kept.png"])

    assert removed == ["stale.png"]
    assert names(tmp_path) == {"kept.png", "other.png", "foreign.png", MANIFEST_NAME}
    assert set(Manifest.read(tmp_path).entries) == {"kept.png", "other.png"}


def test_a_stale_picture_that_somebody_changed_stays(tmp_path: Path) -> None:
    manifest = Manifest.read(tmp_path)
    manifest.write_chart("stale.png", "caps", "inputs", b"pixels")
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
    assert "every chart is drawn anew" in caplog.text


def test_a_manifest_cannot_name_files_outside_its_folder(tmp_path: Path) -> None:
    entry = {"part": "caps", "inputs": "i", "content": "c"}
    files = {"../outside.png": entry, "inside.png": entry}
    (tmp_path / MANIFEST_NAME).write_text(json.dumps({"version": 1, "files": files}))

    assert set(Manifest.read(tmp_path).entries) == {"inside.png"}


def draw(folder: Path, name: str, *, is_tutorial: bool) -> Manifest:
    manifest = Manifest.read(folder)
    manifest.claim(is_tutorial=is_tutorial)
    manifest.write_chart(name, "caps", "inputs", name.encode())
    return manifest


def test_the_tutorial_does_not_draw_among_live_pictures(tmp_path: Path) -> None:
    """It once removed 52 charts of live data and put its own figures into another."""
    draw(tmp_path, "live.png", is_tutorial=False)
    with pytest.raises(UserInputError, match="holds charts of live data"):
        draw(tmp_path, "made up.png", is_tutorial=True)
    assert names(tmp_path) == {"live.png", MANIFEST_NAME}


def test_a_folder_of_an_earlier_version_is_taken_for_live_data(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"pixels")
    entry = {"part": "caps", "inputs": "i", "content": "c"}
    (tmp_path / MANIFEST_NAME).write_text(json.dumps({"version": 1, "files": {"a.png": entry}}))
    with pytest.raises(UserInputError):
        Manifest.read(tmp_path).claim(is_tutorial=True)


def test_an_unreadable_manifest_may_be_of_live_pictures(tmp_path: Path) -> None:
    (tmp_path / MANIFEST_NAME).write_text("{")
    with pytest.raises(UserInputError):
        Manifest.read(tmp_path).claim(is_tutorial=True)


def test_the_tutorial_goes_on_in_its_own_folder_and_in_one_without_pictures(tmp_path: Path) -> None:
    draw(tmp_path, "live.png", is_tutorial=False)
    (tmp_path / "live.png").unlink()
    draw(tmp_path, "made up.png", is_tutorial=True)
    assert Manifest.read(tmp_path).is_tutorial
    draw(tmp_path, "made up, too.png", is_tutorial=True)
    assert {"made up.png", "made up, too.png"} <= names(tmp_path)


def test_pictures_of_the_tutorial_give_way_to_live_ones_and_to_nothing_of_the_users(tmp_path: Path) -> None:
    draw(tmp_path, "made up.png", is_tutorial=True)
    (tmp_path / "foreign.png").write_bytes(b"the user's")
    draw(tmp_path, "live.png", is_tutorial=False)
    assert names(tmp_path) == {"live.png", "foreign.png", MANIFEST_NAME}
    assert not Manifest.read(tmp_path).is_tutorial


def test_a_full_disk_leaves_no_half_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill_up(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    draw(tmp_path, "a.png", is_tutorial=False)
    monkeypatch.setattr("marketflows_pipeline.system.safe_files.set_mode", fill_up)
    with pytest.raises(OSError, match="No space left"):
        draw(tmp_path, "a.png", is_tutorial=False)
    assert (tmp_path / "a.png").read_bytes() == b"a.png"
    assert names(tmp_path) == {"a.png", MANIFEST_NAME}


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("planted", ["[" * 200_000, '{"version": 1, "files": {"a.png": []}}', "null", "\0"])
def test_a_planted_record_is_not_readable_and_stops_nothing(tmp_path: Path, planted: str) -> None:
    """Brackets without end in the record of charts once ended every run with a traceback."""
    (tmp_path / MANIFEST_NAME).write_text(planted)
    assert Manifest.read(tmp_path).entries == {}


def test_a_planted_record_of_any_size_is_not_read_to_its_end(tmp_path: Path) -> None:
    (tmp_path / MANIFEST_NAME).touch()
    os.truncate(tmp_path / MANIFEST_NAME, 1 << 40)
    assert Manifest.read(tmp_path).entries == {}
