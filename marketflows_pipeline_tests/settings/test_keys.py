"""API keys: where they are read from, which addresses they are sent to, and that no message repeats them."""

from __future__ import annotations

from pathlib import Path

import pytest

from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.settings import Settings, keys, load_settings
from marketflows_pipeline_tests.settings.conftest import Faults, Load, Warnings

SECRETS = '[coingecko]\napi_key = "CG-from-file"'


def _key(settings: Settings) -> str | None:
    key = settings.secrets.coingecko_api_key
    return None if key is None else key.get_secret_value()


def test_the_key_comes_from_the_secrets_file(load: Load) -> None:
    assert _key(load("", SECRETS, {})) == "CG-from-file"


def test_the_environment_wins_over_the_file(load: Load) -> None:
    assert _key(load("", SECRETS, {"COINGECKO_API_KEY": " CG-from-environment\n"})) == "CG-from-environment"


def test_a_key_that_a_plan_without_one_does_not_use_is_in_no_message(faults: Faults) -> None:
    misplaced = '[providers.coingecko]\nplan = "keyless"\n[cross_asset]\nfolder = "open-sesame"'
    (fault,) = faults(misplaced, '[coingecko]\napi_key = "open-sesame"', {})
    assert "cross_asset.folder" in fault
    assert "sesame" not in fault


def test_an_empty_variable_is_no_key(load: Load) -> None:
    assert _key(load("", SECRETS, {"COINGECKO_API_KEY": "  "})) == "CG-from-file"


def test_a_key_means_the_demo_plan_unless_told_otherwise(load: Load) -> None:
    assert load("", SECRETS, {}).providers.coingecko.plan == "demo"


def test_without_a_key_the_error_says_every_way_on(faults: Faults) -> None:
    with_key, without_key, offline = faults("", None, {})
    assert with_key.startswith("secrets.toml: [coingecko] api_key is missing")
    for way in ("COINGECKO_API_KEY", "https://www.coingecko.com/en/api/pricing", 'plan = "keyless"'):
        assert way in with_key
    assert "marketflows --provider coinpaprika" in without_key
    assert "marketflows --tutorial" in offline


def test_without_a_config_file_the_error_says_the_same_ways(tmp_path: Path) -> None:
    with pytest.raises(UserInputError) as raised:
        load_settings(tmp_path / "config.toml", None, {})
    with_key, without_key, offline = str(raised.value).splitlines()
    assert "config.toml: no such file" in with_key
    assert "--provider coingecko" in with_key
    assert "--provider coinpaprika" in without_key
    assert "--tutorial" in offline


def test_a_named_provider_needs_no_config_file(tmp_path: Path) -> None:
    settings = load_settings(tmp_path / "config.toml", None, {}, provider="coinpaprika")
    assert (settings.provider, settings.source.plan) == ("coinpaprika", "free")
    assert settings.warehouse.path == tmp_path / ".marketflows/warehouse.duckdb"
    with pytest.raises(UserInputError, match=r"my\.toml: no such file"):
        load_settings(tmp_path / "my.toml", None, {}, provider="coinpaprika")


def test_a_named_provider_stands_in_for_that_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('provider = "coingecko"\n[providers.coinpaprika]\ndays = 120\n')
    settings = load_settings(tmp_path / "config.toml", None, {}, provider="coinpaprika")
    assert (settings.provider, settings.source.days) == ("coinpaprika", 120)


PAPRIKA = 'provider = "coinpaprika"\n[providers.coinpaprika]\nplan = "starter"'


