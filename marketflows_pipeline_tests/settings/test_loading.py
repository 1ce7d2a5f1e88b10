"""Files, precedence and the words of errors."""

from __future__ import annotations

from pathlib import Path

import pytest

from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.settings import Settings, load_settings
from marketflows_pipeline_tests.settings.conftest import Faults, Load

SECRETS = '[coingecko]\napi_key = "CG-from-file"'


def _key(settings: Settings) -> str | None:
    key = settings.secrets.coingecko_api_key
    return None if key is None else key.get_secret_value()


def test_the_key_comes_from_the_secrets_file(load: Load) -> None:
    assert _key(load("", SECRETS, {})) == "CG-from-file"


def test_the_environment_wins_over_the_file(load: Load) -> None:
    assert _key(load("", SECRETS, {"COINGECKO_API_KEY": " CG-from-environment\n"})) == "CG-from-environment"


def test_an_empty_variable_is_no_key(load: Load) -> None:
    assert _key(load("", SECRETS, {"COINGECKO_API_KEY": "  "})) == "CG-from-file"


def test_a_key_means_the_demo_plan_unless_told_otherwise(load: Load) -> None:
    assert load("", SECRETS, {}).providers.coingecko.plan == "demo"


def test_without_a_key_the_error_says_every_way_on(faults: Faults) -> None:
    (fault,) = faults("", None, {})
    assert fault.startswith("secrets.toml: [coingecko] api_key is missing")
    for way in ("COINGECKO_API_KEY", "https://www.coingecko.com/en/api/pricing", 'plan = "keyless"', "--tutorial"):
        assert way in fault


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


@pytest.mark.parametrize(
    ("config", "suggestion"),
    [
        ("[providers.coingecko]\ndayz = 5", "providers.coingecko.dayz = 5: unknown key; did you mean days?"),
        ("[anlysis]", "anlysis = {}: unknown key; did you mean analysis?"),
        ("[plots]\nema_periods = [5]", "plots.ema_periods = [5]: unknown key here; it belongs in [analysis]"),
        ("dayz = 5", "dayz = 5: unknown key; did you mean days in [providers.coingecko]?"),
        ("[plots]\nzzz = 1", "plots.zzz = 1: unknown key; known here: hours_ago, scale"),
        (
            "[providers.kraken]",
            "providers.kraken = {}: unknown key; known here: coingecko, defillama, yahoo, cboe, fred, ssga, blackrock, "
            "spdr_gold",
        ),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_known_one(faults: Faults, config: str, suggestion: str) -> None:
    assert faults(config) == [f"config.toml: {suggestion}"]


def test_all_faults_of_both_files_come_at_once(faults: Faults) -> None:
    found = faults(
        """
        provider = "gecko"
        colour = "red"
        [providers.coingecko]
        days = "many"
        flow_types = ["market_cap_ranges", "narrative"]
        range_lower_limits = []
        [analysis]
        diff_orders = [3]
        smoothing_ema = 0
        [plots]
        hours_ago = []
        """,
        "[coingecko]\nkey = 1",
        {},
    )
    places = [fault.split(" = ")[0] for fault in found]
    assert places == [
        "secrets.toml: coingecko.key",
        "config.toml: provider",
        "config.toml: providers.coingecko.days",
        "config.toml: providers.coingecko.flow_types[1]",
        "config.toml: providers.coingecko.range_lower_limits",
        "config.toml: analysis.diff_orders",
        "config.toml: analysis.smoothing_ema",
        "config.toml: plots.hours_ago",
        "config.toml: colour",
    ]


def test_a_table_that_is_no_table_is_refused(faults: Faults) -> None:
    assert faults("analysis = 5") == ["config.toml: analysis = 5: expected a table"]
    assert faults("providers = 5") == ["config.toml: providers = 5: expected a table"]
    assert faults("[providers]\ncoingecko = 5") == ["config.toml: providers.coingecko = 5: expected a table"]
    assert faults("warehouse = 5") == ["config.toml: warehouse = 5: expected a table"]


def test_a_long_value_is_cut(faults: Faults) -> None:
    (fault,) = faults(f'provider = "{"x" * 1000}"')
    assert len(fault) < 150


def test_a_slip_of_toml_names_the_line(faults: Faults) -> None:
    (fault,) = faults('provider = "coingecko"\n[plots\n')
    assert fault.startswith("config.toml: not valid TOML: ")
    assert "line 2" in fault


def test_a_number_too_long_for_toml_is_a_fault_of_the_file(faults: Faults) -> None:
    assert faults(f"[plots]\nscale = {'9' * 5000}")[0].startswith("config.toml: not valid TOML: ")


def test_a_missing_config_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserInputError, match=r"nowhere\.toml: no such file.*--tutorial"):
        load_settings(tmp_path / "nowhere.toml", None, {"COINGECKO_API_KEY": "CG-test"})


def test_a_folder_in_place_of_a_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserInputError, match=r"cannot be read: Is a directory"):
        load_settings(tmp_path, None, {"COINGECKO_API_KEY": "CG-test"})


def test_a_file_that_is_not_utf8_is_named_with_the_line(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_bytes(b'provider = "coingecko"\n# caf\xe9\n')
    with pytest.raises(UserInputError, match=r"config\.toml: expected UTF-8 text \(at line 2\)"):
        load_settings(tmp_path / "config.toml", None, {"COINGECKO_API_KEY": "CG-test"})


def test_a_file_with_a_byte_order_mark_and_windows_line_ends_is_read(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_bytes(b"\xef\xbb\xbf[plots]\r\nscale = 3\r\n")
    settings = load_settings(tmp_path / "config.toml", None, {"COINGECKO_API_KEY": "CG-test"})
    assert settings.plots.scale == 3


def test_settings_made_in_code_obey_the_same_rules() -> None:
    settings = Settings.model_validate({"analysis": {"diff_orders": [2]}})
    assert settings.analysis.diff_orders == (0, 1, 2)
    with pytest.raises(ValueError, match="expected orders up to 2"):
        Settings.model_validate({"analysis": {"diff_orders": [3]}})
