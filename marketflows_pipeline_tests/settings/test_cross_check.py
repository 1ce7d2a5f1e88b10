"""``[market_caps]``: a check names another provider, which lets us ask it."""

from __future__ import annotations

from pathlib import Path

import pytest

from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.settings import Settings, load_settings


def load(folder: Path, text: str, **environ: str) -> Settings:
    config = folder / "config.toml"
    config.write_text(text)
    return load_settings(config, None, environ)


KEYLESS = '[providers.coingecko]\nplan = "keyless"\n'


def test_nothing_is_compared_by_default(tmp_path: Path) -> None:
    assert load(tmp_path, KEYLESS).market_caps.cross_check is None


def test_a_second_provider_without_a_key_needs_nothing_more(tmp_path: Path) -> None:
    checked = f'{KEYLESS}[market_caps]\ncross_check = "coinpaprika"\n[market_caps.cross_check_ids]\naave = "aave-new"\n'
    found = load(tmp_path, checked).market_caps
    assert (found.cross_check, dict(found.cross_check_ids)) == ("coinpaprika", {"aave": "aave-new"})


def test_coingecko_checks_only_with_its_own_key(tmp_path: Path) -> None:
    """Its demo plan would refuse the first request; the run would warn of that every day."""
    text = 'provider = "coinpaprika"\n[market_caps]\ncross_check = "coingecko"\n'
    with pytest.raises(UserInputError) as refused:
        load(tmp_path, text)
    assert str(refused.value) == (
        f"{tmp_path}/config.toml: market_caps.cross_check = 'coingecko': expected a key for it (COINGECKO_API_KEY), or "
        'plan = "keyless" under [providers.coingecko], which needs none'
    )

    settings = load(tmp_path, text, COINGECKO_API_KEY="CG-key")
    assert settings.secrets.of("coingecko") is not None
    assert load(tmp_path, f"{text}{KEYLESS}").market_caps.cross_check == "coingecko"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            'cross_check = "coingecko"',
            "market_caps = {…}: expected cross_check to name another provider than `provider`",
        ),
        ('cross_check = "kraken"', "market_caps.cross_check = 'kraken': expected 'coingecko' or 'coinpaprika'"),
        (
            'cross_check_ids = {aave = "aave-new", bridged = "aave-new"}',
            "market_caps.cross_check_ids = {…}: expected each id of the second provider for one coin only",
        ),
        ('cross_check_ids = {aave = ""}', "market_caps.cross_check_ids.aave = '': expected an id of at most"),
    ],
)
def test_a_check_that_cannot_be_is_one_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UserInputError) as refused:
        load(tmp_path, f"{KEYLESS}[market_caps]\n{text}\n")
    assert str(refused.value).startswith(f"{tmp_path}/config.toml: {words}")
    assert "\n" not in str(refused.value)
