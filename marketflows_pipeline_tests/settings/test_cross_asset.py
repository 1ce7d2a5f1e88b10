"""The rules of [cross_asset], one test each."""

from __future__ import annotations

from collections import Counter
from datetime import date

import pytest

from marketflows_pipeline.providers.fund_issuers.issuers import ISSUERS
from marketflows_pipeline.report.credits import SERVICES
from marketflows_pipeline.settings.universe import DEFAULT_UNIVERSE, FUND_ISSUERS
from marketflows_pipeline.transforms.cross_asset.share_sources import SHARE_SOURCES
from marketflows_pipeline_tests.settings.conftest import Faults, Load

TABLE = "[cross_asset]\n"
ASSET = """[[cross_asset.universe]]
symbol = "{symbol}"
name = "{symbol} fund"
class = "equity"
provider_symbol = "{symbol}"
"""
TWO = ASSET.format(symbol="AAA") + ASSET.format(symbol="BBB")


def test_without_the_table_there_is_no_such_part(load: Load) -> None:
    assert load("").cross_asset is None


def test_an_empty_table_takes_the_default_universe(load: Load) -> None:
    settings = load(TABLE).cross_asset
    assert settings is not None
    assert settings.symbols == ("SPY", "QQQ", "IWM", "DIA", "GLD", "SLV", "TLT", "HYG", "IBIT", "BTC", "ETH")
    assert settings.windows == (1, 5, 21, 63)
    assert settings.start == date(2005, 1, 3)


def test_a_universe_of_the_users_replaces_the_default_one(load: Load) -> None:
    settings = load(TABLE + 'benchmark = "AAA"\n' + TWO).cross_asset
    assert settings is not None
    assert settings.symbols == ("AAA", "BBB")
    assert settings.universe[0].asset_class == "equity"
    assert settings.universe[0].share_source == "none"


def test_a_symbol_may_stand_once(faults: Faults) -> None:
    (line,) = faults(ASSET.format(symbol="AAA") * 2)
    assert line.startswith("config.toml: cross_asset.universe = ")
    assert line.endswith("expected each symbol once; AAA is there twice")


def test_symbols_that_differ_by_case_only_are_one_asset(faults: Faults) -> None:
    """Their pictures and files are one on Windows and macOS."""
    (line,) = faults(ASSET.format(symbol="AAA") + ASSET.format(symbol="aaa"))
    assert line.endswith("expected symbols that differ by more than upper and lower case")


@pytest.mark.parametrize(
    ("written", "ending"),
    [
        ('benchmark = "spy"', "did you mean SPY?"),
        ('ratio_pairs = [["hyg", "TLT"]]', "did you mean HYG?"),
        ('ratio_pairs = [["HGY", "tlt"]]', "did you mean HYG and TLT?"),
    ],
)
def test_a_symbol_in_another_case_or_with_a_slip_is_told_the_one_that_is_meant(
    faults: Faults, written: str, ending: str
) -> None:
    """The whole universe was listed, and the eye had to find what differs."""
    (line,) = faults(TABLE + written)
    assert line.endswith(ending)


@pytest.mark.parametrize("written", ["Bitcoin", "bitcion", "bit-coin"])
def test_a_coin_whose_supply_is_wanted_is_written_as_the_market_cap_part_writes_it(
    faults: Faults, written: str
) -> None:
    """Of `Bitcoin` no supply is stored, so its flows were empty for good without a word."""
    (line,) = faults(TWO + f'share_source = "supply"\nshare_id = "{written}"')
    assert line.endswith(f"expected share_id 'bitcoin', as [providers.coingecko] writes it, not '{written}'")


def test_a_coin_of_the_ranges_may_have_its_supply_wanted(load: Load) -> None:
    """Coins above the lowest limit are followed too, which no list of the settings names."""
    assert load(TWO + 'share_source = "supply"\nshare_id = "dogecoin"').cross_asset is not None


def test_a_misspelt_key_of_an_asset_is_told_the_nearest(faults: Faults) -> None:
    lines = faults(TWO + 'clas = "metal"')
    assert any("cross_asset.universe[1].clas" in line and "did you mean class?" in line for line in lines)


def test_a_missing_key_of_an_asset_is_named(faults: Faults) -> None:
    lines = faults(TWO.replace('name = "AAA fund"\n', ""))
    assert lines[0].startswith("config.toml: cross_asset.universe[0].name")
    assert lines[0].endswith("expected this key")


def test_shares_of_an_issuer_need_its_id(faults: Faults) -> None:
    (line,) = faults(TWO + 'share_source = "blackrock"')
    assert 'expected share_id beside share_source = "blackrock"' in line