def test_each_provider_has_a_key_of_its_own(load: Load, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from-key-file\n")
    secrets = '[coinpaprika]\napi_key = "from-file"'
    for environ, expected in (
        ({"COINGECKO_API_KEY": "CG-1"}, "from-file"),
        ({"COINPAPRIKA_API_KEY": "from-environment"}, "from-environment"),
        ({"COINPAPRIKA_API_KEY_FILE": str(tmp_path / "key")}, "from-key-file"),
    ):
        key = load(PAPRIKA, secrets, environ).secrets.of("coinpaprika")
        assert key is not None
        assert key.get_secret_value() == expected
        assert expected not in repr(load(PAPRIKA, secrets, environ))


def test_a_plan_with_a_key_says_what_is_missing(faults: Faults) -> None:
    fault, *_ = faults(PAPRIKA, None, {"COINGECKO_API_KEY": "CG-1"})
    assert fault.startswith("secrets.toml: [coinpaprika] api_key is missing, and so are COINPAPRIKA_API_KEY and")
    assert 'plan = "free" under [providers.coinpaprika]' in fault


@pytest.mark.parametrize(
    ("secrets", "environ", "place"),
    [
        ("[coinpaprika]\napi_key = 5", {}, "coinpaprika.api_key = (not shown): expected the key"),
        ('[coinpaprica]\napi_key = "canary"', {}, "did you mean coinpaprika?"),
        ("", {"COINPAPRIKA_API_KEY": "two canary"}, "COINPAPRIKA_API_KEY = (not shown): expected"),
        ("", {"COINPAPRIKA_API_KEY": "canary-1", "COINPAPRIKA_API_KEY_FILE": "/b"}, "both COINPAPRIKA_API_KEY and"),
    ],
)
def test_its_faults_are_named_as_unseen(faults: Faults, secrets: str, environ: dict[str, str], place: str) -> None:
    text = "\n".join(faults(PAPRIKA, secrets, environ))
    assert place in text
    assert "canary" not in text


def test_a_key_of_a_second_provider_is_not_sent_in_the_clear(faults: Faults) -> None:
    config = f'{PAPRIKA}\nbase_url = "http://elsewhere.example"'
    (fault,) = faults(config, None, {"COINPAPRIKA_API_KEY": "canary-1"})
    assert fault.startswith("config.toml: providers.coinpaprika.base_url = 'http://elsewhere.example': expected https")


def test_exchanges_are_off_where_their_service_has_neither_key_nor_keyless_plan(load: Load) -> None:
    """They once took the market-cap provider's key, whatever it was."""
    config = 'provider = "coinpaprika"\n[exchanges]\n'
    settings = load(config, None, {})
    assert settings.exchanges is None
    assert settings.no_exchanges.startswith("exchanges are off: their volumes are CoinGecko's")
    for text, environ in (
        (config, {"COINGECKO_API_KEY": "CG-1"}),
        (config + '[providers.coingecko]\nplan = "keyless"\n', {}),
    ):
        settings = load(text, None, environ)
        assert settings.exchanges is not None
        assert settings.no_exchanges == ""


def test_the_keyless_plan_needs_no_key_and_sends_none(load: Load) -> None:
    config = '[providers.coingecko]\nplan = "keyless"'
    assert _key(load(config, None, {})) is None
    assert _key(load(config, SECRETS, {})) is None


def test_the_key_is_in_no_text_of_the_settings(load: Load) -> None:
    settings = load("", SECRETS, {})
    for text in (repr(settings), str(settings), settings.model_dump_json(), repr(settings.secrets), str(settings)):
        assert "from-file" not in text


@pytest.mark.parametrize(
    ("secrets", "place"),
    [
        ("[coingecko]\napi_key = 5", "coingecko.api_key"),
        ('[coingecko]\napi_key = ""', "coingecko.api_key"),
        ('[coingecko]\napi_key = "CG-ab cd"', "coingecko.api_key"),
        ('[coingecko]\napi_key = "CG-é"', "coingecko.api_key"),
        ('[coingecko]\napikey = "CG-abcd"', "coingecko.apikey = (not shown): unknown key; did you mean api_key?"),
        ('[coingeko]\napi_key = "CG-abcd"', "coingeko = (not shown): unknown key; did you mean coingecko?"),
        ('coingecko = "CG-abcd"', "coingecko = (not shown): expected a table: [coingecko]"),
        ('api_key = "CG-abcd"', "api_key = (not shown)"),
        ("[coingecko]\napi_key = CG-abcd", "not valid TOML"),
    ],
)
def test_a_fault_of_the_secrets_file_is_named_without_the_key(faults: Faults, secrets: str, place: str) -> None:
    text = "\n".join(faults("", secrets, {}))
    assert text.startswith("secrets.toml: ")
    assert place in text
    assert "CG-" not in text


def test_a_key_in_the_config_file_is_sent_to_its_place_unseen(faults: Faults) -> None:
    (fault,) = faults('[providers.coingecko]\napi_key = "CG-abcd"')
    assert "put them into secrets.toml" in fault
    assert "CG-" not in fault


@pytest.mark.parametrize(
    "line", ['plan = "CG-abcd"', 'days = "CG-test"', 'base_url = "https://a.example/?x_cg_demo_api_key=abcd"']
)
def test_a_key_in_the_wrong_place_is_not_repeated(faults: Faults, line: str) -> None:
    text = "\n".join(faults(f"[providers.coingecko]\n{line}"))
    assert "abcd" not in text
    assert "CG-" not in text


def test_a_key_known_from_the_environment_is_cut_out_of_every_fault(faults: Faults) -> None:
    (fault,) = faults('provider = "hunter2"', None, {"COINGECKO_API_KEY": "hunter2"})
    assert "hunter2" not in fault


def test_a_variable_that_cannot_be_sent_is_refused_unseen(faults: Faults) -> None:
    (fault,) = faults("", None, {"COINGECKO_API_KEY": "two words"})
    assert fault.startswith("environment: COINGECKO_API_KEY = (not shown): expected")


@pytest.mark.parametrize("table", ["coingecko", "providers.yahoo.more"])
def test_a_table_with_a_key_in_it_is_sent_to_its_place_unseen(faults: Faults, table: str) -> None:
    """What belongs in secrets.toml, pasted into config.toml, was shown with the key in it."""
    (fault,) = faults(f'[{table}]\napi_key = "sEkReTcAnArY0123456789"')
    assert (
        fault == f"config.toml: {table} = {{…}}: keys do not belong in this file: put them into secrets.toml or the "
        "environment"
    )


def test_a_key_of_any_service_is_not_repeated(faults: Faults) -> None:
    key = "sEkReTcAnArY0123456789"
    for config in (f"{key} = 1", f"[{key}]", f"[{key}]\n[{key}]", f'provider = "{key}"'):
        assert key not in "\n".join(faults(config))
    assert key not in "\n".join(faults("", None, {"COINGECKO_API_KEY_FILE": key}))


@pytest.mark.parametrize(
    "secrets",
    [
        'CG-canary = "x"',
        "[CG-canary]",
        '[coingecko]\nCG-canary = ""',
        '[coingecko]\n"CG-canary" = 1',
        "[coingecko]\ncanary0123456789abcdef = 1",
        '[coingecko]\napi_key = "CG-canary',
        '[coingecko]\napi_key = "a"\napi_key = "CG-canary"',
        "CG-canary = 1\nCG-canary = 1",
        "[CG-canary]\n[CG-canary]",
        'api_key = "CG-canary"',
    ],
)
def test_a_key_written_as_a_name_is_not_repeated(faults: Faults, secrets: str) -> None:
    """A key on the left of the equals sign once stood in the error, and with it in the log."""
    for text in faults("", secrets, {}):
        assert text.startswith("secrets.toml: ")
        assert "canary" not in text


@pytest.mark.parametrize(
    "config",
    [
        "CG-canary-1 = 1",
        "[providers.coingecko]\nCG-canary-1 = 1",
        "[CG-canary-1.a]\nb = 1",
        "[providers.coingecko.asset_groups]\nCG-canary-1 = 5",
        "CG-canary-1 = 1\nCG-canary-1 = 1",
        "[analysis]\nsmoothing_ema = {CG-canary-1 = 5}",
    ],
)
def test_nor_where_it_is_a_name_in_the_config_file(faults: Faults, config: str) -> None:
    assert "canary" not in "\n".join(faults(config))


def test_the_key_comes_from_a_file_that_holds_nothing_else(load: Load, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("CG-from-key-file\n")
    assert _key(load("", SECRETS, {"COINGECKO_API_KEY_FILE": str(tmp_path / "key")})) == "CG-from-key-file"


def test_an_empty_key_file_is_no_key(load: Load, tmp_path: Path) -> None:
    """An installation that asks nothing that needs a key has an empty secret, because it can't have none."""
    (tmp_path / "key").write_text("\n")
    assert _key(load("", SECRETS, {"COINGECKO_API_KEY_FILE": str(tmp_path / "key")})) == "CG-from-file"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"CG-canary 1", "expected a file with nothing but the key, on one line and without spaces"),
        (b"CG-canary\nCG-canary", "on one line"),
        (b"CG-canary\xff", "no UTF-8 text"),
        (b"CG-canary" * 1000, "more than 4,096 bytes"),
    ],
)
def test_a_key_file_with_anything_else_is_refused_unseen(
    faults: Faults, tmp_path: Path, content: bytes, said: str
) -> None:
    (tmp_path / "key").write_bytes(content)
    (fault,) = faults("", None, {"COINGECKO_API_KEY_FILE": str(tmp_path / "key")})
    assert fault.startswith("environment: COINGECKO_API_KEY_FILE = ")
    assert said in fault
    assert "canary" not in fault


