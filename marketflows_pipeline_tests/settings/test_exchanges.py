"""The rules of [exchanges], one test each."""

from __future__ import annotations

import pytest

from marketflows_pipeline_tests.settings.conftest import Faults, Load

TABLE = "[exchanges]\n"


def test_without_the_table_there_is_no_such_part(load: Load) -> None:
    assert load("").exchanges is None


def test_an_empty_table_takes_the_defaults(load: Load) -> None:
    exchanges = load(TABLE).exchanges
    assert exchanges is not None
    assert exchanges.top_n == 50
    assert len(exchanges.tracked) == 20
    assert (exchanges.inflow_pct, exchanges.outflow_pct) == (10.0, -10.0)
    assert exchanges.hhi_thresholds == (1000.0, 1800.0)
    assert exchanges.whale_exclude_categories == ("stablecoins", "wrapped-tokens")


def test_an_exchange_named_twice_is_tracked_once(load: Load) -> None:
    exchanges = load(TABLE + 'tracked = ["okex", "kraken", "okex"]').exchanges
    assert exchanges is not None
    assert exchanges.tracked == ("okex", "kraken")


def test_no_exchange_need_be_tracked(load: Load) -> None:
    exchanges = load(TABLE + "tracked = []").exchanges
    assert exchanges is not None
    assert exchanges.tracked == ()


def test_the_thresholds_of_2010_can_be_chosen(load: Load) -> None:
    exchanges = load(TABLE + "hhi_thresholds = [1500, 2500]").exchanges
    assert exchanges is not None
    assert exchanges.hhi_thresholds == (1500.0, 2500.0)


@pytest.mark.parametrize("written", ["[1800, 1000]", "[0, 1800]", "[1000, 10000]"])
def test_thresholds_that_make_no_bands_are_refused(faults: Faults, written: str) -> None:
    (line,) = faults(TABLE + f"hhi_thresholds = {written}")
    assert line.startswith("config.toml: exchanges.hhi_thresholds = ")
    assert line.endswith("expected two ascending numbers between 0 and 10,000, such as [1000, 1800]")


@pytest.mark.parametrize("written", ["[1000]", "1800", '["a", "b"]'])
def test_thresholds_that_are_not_two_numbers_are_refused(faults: Faults, written: str) -> None:
    assert all(
        line.startswith("config.toml: exchanges.hhi_thresholds")
        for line in faults(TABLE + f"hhi_thresholds = {written}")
    )


@pytest.mark.parametrize(
    ("key", "written"),
    [("top_n", "0"), ("inflow_pct", "0"), ("inflow_pct", "-5"), ("outflow_pct", "5"), ("tracked", '[""]')],
)
def test_a_value_that_makes_no_sense_is_refused_by_its_name(faults: Faults, key: str, written: str) -> None:
    (line,) = faults(TABLE + f"{key} = {written}")
    assert line.startswith(f"config.toml: exchanges.{key}")


def test_a_misspelt_key_is_told_the_nearest(faults: Faults) -> None:
    (line,) = faults(TABLE + "track = []")
    assert "exchanges.track" in line
    assert "tracked" in line
