"""Runs of the pipeline that upload: a service that fails costs a warning, and the next publish makes up for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from marketflows_pipeline.object_storage.pointer import POINTER, decoded, published_key
from marketflows_pipeline.settings.object_storage import ObjectPlace
from marketflows_pipeline.warehouse.remote import RemoteVersion
from marketflows_pipeline_tests.pipeline.conftest import env, few_kinds
from marketflows_pipeline_tests.pipeline.environment import Environment
from marketflows_pipeline_tests.published_answers import query_rows
from marketflows_pipeline_tests.services.seaweedfs import ADMIN, READER, SeaweedFS, started, why_not
from marketflows_pipeline_tests.services.stalling import Stalling

__all__ = ["env", "few_kinds"]

PLACE = ObjectPlace("lake", "team/published")


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[SeaweedFS]:
    """A server that only one test uses, which may kill it."""
    if reason := why_not():
        pytest.skip(reason)
    server = started(tmp_path / "weed")
    yield server
    server.kill()


def test_a_service_that_dies_in_mid_upload_costs_a_warning_and_the_next_publish_uploads(
    env: Environment, own_server: SeaweedFS, monkeypatch: pytest.MonkeyPatch, log: pytest.LogCaptureFixture
) -> None:
    for name, value in own_server.environ(ADMIN).items():
        monkeypatch.setenv(name, value)
    env.computes = "nothing"
    way = Stalling(own_server.ports["s3"], 500_000)
    env.configure("publish", upload=str(PLACE))
    env.configure("object_storage", endpoint=f"http://127.0.0.1:{way.port}")

    def die() -> None:
        assert way.is_full.wait(300)
        own_server.kill()
        way.cut()

    death = Thread(target=die)
    death.start()
    assert env.run()
    death.join()

    assert (
        "the published file was not uploaded, and the next publish uploads it: the object storage could not" in log.text
    )
    assert env.published.exists()
    assert not list(env.published.parent.glob(".*"))
    own_server.start()
    assert own_server.objects(PLACE).listed("versions") == []

    env.configure("object_storage", endpoint=own_server.endpoint)
    env.configure("plots", set="essential")
    env.computes = "tables"
    assert env.run(hours_later=1, with_pictures=True)

    objects = own_server.objects(PLACE, READER)
    version = RemoteVersion(PLACE, published_key(objects), own_server.storage, READER)
    question = "select table_name, run_id from meta.publish where table_name = 'mart.metrics'"
    assert query_rows(version, question) == query_rows(env.published, question)
    assert decoded(objects.read(POINTER, 100_000), PLACE).run_id in str(query_rows(version, "from meta.part_runs"))
    page = objects.read("report/index.html", 50_000_000)
    assert page == (env.folder / "report/index.html").read_bytes()
    drawn = {f"pictures/{path.name}" for path in (env.folder / "pictures").glob("*.png")}
    assert {each.key for each in objects.listed("pictures")} == drawn != set()
    assert "canary" not in log.text
