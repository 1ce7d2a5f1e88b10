"""The S3 service and uploads: which places are taken, where keys come from, and that no message repeats them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from marketflows_pipeline.settings.object_storage import ObjectPlace, object_place, storage_of
from marketflows_pipeline_tests.settings.conftest import Faults, Load, Warnings

UPLOAD = '[publish]\nupload = "s3://bucket/team/published"\n'
KEYS = {"AWS_ACCESS_KEY_ID": "canary-id-1", "AWS_SECRET_ACCESS_KEY": "canary/secret+1"}
COINGECKO = {"COINGECKO_API_KEY": "CG-test"}


def test_nothing_is_uploaded_and_no_key_read_unless_asked_for(load: Load) -> None:
    settings = load("", None, COINGECKO | KEYS | {"AWS_SECRET_ACCESS_KEY_FILE": "/nowhere"})
    assert settings.publish.place is None
    assert settings.object_keys is None
    assert settings.object_storage is None


def test_the_defaults_are_those_of_the_page(load: Load) -> None:
    publish = load(UPLOAD, None, COINGECKO | KEYS).publish
    assert (publish.raw, publish.keep_versions, publish.keep_hours) == (False, 2, 24)
    assert publish.place == ObjectPlace("bucket", "team/published")


@pytest.mark.parametrize(
    "place",
    [
        "bucket/prefix",
        "s3://bucket",
        "s3://bucket/",
        "s3:///prefix",
        "s3://Bucket/prefix",
        "s3://bucket/../other",
        "s3://bucket/a/./b",
        "s3://bucket/a//b",
        "s3://bucket//a",
        "s3://buc..ket/a",
        "s3://bucket/a?b=c",
        "s3://bucket/a*",
        "s3://bucket/a b",
        "s3://bucket/a'b",
        "s3://user:word@bucket/a",
        "https://bucket/a",
        "s3://bucket/" + "a/" * 400,
    ],
)
def test_a_place_is_a_bucket_and_a_plain_prefix(faults: Faults, place: str) -> None:
    (fault,) = faults(f'[publish]\nupload = "{place}"', None, COINGECKO | KEYS)
    assert fault.startswith("config.toml: publish.upload = ")
    assert "expected s3://bucket/prefix" in fault


@given(st.text(st.sampled_from("abz09AZ._-/=+,@ ?*'\"%\\\0\n"), max_size=20))
def test_no_place_leads_out_of_its_prefix(text: str) -> None:
    try:
        place = object_place(f"s3://bucket/{text}")
    except PydanticCustomError:
        return
    assert place.bucket == "bucket"
    assert not {"", ".", ".."} & set(place.prefix.split("/"))
    assert not set(place.prefix) & set(" ?*'\"%\\\0\n")
    assert object_place(str(place)) == place


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("keep_versions = 1", "expected 2 or more"),
        ("keep_hours = 23", "expected 24 or more"),
        ('raw = "yes"', "expected true or false"),
        ("uplod = 's3://bucket/a'", "did you mean upload?"),
    ],
)
def test_less_than_readers_need_is_refused(faults: Faults, line: str, said: str) -> None:
    (fault,) = faults(f"[publish]\n{line}", None, COINGECKO)
    assert said in fault


@pytest.mark.parametrize("endpoint", ["http://s3.example", "http://10.0.0.1:8333", "ftp://s3.example", "s3.example"])
def test_an_endpoint_is_encrypted(faults: Faults, endpoint: str) -> None:
    (fault,) = faults(f'[object_storage]\nendpoint = "{endpoint}"')
    assert fault.startswith("config.toml: object_storage.endpoint = ")


@pytest.mark.parametrize(
    ("table", "style"),
    [
        ("", "vhost"),
        ('endpoint = "https://s3.example"', "path"),
        ('endpoint = "https://s3.example"\nurl_style = "vhost"', "vhost"),
        ('endpoint = "http://127.0.0.1:8333"', "path"),
        ('endpoint = "http://10.0.0.1:8333"\nallow_http = true', "path"),
    ],
)
def test_an_endpoint_of_ones_own_has_the_bucket_in_its_path(load: Load, table: str, style: str) -> None:
    storage = load(f"[object_storage]\n{table}").object_storage
    assert storage is not None
    assert storage.url_style == style


def test_the_environment_names_a_service_where_no_settings_do(load: Load) -> None:
    storage = storage_of({"AWS_ENDPOINT_URL": "http://127.0.0.1:8333", "AWS_DEFAULT_REGION": "eu-1"}, None)
    assert (storage.endpoint, storage.region, storage.url_style) == ("http://127.0.0.1:8333", "eu-1", "path")
    said = load('[object_storage]\nendpoint = "https://s3.example"').object_storage
    assert storage_of({"AWS_ENDPOINT_URL": "http://127.0.0.1:8333"}, said) is said


@pytest.mark.parametrize("key", list(KEYS))
def test_keys_come_from_environment_file_or_secrets(load: Load, tmp_path: Path, key: str) -> None:
    (tmp_path / "key").write_text(f"{KEYS[key]}\n")
    secrets = f'[object_storage]\nkey_id = "{KEYS["AWS_ACCESS_KEY_ID"]}"\nsecret = "{KEYS["AWS_SECRET_ACCESS_KEY"]}"\n'
    others = {name: value for name, value in KEYS.items() if name != key}
    for environ, written in (
        (KEYS, None),
        (others | {f"{key}_FILE": str(tmp_path / "key")}, None),
        (others, secrets),
        ({}, secrets),
    ):
        keys = load(UPLOAD, written, COINGECKO | environ).object_keys
        assert keys is not None
        assert (keys.key_id.get_secret_value(), keys.secret.get_secret_value()) == tuple(KEYS.values())


def test_no_key_at_all_is_a_service_that_asks_for_none(load: Load) -> None:
    assert load(UPLOAD, None, COINGECKO).object_keys is None


@pytest.mark.parametrize("key", list(KEYS))
def test_one_key_of_two_is_a_fault(faults: Faults, key: str) -> None:
    (fault,) = faults(UPLOAD, None, COINGECKO | {key: KEYS[key]})
    assert "is missing" in fault
    assert "expected both keys of the service, or neither" in fault
    assert "canary" not in fault


@pytest.mark.parametrize(
    ("config", "secrets", "environ"),
    [
        (UPLOAD + 'provider = "canary-id-1"', None, KEYS),
        (UPLOAD, '[object_storage]\nkey_id = 5\nsecret = "canary secret"', {}),
        (UPLOAD, '[object_storage]\nkey = "canary"', {}),
        (UPLOAD, '[object_store]\nsecret = "canary"', {}),
        (UPLOAD, None, KEYS | {"AWS_ACCESS_KEY_ID": "canary id"}),
        ("[object_storage]\nsecret = 'canary'", None, {}),
        ('[object_storage]\nendpoint = "https://canary:word@s3.example"', None, {}),
        ('[publish]\nupload = "s3://canary-id-1:canary/secret+1@bucket/a"', None, KEYS),
    ],
)
def test_no_fault_repeats_a_key(faults: Faults, config: str, secrets: str | None, environ: dict[str, str]) -> None:
    text = "\n".join(faults(config, secrets, COINGECKO | environ))
    assert "canary" not in text


def test_the_keys_are_in_no_text_of_the_settings(load: Load) -> None:
    settings = load(UPLOAD, None, COINGECKO | KEYS | {"AWS_SESSION_TOKEN": "canary-token"})
    assert settings.object_keys is not None
    assert settings.object_keys.token is not None
    for text in (repr(settings), str(settings), settings.model_dump_json(), repr(settings.object_keys)):
        assert "canary" not in text


def test_a_token_belongs_to_the_keys_that_it_was_lent_with(load: Load) -> None:
    """One that was left in the environment would spoil the keys of the file."""
    secrets = '[object_storage]\nkey_id = "a"\nsecret = "b"'
    keys = load(UPLOAD, secrets, COINGECKO | {"AWS_SESSION_TOKEN": "canary-token"}).object_keys
    assert keys is not None
    assert keys.token is None


def test_a_file_with_a_key_that_others_may_open_is_warned_of(load: Load, warnings: Warnings, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("canary")
    (tmp_path / "key").chmod(0o644)
    environ = COINGECKO | {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY_FILE": str(tmp_path / "key")}
    (said,) = warnings(load(UPLOAD, None, environ), environ)
    assert said.startswith(f"{tmp_path / 'key'} holds a key")