@pytest.mark.parametrize(
    ("source", "share_id", "expectation"),
    [
        ("invesco", "", 'expected share_id beside share_source = "invesco"'),
        ("invesco", "QQQ", "expected share_id to be a CUSIP such as 46090E103"),
        ("blackrock", "IBIT", "expected share_id to be a portfolio id such as 239710"),
        ("grayscale", "", "expected share_id to be GBTC, BTC, ETHE, ETH or the UUID of a workbook"),
        ("grayscale", "GDLC", "expected share_id to be GBTC, BTC, ETHE, ETH or the UUID of a workbook"),
        ("vaneck", "ETHV", "expected share_id to be HODL or a fund's name in vaneck.com's addresses"),
    ],
)
def test_an_id_that_no_fund_of_the_issuer_can_have_is_refused(
    faults: Faults, source: str, share_id: str, expectation: str
) -> None:
    (line,) = faults(TWO + f'share_source = "{source}"\nshare_id = "{share_id}"')
    assert line.startswith("config.toml: cross_asset.universe[1] = ")
    assert expectation in line


@pytest.mark.parametrize(
    ("source", "share_id"),
    [
        ("invesco", "46138g649"),
        ("grayscale", "ethe"),
        ("grayscale", "672E88C7-dac6-4fcd-9069-18eef01a2c73"),
        ("vaneck", "hodl"),
        ("vaneck", "ethereum-etf-ethv"),
        ("twentyone_shares", ""),
        ("blackrock", "337614"),
    ],
)
def test_ids_and_tickers_of_funds_are_taken_in_any_case(load: Load, source: str, share_id: str) -> None:
    assert load(TWO + f'share_source = "{source}"\nshare_id = "{share_id}"').cross_asset is not None


def test_qqq_has_an_issuer(load: Load) -> None:
    """Its flow was unknown for good, though its issuer shows a count a day."""
    settings = load(TABLE).cross_asset
    assert settings is not None
    qqq = next(asset for asset in settings.universe if asset.symbol == "QQQ")
    assert (qqq.share_source, qqq.share_id, qqq.is_coin) == ("invesco", "46090E103", False)


def test_every_issuer_of_the_settings_has_an_address_and_a_client(load: Load) -> None:
    assert {issuer.name for issuer in ISSUERS} == set(FUND_ISSUERS)
    assert set(FUND_ISSUERS) <= set(type(load("").providers).model_fields)
    assert set(FUND_ISSUERS) <= {*SERVICES} & {*SHARE_SOURCES}


def test_a_folder_is_needed_where_it_is_a_provider(faults: Faults) -> None:
    (line,) = faults(TABLE + 'providers = ["folder"]')
    assert line.startswith("config.toml: cross_asset.folder")


