"""Settings files: what is read, and the words of errors."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.settings import Settings, load_settings
from marketflows_pipeline_tests.settings.conftest import Faults


@pytest.mark.parametrize(
    ("config", "suggestion"),
    [
        ("[providers.coingecko]\ndayz = 5", "providers.coingecko.dayz = 5: unknown key; did you mean days?"),
        ("[anlysis]", "anlysis = {}: unknown key; did you mean analysis?"),
        ("[plots]\nema_periods = [5]", "plots.ema_periods = [5]: unknown key here; it belongs in [analysis]"),
        ("dayz = 5", "dayz = 5: unknown key; did you mean days in [providers.coingecko]?"),
        ("[plots]\nzzz = 1", "plots.zzz = 1: unknown key; known here: hours_ago, scale, set, theme, size, watermark"),
        (
            "[providers.kraken]",
            "providers.kraken = {}: unknown key; known here: coingecko, coinpaprika, folder, defillama, yahoo, cboe, "
            "fred, ssga, blackrock, spdr_gold, invesco, grayscale, twentyone_shares, vaneck",
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
    for line, table in (
        ("analysis = 5", "analysis"),
        ("providers = 5", "providers"),
        ("[providers]\ncoingecko = 5", "providers.coingecko"),
        ("warehouse = 5", "warehouse"),
    ):
        words = f"expected a table: [{table}] on a line of its own, its keys below"
        assert faults(line) == [f"config.toml: {table} = 5: {words}"]


def test_a_long_value_is_cut(faults: Faults) -> None:
    (fault,) = faults(f'provider = "{"x" * 1000}"')
    assert len(fault) < 160


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


@pytest.mark.parametrize(
    "nested",
    [
        "a = " + "[" * 100_000,
        "a = " + "[" * 100 + "]" * 100,
        "[" + "a." * 99_999 + "a]",
        "b = 1\n" + "a." * 99_999 + "a = 1",
        "[[" + "a . " * 9_999 + "a]]",
        "[" + "'a'." * 9_999 + "a]",
    ],
)
def test_what_is_nested_beyond_measure_is_one_line(faults: Faults, nested: str) -> None:
    """Tables nested 100,000 deep once ended in a traceback of the parser, and less of them in one of the message."""
    for found in (faults(nested), faults("", nested, {})[:1]):
        assert len(found) == 1
        assert "nested too deeply" in found[0]


def test_a_file_without_an_end_is_not_read_to_it(tmp_path: Path) -> None:
    (tmp_path / "config.toml").symlink_to("/dev/zero")
    with pytest.raises(UserInputError, match=r"config\.toml: expected a plain file, found a pipe or device"):
        load_settings(tmp_path / "config.toml", None, {"COINGECKO_API_KEY": "CG-test"})


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """A FIFO in the place of a settings file once held the program without a word."""
    os.mkfifo(tmp_path / "secrets.toml")
    (tmp_path / "config.toml").write_text("")
    with pytest.raises(UserInputError, match=r"secrets\.toml: expected a plain file"):
        load_settings(tmp_path / "config.toml", tmp_path / "secrets.toml", {})
    with pytest.raises(UserInputError, match=r"COINGECKO_API_KEY_FILE = .*: expected a plain file"):
        load_settings(tmp_path / "config.toml", None, {"COINGECKO_API_KEY_FILE": str(tmp_path / "secrets.toml")})


def test_a_settings_file_beyond_measure_is_refused(faults: Faults) -> None:
    assert faults("# " + "x" * 300_000) == ["config.toml: expected a settings file of at most 262,144 bytes"]


def test_a_number_of_thousands_of_digits_is_one_line(faults: Faults) -> None:
    (fault,) = faults(f"[analysis]\nsmoothing_ema = '1'\ndiff_orders = 0x{'f' * 5000}")[:1]
    assert fault.startswith("config.toml: analysis.")
    assert faults(f"days = 0x{'f' * 5000}")[0].startswith("config.toml: days = (too long to show): ")


@pytest.mark.slow
def test_ever_so_many_faults_are_not_all_told(faults: Faults) -> None:
    found = faults("".join(f"key{number} = 1\n" for number in range(5_000)))
    assert len(found) == 51
    assert found[-1] == "config.toml: and 4,950 more faults"
