"""Settings that are written read back as chosen, whatever the names hold."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.settings import load_settings
from marketflows_pipeline.settings.writing import Choices, config_text, id_map_text, secrets_text
from marketflows_pipeline_tests.hostile_names import HARMLESS_NAMES, HOSTILE_NAMES

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
FULL = Choices(
    "coinpaprika",
    plan="free",
    days=30,
    narratives=("defi", "nft"),
    ranges=(1e9, 2.5e10),
    portfolios={"My Bag": ("btc-bitcoin", "eth-ethereum")},
    names={"btc-bitcoin": "Bitcoin", "defi": "DeFi"},
    exchanges=True,
    exchange_plan="keyless",
    cross_asset=True,
)


def test_only_what_was_chosen_is_written() -> None:
    text = config_text(Choices("coinpaprika"))
    assert tomllib.loads(text) == {"provider": "coinpaprika"}
    assert text.count("\n#") + text.startswith("#") == 2


def test_all_that_can_be_chosen_is_valid_and_read_back(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(config_text(FULL))

    settings = load_settings(config, None, {})

    assert (settings.provider, settings.source.plan, settings.source.days) == ("coinpaprika", "free", 30)
    assert settings.source.narratives == ("defi", "nft")
    assert settings.source.range_lower_limits == (1e9, 2.5e10)
    assert settings.source.asset_groups == {"My Bag": ("btc-bitcoin", "eth-ethereum")}
    assert settings.providers.coingecko.plan == "keyless"
    assert settings.exchanges is not None
    assert settings.cross_asset is not None
    assert "range_lower_limits = [1e9, 2.5e10]" in config.read_text()
    assert '    "btc-bitcoin", # Bitcoin\n' in config.read_text()


def test_a_group_that_is_not_wanted_leaves_its_flow_type_out() -> None:
    written = tomllib.loads(config_text(Choices("coingecko", narratives=(), portfolios={}, ranges=(1e9,))))
    assert written["providers"]["coingecko"] == {"flow_types": ["market_cap_ranges"], "range_lower_limits": [1e9]}


def _portfolios(name: str, coin: str) -> tuple[str, dict[str, Any]]:
    chosen = Choices("coingecko", narratives=(coin,), portfolios={name: (coin,)}, names={coin: name})
    return config_text(chosen), {"narratives": [coin], "asset_groups": {name: [coin]}}


@pytest.mark.parametrize("name", [*HOSTILE_NAMES.values(), *HARMLESS_NAMES])
def test_hostile_names_are_quoted(name: str) -> None:
    name = name.encode("utf-8", "replace").decode()
    text, expected = _portfolios(name, name)
    assert tomllib.loads(text)["providers"]["coingecko"] == expected


@given(NAMES, NAMES)
def test_any_name_is_read_back(name: str, coin: str) -> None:
    text, expected = _portfolios(name, coin)
    assert tomllib.loads(text)["providers"]["coingecko"] == expected


def test_a_key_joins_those_that_are_there() -> None:
    """A second provider's key once took the place of the first one's."""
    before = '# mine\n[coingecko]\napi_key = "CG-old" # demo\n'
    assert tomllib.loads(secrets_text("coingecko", "CG-new")) == {"coingecko": {"api_key": "CG-new"}}

    both = secrets_text("coinpaprika", "k", before)
    assert both.startswith(before)
    assert tomllib.loads(both) == {"coingecko": {"api_key": "CG-old"}, "coinpaprika": {"api_key": "k"}}

    renewed = secrets_text("coingecko", "CG-new", before)
    assert renewed == '# mine\n[coingecko]\napi_key = "CG-new" # demo\n'


def test_the_lines_of_a_map_can_be_pasted_as_they_are(tmp_path: Path) -> None:
    lines = id_map_text(
        "coingecko",
        "coinpaprika",
        {"bitcoin": "btc-bitcoin", "aave": "aave-new"},
        {"Bag": ("bitcoin", "aave", "lost"), "Lost": ("lost",)},
        ("bitcoin",),
        is_checked=True,
    )
    config = tmp_path / "config.toml"
    config.write_text(f'[providers.coingecko]\nplan = "keyless"\n\n{lines}')

    settings = load_settings(config, None, {})

    assert settings.market_caps.cross_check == "coinpaprika"
    assert settings.market_caps.cross_check_ids == {"bitcoin": "btc-bitcoin", "aave": "aave-new"}
    followed = settings.providers.coinpaprika
    assert followed.asset_groups == {"Bag": ("btc-bitcoin", "aave-new")}
    assert followed.coin_bases == ("btc-bitcoin",)