@pytest.mark.parametrize(
    ("key", "written"),
    [
        ("windows", "[]"),
        ("windows", "[0]"),
        ("rolling_windows", "[4]"),
        ("risk_on_below", "1.5"),
        ("risk_off_above", "0.2"),
        ("confirm_sessions", "0"),
        ("start", '"yesterday"'),
        ("providers", '["stooq"]'),
        ("benchmark", '"XYZ"'),
        ("ratio_pairs", '[["HYG", "XYZ"]]'),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_by_its_name(faults: Faults, key: str, written: str) -> None:
    (line,) = faults(TABLE + f"{key} = {written}")
    assert line.startswith(f"config.toml: cross_asset.{key}")


@pytest.mark.parametrize("name", ["a\\u001b[2J", "a\u202e", "a\\nb", "x" * 101, "two  blanks"])
@pytest.mark.parametrize("key", ["name", "share_id"])
def test_a_name_of_the_users_can_be_shown_in_one_line(faults: Faults, key: str, name: str) -> None:
    """An escape sequence in a settings file, copied from elsewhere, would reach every table and picture."""
    table = TWO.replace('name = "BBB fund"', f'name = "{name}"') if key == "name" else f'{TWO}share_id = "{name}"'
    (line,) = faults(table)

    assert line.startswith(f"config.toml: cross_asset.universe[1].{key}")
    assert line.endswith("expected a name of at most 100 characters in one line, without control characters")


def test_an_asset_may_say_how_far_its_counts_follow_the_orders(load: Load) -> None:
    settings = load(TABLE + TWO + 'share_lag_sessions = 1\nlag_basis = "measured"\n').cross_asset
    assert settings is not None
    assert [(asset.share_lag_sessions, asset.lag_basis) for asset in settings.universe] == [
        (None, None),
        (1, "measured"),
    ]


@pytest.mark.parametrize("written", ["-1", "6", "0.5", "1e300", "9" * 30, "true", '"1"', "[1]"])
def test_a_lag_is_a_few_sessions(faults: Faults, written: str) -> None:
    (line,) = faults(TABLE + TWO + f"share_lag_sessions = {written}\n")
    assert line.startswith("config.toml: cross_asset.universe[1].share_lag_sessions")
    assert "expected " in line


@pytest.mark.parametrize(
    ("lines", "expectation"),
    [
        ('lag_basis = "measured"\n', "expected share_lag_sessions beside lag_basis"),
        (
            'share_lag_sessions = 1\nlag_basis = "unknown"\n',
            "expected share_lag_sessions = 0 where lag_basis is unknown",
        ),
        ('share_lag_sessions = 1\nlag_basis = "guessed"\n', "expected"),
    ],
)
def test_a_lag_says_how_it_is_known(faults: Faults, lines: str, expectation: str) -> None:
    (line,) = faults(TABLE + TWO + lines)
    assert expectation in line


def test_the_default_preset_is_the_default_universe(load: Load) -> None:
    plain, preset = load(TABLE).cross_asset, load(TABLE + 'universe_preset = "default"').cross_asset
    assert plain is not None
    assert preset is not None
    assert preset.universe == plain.universe == DEFAULT_UNIVERSE
    assert {asset.group for asset in plain.universe} == {None}, "no figure of the default universe changes"


def test_the_wide_universe_has_groups_and_holds_all_of_the_default_one(load: Load) -> None:
    settings = load(TABLE + 'universe_preset = "wide"').cross_asset
    assert settings is not None
    assert set(settings.symbols) > {asset.symbol for asset in DEFAULT_UNIVERSE}
    assert settings.benchmark == "SPY"
    groups = Counter(asset.group for asset in settings.universe)
    assert groups["sector"] == 11
    assert groups["spot crypto funds: bitcoin"] == 11
    by_symbol = {asset.symbol: asset for asset in settings.universe}
    assert by_symbol["SHY"].share_source == "none", "no product id of it is known"


def test_funds_that_hold_coins_are_no_coins_whatever_is_known_of_their_shares(load: Load) -> None:
    """Fidelity's fund, of which no shares are had, would have been taken for one that trades on weekends."""
    settings = load(TABLE + 'universe_preset = "wide"').cross_asset
    assert settings is not None
    assert {asset.symbol for asset in settings.universe if asset.is_coin} == {"BTC", "ETH"}


def test_grayscales_small_trusts_do_not_collide_with_the_coins(load: Load) -> None:
    """The exchange calls them BTC and ETH."""
    settings = load(TABLE + 'universe_preset = "wide"').cross_asset
    assert settings is not None
    quoted = {asset.symbol: asset.provider_symbol for asset in settings.universe}
    assert (quoted["BTC"], quoted["BTC-MINI"], quoted["ETH"], quoted["ETH-MINI"]) == (
        "BTC-USD", "BTC", "ETH-USD", "ETH",
    )  # fmt: skip
    assert len(set(quoted.values())) == len(quoted)


@pytest.mark.parametrize("preset", ["wide", "default"])
def test_a_universe_of_the_users_and_a_preset_contradict_each_other(faults: Faults, preset: str) -> None:
    (line,) = faults(f'{TABLE}universe_preset = "{preset}"\n{TWO}')
    assert line.startswith("config.toml: cross_asset.universe = ")
    assert line.endswith(f'expected either these assets or universe_preset = "{preset}", not both')


def test_an_unknown_preset_is_told_those_that_there_are(faults: Faults) -> None:
    (line,) = faults(TABLE + 'universe_preset = "huge"')
    assert "'default' or 'wide'" in line


def test_reference_series_are_off_unless_the_universe_is_wide_or_they_are_named(load: Load) -> None:
    wide = 'universe_preset = "wide"\n'
    written = ["", wide, 'reference_series = ["DGS10"]', f"{wide}reference_series = []"]
    found = [load(TABLE + each).cross_asset for each in written]
    assert [each and each.reference_series for each in found] == [
        (), ("DTWEXBGS", "DGS2", "DGS10", "T10Y2Y", "BAMLH0A0HYM2"), ("DGS10",), (),
    ]  # fmt: skip


def test_a_reference_series_is_no_symbol_of_the_universe(faults: Faults) -> None:
    """Its row of correlations would be that of both."""
    (line,) = faults(f'{TABLE}reference_series = ["DGS2"]\n' + ASSET.format(symbol="DGS2") + ASSET.format(symbol="BBB"))
    assert line.endswith("expected series that are no symbols of the universe, not DGS2")