def test_a_key_file_that_is_not_there_is_named(faults: Faults, tmp_path: Path) -> None:
    (fault,) = faults("", None, {"COINGECKO_API_KEY_FILE": str(tmp_path / "key")})
    assert fault == "environment: COINGECKO_API_KEY_FILE = 'key': no such file"


def test_a_key_in_place_of_the_file_with_it_is_not_repeated(faults: Faults) -> None:
    (fault,) = faults("", None, {"COINGECKO_API_KEY_FILE": "CG-canary"})
    assert "canary" not in fault


def test_two_keys_in_the_environment_are_one_too_many(faults: Faults, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("CG-one")
    (fault,) = faults("", None, {"COINGECKO_API_KEY": "CG-two", "COINGECKO_API_KEY_FILE": str(tmp_path / "key")})
    assert fault == ("environment: both COINGECKO_API_KEY and COINGECKO_API_KEY_FILE are set: expected one of them")


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o622])
@pytest.mark.parametrize("name", ["secrets.toml", "key"])
def test_a_file_with_a_key_that_others_may_open_is_warned_of(
    load: Load, warnings: Warnings, tmp_path: Path, name: str, mode: int
) -> None:
    """A secrets.toml that every user of the machine could read was once used without a word."""
    environ = {"COINGECKO_API_KEY_FILE": str(tmp_path / name)} if name == "key" else {}
    (tmp_path / name).write_text(SECRETS if name == "secrets.toml" else "CG-one")
    (tmp_path / name).chmod(mode)
    (said,) = warnings(load("", None, environ), environ)
    assert said.startswith(f"{tmp_path / name} holds a key, and other users of this machine may open it")
    assert said.endswith(f"(mode {mode:o}): chmod 600 {tmp_path / name}")


