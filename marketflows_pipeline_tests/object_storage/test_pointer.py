"""The pointer to the published version: what is written is read back, and a hostile one leads nowhere else."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.errors import ObjectStorageError
from marketflows_pipeline.object_storage.pointer import (
    VERSION_KEY,
    VERSIONS,
    At,
    Pointer,
    Published,
    decoded,
    parse_at,
    version_key,
)
from marketflows_pipeline.settings.object_storage import ObjectPlace

PLACE = ObjectPlace("bucket", "team/published")
NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)
KEY = f"{VERSIONS}/marketflows.000012.20261120T180000Z.1a2b3c4d.duckdb"
POINTER = Pointer(
    key=KEY,
    size_bytes=12,
    sha256="0" * 64,
    run_id="1a2b3c4d",
    published_at=NOW,
    storage_version="v1.2.0",
    has_raw=False,
    as_of={"market_caps": NOW, "exchanges": None},
    earlier=(Published(key=KEY.replace("12.2", "11.2"), published_at=NOW),),
)


def test_what_is_written_is_read_back() -> None:
    assert decoded(POINTER.encoded(), PLACE) == POINTER


def test_what_a_later_version_adds_is_passed_over() -> None:
    assert decoded(json.dumps(json.loads(POINTER.encoded()) | {"new": 1}).encode(), PLACE) == POINTER


@pytest.mark.parametrize(
    "key",
    [
        "../other/versions/a.000001.20261120T180000Z.run.duckdb",
        f"{VERSIONS}/../../secret.duckdb",
        f"/{KEY}",
        f"{KEY}/..",
        f"{KEY}\n",
        f"s3://other/{KEY}",
        f"{KEY}?x=1",
        f"{KEY}' as m; attach 's3://other/x",
        KEY.replace("marketflows", "a'b"),
        KEY.replace("marketflows", "a" * 500),
        KEY.replace(".duckdb", ".parquet"),
        KEY.replace(VERSIONS, "pictures"),
        "",
        None,
        5,
    ],
)
@pytest.mark.parametrize("where", ["key", "earlier"])
def test_a_pointer_that_leads_elsewhere_is_refused(key: object, where: str) -> None:
    said: dict[str, Any] = json.loads(POINTER.encoded())
    said |= {"key": key} if where == "key" else {"earlier": [{"key": key, "published_at": NOW.isoformat()}]}
    with pytest.raises(ObjectStorageError) as raised:
        decoded(json.dumps(said).encode(), PLACE)
    assert str(raised.value) == (
        f"s3://bucket/team/published/latest.json is no pointer that this program wrote (see its {where}); "
        "the next publish writes it anew"
    )


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not json",
        b"\xff\xfe",
        b"[]",
        b"null",
        b"[" * 100_000,
        b'{"key": ' + b"9" * 10_000 + b"}",
        json.dumps({"key": KEY}).encode(),
        POINTER.encoded().replace(b'"format": 1', b'"format": 2'),
        POINTER.encoded().replace(b'"size_bytes": 12', b'"size_bytes": -1'),
        POINTER.encoded().replace(b'"0000', b'"zzzz'),
    ],
)
def test_what_is_no_pointer_says_so_in_one_line(content: bytes) -> None:
    with pytest.raises(ObjectStorageError, match=r"^s3://bucket/team/published/latest\.json is no pointer") as raised:
        decoded(content, PLACE)
    assert "\n" not in str(raised.value)


@given(st.binary(max_size=200))
def test_no_content_does_more_than_be_refused(content: bytes) -> None:
    with pytest.raises(ObjectStorageError):
        decoded(content, PLACE)


@pytest.mark.parametrize(
    ("address", "meant"),
    [
        ("s3://bucket/team/published", At("s3://bucket/team/published")),
        ("s3://bucket/team/published/", At("s3://bucket/team/published")),
        ("s3://bucket/team/published/latest.json", At("s3://bucket/team/published")),
        (f"s3://bucket/team/published/{KEY}", At("s3://bucket/team/published", KEY)),
        ("s3://bucket/versions/x", At("s3://bucket/versions/x")),
        (f"s3://bucket/a/{VERSIONS}/../{KEY}", At(f"s3://bucket/a/{VERSIONS}/..", KEY)),
    ],
)
def test_a_reader_may_name_prefix_pointer_or_version(address: str, meant: At) -> None:
    assert parse_at(address) == meant


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("marketflows.000012.20261120T180000Z.1a2b3c4d.duckdb", KEY),
        ("my caps.v2.000012.20261120T180000Z.1a2b3c4d.db", KEY.replace("marketflows", "my-caps-v2")),
        ("../é.000012.20261120T180000Z.1a2b3c4d.duckdb", KEY.replace("marketflows", "----")),
    ],
)
def test_an_uploaded_version_is_called_as_the_published_one(name: str, key: str) -> None:
    assert version_key(name) == key
    assert VERSION_KEY.fullmatch(key)
