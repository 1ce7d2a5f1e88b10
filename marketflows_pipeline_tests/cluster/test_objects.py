"""Objects of a real S3 service: what is written is there whole, and what is refused says so without a secret."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
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


WAITING = """
import sys
from marketflows_pipeline.cli.interrupts import interruptible
from marketflows_pipeline.object_storage.objects import open_objects
from marketflows_pipeline.settings.object_storage import ObjectPlace, ObjectStorage
objects = open_objects(ObjectPlace("lake", "published"), ObjectStorage(endpoint=sys.argv[1]), None)
with interruptible("stopped"):
    objects.read("latest.json", 10)
"""


@pytest.mark.usefixtures("seaweedfs")
def test_a_service_that_says_nothing_keeps_nobody_from_stopping() -> None:
    """Ctrl-C once was heard only when all retries were over, after minutes."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        asking = subprocess.Popen([sys.executable, "-c", WAITING, address], stderr=subprocess.PIPE, text=True)
        connection, _ = silent.accept()
        asking.send_signal(signal.SIGINT)
        # A limit for a test that hangs.
        _, said = asking.communicate(timeout=50)
        connection.close()
    assert "Interrupted: stopped" in said


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
