"""``[providers.folder]``: where the files are, and no account."""

from __future__ import annotations

from pathlib import Path

import pytest

from marketflows_pipeline_tests.settings.conftest import Faults, Load

CHOSEN = 'provider = "folder"\n[providers.folder]\n'


def test_a_folder_needs_no_key_and_groups_nothing_that_the_file_does_not_name(load: Load, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()

    source = load(f'{CHOSEN}path = "own"', environ={}).providers.folder

    assert source.path == tmp_path / "own"
    assert (source.flow_types, source.base_assets) == (("market_cap_ranges",), ("us-dollar",))
    assert (source.narratives, source.asset_groups, source.exclude_categories) == ((), {}, ())
    assert (source.max_age_days, source.is_keyless, source.makes_requests) == (3, True, False)


def test_the_folder_has_to_be_there(faults: Faults) -> None:
    assert faults(CHOSEN) == ["config.toml: providers.folder.path = '': expected the folder with the files"]
    (fault,) = faults(f'{CHOSEN}path = "nowhere"')
    assert fault.startswith("config.toml: providers.folder.path = ")
    assert fault.endswith("nowhere': expected a folder that is there")


def test_a_folder_that_is_not_chosen_need_not_be_there(load: Load) -> None:
    assert load('[providers.folder]\npath = "nowhere"').provider == "coingecko"


@pytest.mark.parametrize("line", ['base_url = "https://example.org"', "calls_per_minute = 5", "monthly_credits = 5"])
def test_a_folder_has_no_account(faults: Faults, line: str) -> None:
    (fault,) = faults(f'{CHOSEN}path = "."\n{line}')
    assert fault.startswith(f"config.toml: providers.folder.{line.partition(' ')[0]} = ")
    assert fault.endswith("expected no such key, since nothing is requested of a folder")


def test_a_narrative_is_asked_for_where_narratives_are(faults: Faults) -> None:
    (fault,) = faults(f'{CHOSEN}path = "."\nflow_types = ["narratives"]')
    assert 'expected at least one folder category slug, because flow_types holds "narratives"' in fault
