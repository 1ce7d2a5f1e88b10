"""Text, files and downloads: parsed whole, retried where truncated, refused where too large."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from marketflows_pipeline.errors import (
    BadResponseError,
    UnexpectedResponseError,
)
from marketflows_pipeline.providers.http.client import HttpClient
from marketflows_pipeline.providers.http.responses import (
    ParseError,
    bad_response,
)
from marketflows_pipeline_tests.fakes import faults
from marketflows_pipeline_tests.fakes.replies import Reply
from marketflows_pipeline_tests.fakes.server import FakeServer
from marketflows_pipeline_tests.providers.http.conftest import THING


def test_text_comes_as_text(client: HttpClient, service: FakeServer) -> None:
    service.script(THING, faults.html(200), faults.plain_text(200, "DATE,CLOSE\n01/02/2026,17.1\n"))

    assert client.get_text(THING, str.splitlines, path={"id": "vix"}) == ["DATE,CLOSE", "01/02/2026,17.1"]


def test_a_file_comes_as_the_bytes_that_were_sent(client: HttpClient, service: FakeServer) -> None:
    body = bytes(range(256)) * 40
    service.script(
        THING,
        faults.html(200),
        faults.empty(),
        faults.cut_off(),
        lambda _: Reply(200, body, "application/octet-stream"),
    )

    assert client.get_bytes(THING, lambda content: content, path={"id": "book"}) == body
    assert service.calls() == 4


def test_a_file_that_its_reader_finds_cut_off_is_asked_for_again(client: HttpClient, service: FakeServer) -> None:
    def read(content: bytes) -> int:
        if not content.endswith(b"}"):
            raise bad_response("truncated")
        return len(content)

    service.script(THING, faults.truncated(), faults.truncated())

    assert client.get_bytes(THING, read, path={"id": "one"}) > 2000
    assert service.calls() == 3


def test_a_file_of_another_shape_is_not_asked_for_again(client: HttpClient, service: FakeServer) -> None:
    def read(_: bytes) -> None:
        raise ParseError("no sheet `navhist`")

    with pytest.raises(
        UnexpectedResponseError, match="/things/one: a response of an unexpected shape: no sheet `navhist`"
    ):
        client.get_bytes(THING, read, path={"id": "one"})
    assert service.calls() == 1


def test_a_file_longer_than_allowed_is_refused_and_one_that_just_fits_is_not(
    client: HttpClient, service: FakeServer
) -> None:
    service.script(THING, *[lambda _: Reply(200, b"x" * 1000, "application/octet-stream")] * 2)

    assert client.get_bytes(THING, len, path={"id": "one"}, limit_bytes=1000) == 1000
    with pytest.raises(UnexpectedResponseError, match="more than 999 bytes"):
        client.get_bytes(THING, len, path={"id": "one"}, limit_bytes=999)
    assert service.calls() == 2


def test_a_download_appears_only_when_it_is_whole(client: HttpClient, service: FakeServer, tmp_path: Path) -> None:
    service.script(THING, faults.truncated(), faults.cut_off(), faults.html(200), faults.empty(), faults.html(503))
    destination = tmp_path / "thing.json"

    size = client.download(THING, destination, lambda file: file.stat().st_size, path={"id": "one"})

    assert service.calls() == 6
    assert size == destination.stat().st_size
    assert json.loads(destination.read_text())["id"] == "one"
    assert list(tmp_path.iterdir()) == [destination]


def test_a_failed_download_leaves_the_file_of_before(client: HttpClient, service: FakeServer, tmp_path: Path) -> None:
    destination = tmp_path / "thing.json"
    destination.write_text("[]")
    service.script(THING, *[faults.truncated()] * 20)

    with pytest.raises(BadResponseError, match="truncated or not JSON"):
        client.download(THING, destination, Path.read_bytes, path={"id": "one"})

    assert destination.read_text() == "[]"
    assert list(tmp_path.iterdir()) == [destination]
