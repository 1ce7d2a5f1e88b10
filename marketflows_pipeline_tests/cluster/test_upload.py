"""Uploads of published versions to a real S3 service: what readers find there, also after kills and faults."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, TypedDict

import duckdb
import pytest

from marketflows_pipeline.object_storage.last_upload import last_upload
from marketflows_pipeline.object_storage.objects import Objects
from marketflows_pipeline.object_storage.pointer import POINTER, VERSIONS, decoded, published_key
from marketflows_pipeline.object_storage.upload import Facts, upload_files, upload_version
from marketflows_pipeline.settings.object_storage import ObjectPlace
from marketflows_pipeline.warehouse.remote import RemoteVersion
from marketflows_pipeline_tests.cluster.publishing import N_CAPS, Publisher, publisher
from marketflows_pipeline_tests.published_answers import query_rows
from marketflows_pipeline_tests.services.seaweedfs import READER, SeaweedFS
from marketflows_pipeline_tests.services.stalling import Stalling
from marketflows_pipeline_tests.warehouse.frames import NOW

FACTS = Facts(run_id="run", published_at=NOW, storage_version="v1.2.0", has_raw=False, as_of={"market_caps": NOW})


class Kept(TypedDict):
    """How long versions stay."""

    keep_versions: int
    kept_for: timedelta


KEPT: Kept = {"keep_versions": 2, "kept_for": timedelta(hours=24)}


@pytest.fixture
def publishing(tmp_path: Path, seaweedfs: SeaweedFS, bucket: ObjectPlace) -> Iterator[Publisher]:
    with publisher(tmp_path, seaweedfs, bucket) as made:
        yield made


def keys_of(objects: Objects) -> set[str]:
    return {each.key for each in objects.listed(VERSIONS)}


def _asked(seaweedfs: SeaweedFS, bucket: ObjectPlace, sql: str) -> list[tuple[Any, ...]]:
    key = published_key(seaweedfs.objects(bucket, READER))
    version = RemoteVersion(bucket, key, seaweedfs.storage, READER)
    return query_rows(version, sql).rows


def test_a_publish_is_uploaded_and_read_with_the_read_key(
    publishing: Publisher, seaweedfs: SeaweedFS, bucket: ObjectPlace, log: pytest.LogCaptureFixture
) -> None:
    said = publishing.publish_and_upload()

    objects = seaweedfs.objects(bucket, READER)
    pointer = decoded(objects.read(POINTER, 100_000), bucket)
    assert pointer.key == said["uploaded"]
    assert objects.head(pointer.key).size == pointer.size_bytes
    content = objects.read(pointer.key, 100_000_000)
    assert hashlib.sha256(content).hexdigest() == pointer.sha256
    assert (pointer.run_id, pointer.has_raw, pointer.storage_version) == ("run1", False, "v1.2.0")
    assert pointer.as_of["market_caps"] is not None
    assert _asked(seaweedfs, bucket, "select distinct status from meta.publish where part = 'market_caps'") == [
        ("fresh",)
    ]
    assert f"{bucket} is new: from now on figures of CoinGecko go to a place that others may read" in log.text
    assert "canary" not in log.text


def test_the_terms_are_told_of_once(publishing: Publisher, log: pytest.LogCaptureFixture) -> None:
    publishing.publish_and_upload()
    publishing.publish_and_upload()
    assert log.text.count("see whether its terms allow") == 1


def test_raw_tables_are_left_out_and_all_others_are_as_published(
    publishing: Publisher, seaweedfs: SeaweedFS, bucket: ObjectPlace
) -> None:
    publishing.publish_and_upload()
    local = publishing.run.settings.warehouse.published_path
    tables = "select schema_name || '.' || table_name, comment from duckdb_tables() where database_name = 'marketflows'"

    stored = dict(query_rows(local, tables).rows)
    uploaded = dict(_asked(seaweedfs, bucket, tables))
    assert uploaded == {name: comment for name, comment in stored.items() if not name.startswith("raw.")}
    assert any(name.startswith("raw.") for name in stored)
    contents = " union all ".join(
        f"select '{name}', count(*), md5(string_agg(t::varchar, '|' order by t::varchar)) from {name} t"
        for name in sorted(uploaded.keys() - {"meta.tables", "meta.columns", "meta.lineage", "meta.publish"})
    )
    assert _asked(seaweedfs, bucket, contents) == query_rows(local, contents).rows
    reading = "select view_name from duckdb_views() where not internal and sql similar to '.*(raw|accepted)\\..*'"
    assert _asked(seaweedfs, bucket, reading) == []
    views = "select schema_name || '.' || view_name from duckdb_views() where not internal order by 1"
    assert _asked(seaweedfs, bucket, views)
    described = "select table_name from meta.tables where table_name like 'raw.%' or table_name like 'accepted.%'"
    assert _asked(seaweedfs, bucket, described) == []


def test_raw_tables_go_along_where_they_are_asked_for(
    tmp_path: Path, seaweedfs: SeaweedFS, bucket: ObjectPlace
) -> None:
    with publisher(tmp_path, seaweedfs, bucket, raw=True) as publishing:
        publishing.publish_and_upload()
        count = "select count(*) from raw.market_caps"
        assert (
            _asked(seaweedfs, bucket, count) == query_rows(publishing.run.settings.warehouse.published_path, count).rows
        )
        assert _asked(seaweedfs, bucket, count)[0][0] > N_CAPS
        content = seaweedfs.objects(bucket).read(published_key(seaweedfs.objects(bucket)), 100_000_000)
        assert content == publishing.run.settings.warehouse.published_path.read_bytes()


def test_plain_duckdb_reads_it_with_the_read_key_and_writes_nothing(
    publishing: Publisher, seaweedfs: SeaweedFS, bucket: ObjectPlace
) -> None:
    publishing.publish_and_upload()
    from marketflows_pipeline.warehouse.remote import load_httpfs, make_secret

    with duckdb.connect(
        config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
    ) as plain:
        load_httpfs(plain)
        make_secret(plain, "reader", seaweedfs.storage, READER, scope=f"s3://{bucket.bucket}/")
        latest = plain.execute(f"select content from read_text('{bucket}/{POINTER}')").fetchall()[0][0]
        plain.execute(f"attach '{bucket}/{json.loads(latest)['key']}' as mf (read_only)")
        assert plain.execute("select count(*) from mf.meta.publish").fetchall()[0][0] > 10
        with pytest.raises(duckdb.Error, match=r"403|Forbidden|denied"):
            plain.execute(f"copy (select 1) to '{bucket}/{VERSIONS}/planted.csv'")
    assert keys_of(seaweedfs.objects(bucket)) == {json.loads(latest)["key"]}


def test_a_write_with_the_read_key_is_a_warning_without_a_secret(
    tmp_path: Path, seaweedfs: SeaweedFS, bucket: ObjectPlace, log: pytest.LogCaptureFixture
) -> None:
    with publisher(tmp_path, seaweedfs, bucket, keys=READER) as publishing:
        said = publishing.publish_and_upload()
        last = last_upload(publishing.run.settings.warehouse.path)
    assert "does not let this key write" in said["not_uploaded"]
    assert last is not None
    assert last.reason == said["not_uploaded"]
    assert keys_of(seaweedfs.objects(bucket)) == set()
    assert "canary" not in log.text + json.dumps(said) + "".join(
        path.read_bytes().decode(errors="replace") for path in tmp_path.rglob("*") if path.is_file()
    )


def test_only_the_newest_versions_stay_once_the_others_are_old(
    publishing: Publisher, seaweedfs: SeaweedFS, bucket: ObjectPlace
) -> None:
    objects = seaweedfs.objects(bucket)
    objects.write(f"{VERSIONS}/mine.txt", b"", "text/plain")
    file = publishing.publish().path
    names = [f"marketflows.{n:06d}.20261120T180000Z.run.duckdb" for n in range(1, 6)]
    for name in names[:4]:
        upload_version(objects, file, name, FACTS, **KEPT)
    assert keys_of(objects) == {f"{VERSIONS}/mine.txt", *(f"{VERSIONS}/{name}" for name in names[:4])}

    done = upload_version(objects, file, names[4], FACTS, keep_versions=2, kept_for=timedelta(seconds=-1))

    assert done.n_deleted == 3
    assert keys_of(objects) == {f"{VERSIONS}/mine.txt", *(f"{VERSIONS}/{name}" for name in names[3:])}
    pointer = decoded(objects.read(POINTER, 100_000), bucket)
    assert [each.key for each in pointer.earlier] == [f"{VERSIONS}/{name}" for name in reversed(names[:4])]


def test_a_reader_of_the_version_before_reads_on_across_a_publish(
    publishing: Publisher, seaweedfs: SeaweedFS, bucket: ObjectPlace
) -> None:
    publishing.publish_and_upload()
    version = RemoteVersion(bucket, published_key(seaweedfs.objects(bucket, READER)), seaweedfs.storage, READER)
    from marketflows_pipeline.warehouse.published import open_published

    question = "select distinct run_id from meta.publish where part = 'market_caps'"
    with open_published(version) as reader:
        publishing.publish_and_upload()
        assert reader.execute(question).fetchall() == [("run1",)]
    assert _asked(seaweedfs, bucket, question) == [("run2",)]


KILLED = """
import sys
from pathlib import Path
from marketflows_pipeline_tests.cluster.test_upload import FACTS, KEPT
from marketflows_pipeline_tests.services.seaweedfs import SeaweedFS
from marketflows_pipeline.object_storage.upload import upload_version
from marketflows_pipeline.settings.object_storage import object_place
server = SeaweedFS(Path("."), {"s3": int(sys.argv[1])})
upload_version(server.objects(object_place(sys.argv[2])), Path(sys.argv[3]), sys.argv[4], FACTS, **KEPT)
"""


def test_an_upload_that_is_killed_leaves_readers_on_the_version_before(
    publishing: Publisher, seaweedfs: SeaweedFS, bucket: ObjectPlace, tmp_path: Path
) -> None:
    """By SIGKILL while its parts are on their way."""
    publishing.publish_and_upload()
    objects = seaweedfs.objects(bucket)
    before, keys = objects.read(POINTER, 100_000), keys_of(objects)
    (tmp_path / "large").write_bytes(os.urandom(30_000_000))
    way = Stalling(seaweedfs.ports["s3"], 12_000_000)
    name = "marketflows.000009.20261120T180000Z.killed.duckdb"
    arguments = [str(way.port), str(bucket), str(tmp_path / "large"), name]
    killed = subprocess.Popen([sys.executable, "-c", KILLED, *arguments])
    assert way.is_full.wait(60)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    way.cut()

    assert objects.read(POINTER, 100_000) == before
    assert keys_of(objects) == keys
    assert _asked(seaweedfs, bucket, "select count(*) from meta.publish")
    assert "uploaded" in publishing.publish_and_upload()


def test_a_version_that_was_never_pointed_to_goes_once_it_is_old(
    publishing: Publisher, seaweedfs: SeaweedFS, bucket: ObjectPlace
) -> None:
    objects, file = seaweedfs.objects(bucket), publishing.publish().path
    stamp = "20261120T180000Z.run.duckdb"
    upload_version(objects, file, f"marketflows.000001.{stamp}", FACTS, **KEPT)
    left = f"{VERSIONS}/marketflows.000002.20261120T180000Z.killed.duckdb"
    objects.write_new(left, file)
    for number in (3, 4):
        upload_version(objects, file, f"marketflows.{number:06d}.{stamp}", FACTS, **KEPT)
    assert left in keys_of(objects)

    old: Kept = {"keep_versions": 2, "kept_for": timedelta(seconds=-1)}
    upload_version(objects, file, f"marketflows.000005.{stamp}", FACTS, **old)

    assert left not in keys_of(objects)
    assert published_key(objects) in keys_of(objects)


def test_changed_files_alone_go_along(seaweedfs: SeaweedFS, bucket: ObjectPlace, tmp_path: Path) -> None:
    objects = seaweedfs.objects(bucket)
    for name in ("a.png", "b.png", "index.html"):
        (tmp_path / name).write_bytes(name.encode())
    files = sorted(tmp_path.iterdir())
    assert upload_files(objects, "pictures", files) == (3, 20)
    (tmp_path / "b.png").write_bytes(b"other")
    assert upload_files(objects, "pictures", files) == (1, 5)
    assert upload_files(objects, "pictures", files[:1], gone=["b.png", "never.png"]) == (0, 0)
    assert {each.key for each in objects.listed("pictures")} == {"pictures/a.png", "pictures/index.html"}
    import obstore

    kinds = [
        obstore.get(objects._store, f"pictures/{name}").attributes["Content-Type"] for name in ("a.png", "index.html")
    ]
    assert kinds == ["image/png", "text/html; charset=utf-8"]
