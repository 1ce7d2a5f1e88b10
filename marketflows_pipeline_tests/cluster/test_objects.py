"""Objects of a real S3 service: what is written is there whole, and what is refused says so without a secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from marketflows_pipeline.errors import MarketflowsError, ObjectMissingError, ObjectStorageError
from marketflows_pipeline.settings.object_storage import ObjectPlace
from marketflows_pipeline_tests.services.seaweedfs import READER, SeaweedFS


def test_what_is_written_is_read_listed_and_deleted(seaweedfs: SeaweedFS, bucket: ObjectPlace, tmp_path: Path) -> None:
    objects = seaweedfs.objects(bucket)
    objects.write("latest.json", b"one", "application/json")
    objects.write("latest.json", b"two", "application/json")
    (tmp_path / "file").write_bytes(bytes(20_000_000))
    objects.write_new("versions/file", tmp_path / "file")

    assert objects.read("latest.json", 10) == b"two"
    assert objects.head("versions/file").size == 20_000_000
    assert [each.key for each in objects.listed("versions")] == ["versions/file"]
    objects.delete(["versions/file", "versions/never-there"])
    assert objects.listed("versions") == []


def test_nothing_is_written_over_a_version(seaweedfs: SeaweedFS, bucket: ObjectPlace, tmp_path: Path) -> None:
    objects = seaweedfs.objects(bucket)
    (tmp_path / "file").write_bytes(b"first")
    objects.write_new("versions/file", tmp_path / "file")
    (tmp_path / "file").write_bytes(b"second")
    with pytest.raises(ObjectStorageError, match="there already"):
        objects.write_new("versions/file", tmp_path / "file")
    assert objects.read("versions/file", 10) == b"first"


def test_an_object_larger_than_it_may_be_is_not_read(seaweedfs: SeaweedFS, bucket: ObjectPlace) -> None:
    objects = seaweedfs.objects(bucket)
    objects.write("latest.json", bytes(1000), "application/json")
    with pytest.raises(ObjectStorageError, match="1,000 bytes: expected 999 at most"):
        objects.read("latest.json", 999)


def test_the_read_key_reads_and_does_nothing_else(seaweedfs: SeaweedFS, bucket: ObjectPlace, tmp_path: Path) -> None:
    seaweedfs.objects(bucket).write("latest.json", b"one", "application/json")
    reader = seaweedfs.objects(bucket, READER)
    (tmp_path / "file").write_bytes(b"planted")

    assert reader.read("latest.json", 10) == b"one"
    with pytest.raises(ObjectStorageError, match="does not let this key write"):
        reader.write("latest.json", b"planted", "application/json")
    with pytest.raises(ObjectStorageError, match="does not let this key write"):
        reader.write_new("versions/file", tmp_path / "file")
    with pytest.raises(ObjectStorageError, match="does not let this key delete"):
        reader.delete(["latest.json"])
    assert seaweedfs.objects(bucket).read("latest.json", 10) == b"one"


def test_what_is_refused_says_so_without_a_secret(seaweedfs: SeaweedFS, bucket: ObjectPlace) -> None:
    seaweedfs.objects(bucket).write("latest.json", b"one", "application/json")
    wrong = READER.model_copy(update={"secret": type(READER.secret)("s3-canary-wrong-0123456789")})
    for keys, key, words in (
        (None, "latest.json", "does not let this key read"),
        (wrong, "latest.json", "does not let this key read"),
        (READER, "none.json", "is not there"),
    ):
        with pytest.raises(MarketflowsError, match=words) as raised:
            seaweedfs.objects(bucket, keys).read(key, 10)
        assert "canary" not in str(raised.value)
        assert raised.value.__cause__ is None
    with pytest.raises(ObjectMissingError):
        seaweedfs.objects(ObjectPlace("no-such-bucket", "a"), READER).read("latest.json", 10)
