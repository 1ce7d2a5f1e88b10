"""What `status` and `plan` say of uploads: nothing where there are none, else how the last one ended."""

from __future__ import annotations

from pathlib import Path

import pytest

from marketflows_pipeline.cli.reports.uploads import of_uploads
from marketflows_pipeline.object_storage.last_upload import LastUpload, last_upload, path_of, remember
from marketflows_pipeline.settings import ConfigFile
from marketflows_pipeline.settings.object_storage import Publish
from marketflows_pipeline_tests.warehouse.frames import NOW

PLACE = "s3://bucket/published"
UPLOADS = ConfigFile(publish=Publish(upload=PLACE))


@pytest.fixture
def private(tmp_path: Path) -> Path:
    return tmp_path / "warehouse.duckdb"


def test_without_uploads_nothing_is_said(private: Path) -> None:
    remember(private, LastUpload(at=NOW, place=PLACE, reason="it failed"))
    assert of_uploads(ConfigFile(), private) == ({}, "")


def test_before_the_first_the_place_is_said(private: Path) -> None:
    assert of_uploads(UPLOADS, private) == ({"upload": None}, f"Uploads go to {PLACE}; there was none yet.")


def test_the_bytes_of_a_publish_are_those_of_the_last_one(private: Path) -> None:
    remember(private, LastUpload(at=NOW, place=PLACE, size_bytes=2_900_000))
    facts, sentence = of_uploads(UPLOADS, private)
    assert facts["upload"]["failed"] is False
    assert sentence.endswith("2.9 MB; each publish uploads about as much.")


def test_a_failed_one_says_why_in_one_line(private: Path) -> None:
    remember(private, LastUpload(at=NOW, place=PLACE, reason="it could not\nbe reached\x1b[31m"))
    facts, sentence = of_uploads(UPLOADS, private)
    assert facts["upload"]["failed"] is True
    assert f"The last upload to {PLACE} FAILED" in sentence
    assert "\n" not in sentence
    assert "\x1b" not in sentence


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"at": 5}', b"\xff", b" " * 20_000])
def test_a_damaged_record_is_none(private: Path, content: bytes) -> None:
    path_of(private).write_bytes(content)
    assert last_upload(private) is None


def test_the_record_is_for_its_user_alone(private: Path) -> None:
    remember(private, LastUpload(at=NOW, place=PLACE))
    assert path_of(private).stat().st_mode & 0o777 == 0o600