def test_a_file_of_the_user_alone_or_one_that_is_not_used_is_not(
    load: Load, warnings: Warnings, tmp_path: Path
) -> None:
    (tmp_path / "secrets.toml").write_text(SECRETS)
    (tmp_path / "secrets.toml").chmod(0o600)
    assert warnings(load("", None, {}), {}) == []
    (tmp_path / "secrets.toml").chmod(0o644)
    environ = {"COINGECKO_API_KEY": "CG-test"}
    assert warnings(load("", None, environ), environ) == []


def test_nor_is_a_secret_of_a_container(
    load: Load, warnings: Warnings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Compose mounts its secrets for everybody to read, and nobody else is there."""
    monkeypatch.setattr(keys, "_CONTAINER_SECRETS", tmp_path)
    (tmp_path / "key").write_text("CG-one")
    (tmp_path / "key").chmod(0o644)
    environ = {"COINGECKO_API_KEY_FILE": str(tmp_path / "key")}
    assert warnings(load("", None, environ), environ) == []


@pytest.mark.parametrize(
    "address",
    [
        "http://elsewhere.example",
        "HTTP://elsewhere.example/api/v3",
        "http://api.coingecko.com/api/v3",
        "http://localhost.elsewhere.example",
        "http://127.0.0.1.elsewhere.example:8000",
        "http://10.0.0.1",
        "http://0.0.0.0:8000",
        "http://[::2]:8000",
        "http://2130706433",
    ],
)
@pytest.mark.parametrize("plan", ["demo", "pro"])
def test_a_key_is_not_sent_in_the_clear(faults: Faults, address: str, plan: str) -> None:
    """A base_url with http:// once sent the key for everybody on the way to read."""
    (fault,) = faults(f'[providers.coingecko]\nplan = "{plan}"\nbase_url = "{address}"')
    assert fault.startswith(f"config.toml: providers.coingecko.base_url = '{address}': expected https://")


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1:8000", "[::1]:8000", "127.8.8.8", "LOCALHOST"])
def test_this_machine_may_be_asked_without_encryption(load: Load, host: str) -> None:
    assert load(f'[providers.coingecko]\nbase_url = "http://{host}"').providers.coingecko.base_url == f"http://{host}"


def test_without_a_key_there_is_nothing_to_protect(load: Load) -> None:
    assert load('[providers.coingecko]\nplan = "keyless"\nbase_url = "http://elsewhere.example"')


@pytest.mark.parametrize(
    ("config", "own"),
    [
        (
            'base_url = "https://elsewhere.example/api"',
            "elsewhere.example, which is not api.coingecko.com, the host of",
        ),
        (
            'plan = "pro"\nbase_url = "https://api.coingecko.com/api/v3"',
            "not pro-api.coingecko.com, the host of plan pro",
        ),
        ('base_url = "https://api.coingecko.com.elsewhere.example"', "the key is sent to api.coingecko.com.elsewhere"),
    ],
)
def test_another_host_than_the_plans_is_warned_of(load: Load, warnings: Warnings, config: str, own: str) -> None:
    (said,) = warnings(load(f"[providers.coingecko]\n{config}"))
    assert own in said


@pytest.mark.parametrize("plan", ["demo", "pro"])
def test_the_plans_own_host_is_not(load: Load, warnings: Warnings, plan: str) -> None:
    assert warnings(load(f'[providers.coingecko]\nplan = "{plan}"')) == []


def test_a_key_that_the_plan_does_not_use_is_warned_of(load: Load, warnings: Warnings) -> None:
    settings = load('[providers.coingecko]\nplan = "keyless"')
    (said,) = warnings(settings)
    assert said.startswith("providers.coingecko.plan: the key for CoinGecko is not used")
    assert "CG-test" not in said
    assert warnings(settings, {}) == []
