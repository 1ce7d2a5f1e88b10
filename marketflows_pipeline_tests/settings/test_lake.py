"""The lake: where it is when nothing is said, and that an upload needs the file."""

from __future__ import annotations

from pathlib import Path

from marketflows_pipeline.settings import load_config
from marketflows_pipeline_tests.settings.conftest import Faults, Load

NO_FILE = '[warehouse]\nstore = "ducklake"\n[warehouse.ducklake]\nexport = false\n'
UPLOAD = '[publish]\nupload = "s3://bucket/team"\n'


def test_the_file_is_the_store_unless_a_lake_is_asked_for(load: Load) -> None:
    assert load().warehouse.lake is None
    assert load().warehouse.has_file
    assert load("[warehouse.ducklake]\nexport = false\n").warehouse.has_file, "of a lake that is not used"


def test_a_lake_writes_the_file_unless_told_otherwise(load: Load) -> None:
    assert load('[warehouse]\nstore = "ducklake"\n').warehouse.has_file
    assert not load(NO_FILE).warehouse.has_file


def test_workers_that_write_at_once_need_a_lake_and_locks_in_postgres(load: Load, faults: Faults) -> None:
    on_celery = '[execution]\nshards_on = "celery"\n'
    shared = '[execution]\nshards_on = "celery"\ncoordination = "postgres"\n'
    database = 'database = "postgres:dbname=mf host=db.example.com"\n'
    lake = '[warehouse]\nstore = "ducklake"\n'
    in_postgres = lake + '[warehouse.ducklake]\ncatalog = "postgres:dbname=lake host=db.example.com"\n'
    for config in (on_celery, shared + database, lake + on_celery, lake + shared + database, in_postgres + on_celery):
        assert faults(config) == [
            "config.toml: execution.shards_on = 'celery': expected coordination = \"postgres\" in [execution], and a "
            "lake whose catalog is in Postgres"
        ]
    assert load(in_postgres + shared).execution.shards == 4
    assert load().execution.shards_on == "process"


def test_an_upload_needs_the_file(load: Load, faults: Faults) -> None:
    keys = {"COINGECKO_API_KEY": "CG-test", "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret"}
    assert faults(NO_FILE + UPLOAD, environ=keys) == [
        "config.toml: publish.upload = 's3://bucket/team': expected no upload, or export = true under "
        "[warehouse.ducklake], which writes the file to upload"
    ]
    assert load('[warehouse]\nstore = "ducklake"\n' + UPLOAD, environ=keys).publish.upload == "s3://bucket/team"


def test_a_lake_without_a_table_of_its_own_lies_beside_the_settings(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[warehouse]\nstore = "ducklake"\n', encoding="utf-8")
    lake = load_config(path).warehouse.ducklake

    assert (lake.catalog, lake.data) == (tmp_path / ".marketflows/lake", tmp_path / ".marketflows/lake_data")
