"""`marketflows sql --at`: an uploaded version is asked, and nothing else is reached, whatever file or question say."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner, Result

from marketflows_pipeline.cli import marketflows
from marketflows_pipeline.errors import MarketflowsError, UserInputError
from marketflows_pipeline.object_storage.pointer import POINTER, published_key
from marketflows_pipeline.settings.object_storage import ObjectPlace
from marketflows_pipeline.warehouse.published import executed, open_published
from marketflows_pipeline.warehouse.remote import RemoteVersion, load_httpfs, make_secret
from marketflows_pipeline.warehouse.user_query import write_result
from marketflows_pipeline_tests.cluster.publishing import publisher
from marketflows_pipeline_tests.published_answers import query_rows
from marketflows_pipeline_tests.services.seaweedfs import ADMIN, BUCKET, READER, SeaweedFS
from marketflows_pipeline_tests.warehouse.test_locked_down import REACHES_OUT

PLACE = ObjectPlace(BUCKET, "shared/published")
OTHER = ObjectPlace(BUCKET, "other")
HOSTILE = "versions/theirs.000001.20261120T180000Z.run.duckdb"


@pytest.fixture(scope="module")
def uploaded(seaweedfs: SeaweedFS, tmp_path_factory: pytest.TempPathFactory) -> RemoteVersion:
    """A published version beside objects that no question may see, and a version that somebody else made."""
    folder = tmp_path_factory.mktemp("publisher")
    with publisher(folder, seaweedfs, PLACE) as publishing:
        publishing.publish_and_upload()
    objects = seaweedfs.objects(PLACE)
    objects.write("secret.csv", b"word\ncanary\n", "text/csv")
    seaweedfs.objects(OTHER).write("secret.csv", b"word\ncanary\n", "text/csv")
    theirs = folder / "theirs.duckdb"
    with duckdb.connect(
        str(theirs), config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
    ) as made:
        load_httpfs(made)
        make_secret(made, "reader", seaweedfs.storage, READER, scope="s3://")
        made.execute("create schema mart; create table t as select range as x, 'row ' || range as name from range(10)")
        made.execute(f"create view mart.metrics as select * from read_csv('{PLACE}/secret.csv')")
        made.execute(f"create view mart.elsewhere as select * from read_text('{OTHER}/secret.csv')")
        made.execute("create view listing as select * from glob('s3://lake/*')")
        made.execute(f"create macro stolen() as (select content from read_text('{PLACE}/secret.csv'))")
        made.execute(f"create macro stolen_rows() as table select * from read_csv('{PLACE}/secret.csv')")
    objects.write_new(HOSTILE, theirs)
    # With the key that may write, so that it is not the key that keeps a question from doing so.
    return RemoteVersion(PLACE, published_key(objects), seaweedfs.storage, ADMIN)


@pytest.fixture(scope="module")
def theirs(uploaded: RemoteVersion) -> RemoteVersion:
    return RemoteVersion(PLACE, HOSTILE, uploaded.storage, uploaded.keys)


@pytest.fixture
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without settings, in which a command is started."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _written(version: RemoteVersion, sql: str) -> bytes:
    out = io.BytesIO()
    write_result(sql, version, "csv", out)
    return out.getvalue()


def _ask(seaweedfs: SeaweedFS, folder: Path, *arguments: str, environ: dict[str, str] | None = None) -> Result:
    given = seaweedfs.environ(READER) if environ is None else environ
    names = [name for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL") if name not in given]
    files = ["--config", str(folder / "config.toml")] if (folder / "config.toml").exists() else []
    return CliRunner(env=given | dict.fromkeys(names)).invoke(marketflows, [*files, "sql", *arguments])


@pytest.mark.parametrize("address", [str(PLACE), f"{PLACE}/", f"{PLACE}/{POINTER}", None])
def test_prefix_pointer_and_version_are_answered_without_a_config(
    uploaded: RemoteVersion, seaweedfs: SeaweedFS, in_a_folder: Path, address: str | None
) -> None:
    asked = _ask(seaweedfs, in_a_folder, "--at", address or str(uploaded), "--format", "csv", "select 1 + 1 as two")
    assert (asked.exit_code, asked.stdout) == (0, "two\n2\n"), asked.stderr
    names = _ask(seaweedfs, in_a_folder, "--at", str(PLACE), "--format", "csv", "select table_name from meta.publish")
    assert "mart.metrics" in names.stdout
    assert "raw.market_caps" not in names.stdout


def test_the_settings_name_the_service_where_there_are_some(
    uploaded: RemoteVersion, seaweedfs: SeaweedFS, tmp_path: Path
) -> None:
    (tmp_path / "config.toml").write_text(f'[object_storage]\nendpoint = "{seaweedfs.endpoint}"\n')
    environ = {name: value for name, value in seaweedfs.environ(READER).items() if name != "AWS_ENDPOINT_URL"}
    asked = _ask(seaweedfs, tmp_path, "--at", str(PLACE), "--format", "csv", "select 1 as one", environ=environ)
    assert asked.stdout == "one\n1\n", asked.stderr


@pytest.mark.usefixtures("uploaded")
@pytest.mark.parametrize(
    ("address", "environ", "ends"),
    [
        ("s3://lake/nothing/here", {}, (1, "nothing is published at s3://lake/nothing/here: there is no latest.json")),
        ("lake/shared", {}, (2, "--at: expected s3://bucket/prefix")),
        (f"{PLACE}/../other", {}, (2, "--at: expected s3://bucket/prefix")),
        (str(PLACE), {"AWS_SECRET_ACCESS_KEY": "s3-canary-wrong"}, (1, "does not let this key read")),
        (str(PLACE), {"AWS_ACCESS_KEY_ID": ""}, (2, "[object_storage] key_id is missing")),
        (str(PLACE), {"AWS_ENDPOINT_URL": "http://s3.example"}, (2, "environment: AWS_ENDPOINT_URL")),
        (f"{PLACE}/versions/a.000001.20261120T180000Z.run.duckdb", {}, (1, "is not there, or these keys may not read")),
    ],
)
def test_what_cannot_be_asked_says_why_in_one_line(
    seaweedfs: SeaweedFS, in_a_folder: Path, address: str, environ: dict[str, str], ends: tuple[int, str]
) -> None:
    exit_code, said = ends
    given = seaweedfs.environ(READER) | environ
    asked = _ask(seaweedfs, in_a_folder, "--at", address, "select 1", environ=given)
    assert isinstance(asked.exception, MarketflowsError)
    assert asked.exception.exit_code == exit_code
    assert said in str(asked.exception)
    assert "\n" not in str(asked.exception)
    assert "canary" not in str(asked.exception) + asked.output


ATTEMPTS = [
    "select * from read_text('{place}/secret.csv')",
    "select * from read_csv('{other}/secret.csv')",
    "from '{other}/secret.csv'",
    "from read_text('{endpoint}/lake/other/secret.csv')",
    "select * from glob('s3://lake/*')",
    "copy (select 1) to '{place}/planted.csv'",
    "copy (select 1) to '{version}' (format csv, use_tmp_file false)",
    "explain analyze copy (select 1) to '{version}' (format csv, use_tmp_file false)",
    "attach '{place}/planted.duckdb'",
    "attach '{version}' as again (read_only)",
    "export database '{place}/planted'",
    "create secret (type s3, key_id 'x', secret 'y')",
    "create or replace temporary SECRET mine (type s3)",
    "create table planted (x integer)",
    "insert into meta.publish select * from meta.publish returning 1",
    "set s3_endpoint = 'elsewhere'",
    "select current_setting('s3_secret_access_key') = ''",
    "select mart.elsewhere from mart.elsewhere",
]


@pytest.mark.parametrize("sql", [*ATTEMPTS, *REACHES_OUT])
def test_a_question_reaches_the_attached_version_and_nothing_else(
    theirs: RemoteVersion, seaweedfs: SeaweedFS, tmp_path: Path, sql: str
) -> None:
    """With a key that might read and write the whole bucket, and views of a file that somebody else made."""
    (tmp_path / "secret.csv").write_text("word\ncanary\n")
    objects = seaweedfs.objects(PLACE)
    before = {(each.key, each.tag) for folder in ("versions", "") for each in objects.listed(folder)}
    question = sql.format(
        place=PLACE,
        other=OTHER,
        version=theirs,
        published=theirs,
        endpoint=seaweedfs.endpoint,
        secret=tmp_path / "secret.csv",
        folder=tmp_path,
    )

    with pytest.raises(MarketflowsError) as refused:
        _written(theirs, question)

    assert "\n" not in str(refused.value)
    assert "canary" not in str(refused.value)
    assert [path.name for path in tmp_path.iterdir()] == ["secret.csv"]
    assert {(each.key, each.tag) for folder in ("versions", "") for each in objects.listed(folder)} == before


def test_no_key_is_left_in_the_connection(uploaded: RemoteVersion) -> None:
    assert query_rows(uploaded, "select * from duckdb_secrets()").rows == []
    assert query_rows(uploaded, "select count(*) > 0 from meta.columns").rows == [(True,)]
    settings = query_rows(uploaded, "select name, value from duckdb_settings()").rows
    assert "canary" not in str(settings)
    assert dict(settings)["enable_external_access"] == "false"
    assert dict(settings)["enable_server_cert_verification"] == "true"


def test_a_version_that_is_deleted_under_a_question_says_so(
    seaweedfs: SeaweedFS, bucket: ObjectPlace, tmp_path: Path
) -> None:
    big = tmp_path / "big.duckdb"
    with duckdb.connect(str(big)) as made:
        made.execute("create table t as select range as i, md5(range::varchar) as text from range(500000)")
    objects = seaweedfs.objects(bucket)
    key = "versions/big.000001.20261120T180000Z.run.duckdb"
    objects.write_new(key, big)
    with open_published(RemoteVersion(bucket, key, seaweedfs.storage, READER)) as connection:
        objects.delete([key])
        with (
            pytest.raises(MarketflowsError, match="was deleted while the question was answered: ask again") as raised,
            executed(connection, "select max(text) from t"),
        ):
            pass
    assert not isinstance(raised.value, UserInputError)


def test_a_hundred_readers_at_once_get_the_same_answer(uploaded: RemoteVersion) -> None:
    """Connections of their own, all open at the same time."""
    question = "select count(*), md5(string_agg(table_name, ',' order by table_name)) from meta.publish"
    readers = [RemoteVersion(uploaded.place, uploaded.key, uploaded.storage, READER) for _ in range(100)]

    def opened(version: RemoteVersion) -> Iterator[object]:
        with open_published(version) as connection:
            connection.execute("select 1")
            yield None
            yield connection.execute(question).fetchall()

    with ThreadPoolExecutor(20) as pool:
        sessions = list(map(opened, readers))
        list(pool.map(next, sessions))
        answers = list(pool.map(next, sessions))
        for session in sessions:
            session.close()  # type: ignore[attr-defined]
    assert len({str(answer) for answer in answers}) == 1
    assert len(answers) == 100


ALONE = """
import sys, tempfile
from pathlib import Path
from marketflows_pipeline.object_storage.pointer import published_key
from marketflows_pipeline.settings.object_storage import ObjectPlace
from marketflows_pipeline.warehouse.remote import RemoteVersion
from marketflows_pipeline_tests.cluster.publishing import publisher
from marketflows_pipeline_tests.published_answers import query_rows
from marketflows_pipeline_tests.services.seaweedfs import READER, started
folder = Path(sys.argv[1])
server, place = started(folder / "weed"), ObjectPlace("lake", "alone")
try:
    (folder / "run").mkdir()
    with publisher(folder / "run", server, place) as publishing:
        print(publishing.publish_and_upload())
    key = published_key(server.objects(place, READER))
    print(query_rows(RemoteVersion(place, key, server.storage, READER), "select 'answered' from meta.publish").rows[0])
finally:
    server.kill()
"""


def test_nothing_outside_is_asked_for_anything(uploaded: RemoteVersion, tmp_path: Path) -> None:
    """In a network of its own with nothing but the loopback, an upload and a reader do all that they do elsewhere."""
    alone = ["unshare", "--net", "--map-root-user"]
    if subprocess.run([*alone, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody make a network namespace")
    script = f'ip link set lo up && exec {json.dumps(sys.executable)} -c "$0" "$1"'
    done = subprocess.run(
        [*alone, "sh", "-c", script, ALONE, str(tmp_path)], capture_output=True, text=True, check=False, timeout=300
    )
    assert "answered" in done.stdout, done.stderr[-2000:]
    assert "'uploaded'" in done.stdout
