"""A value of the wrong kind is answered with how it is written."""

from __future__ import annotations

import pytest

from marketflows_pipeline_tests.settings.conftest import Faults


@pytest.mark.parametrize(
    ("table", "line", "expectation"),
    [
        ("providers.coingecko", 'narratives = "ai"', 'a list: ["ai"]'),
        ("providers.coingecko", 'narratives = "ai, made-in-usa"', 'a list: ["ai", "made-in-usa"]'),
        ("providers.coingecko", "narratives = 5", "a list: [5]"),
        ("providers.coingecko", 'narratives = ""', "a list in brackets"),
        ("providers.coingecko", "range_lower_limits = 1e9", "a list: [1000000000]"),
        ("providers.coingecko", 'flow_types = "narratives"', 'a list: ["narratives"]'),
        ("providers.coingecko", 'days = "91"', "a whole number without quotes: 91"),
        ("providers.coingecko", "days = 91.0", "a whole number: 91"),
        ("providers.coingecko", "days = [91]", "a whole number without brackets: 91"),
        ("providers.coingecko.asset_groups", 'Mine = "bitcoin"', 'a list: ["bitcoin"]'),
        ("analysis", "ema_periods = 20", "a list: [20]"),
        ("analysis", 'diff_orders = "0, 1"', "a list: [0, 1]"),
        ("analysis", 'is_unit_normalize = "false"', "true or false without quotes: false"),
        ("plots", 'scale = "2.5"', "a number without quotes: 2.5"),
        ("plots", 'scale = "big"', "a number"),
        ("exchanges", 'tracked = "binance"', 'a list: ["binance"]'),
        ("cross_asset", 'windows = "5"', "a list: [5]"),
        (
            "cross_asset",
            'universe = "SPY"',
            "a list of tables, each with its keys below a line of its own: [[cross_asset.universe]]",
        ),
    ],
)
def test_a_value_of_the_wrong_kind_is_shown_as_it_is_written(
    faults: Faults, table: str, line: str, expectation: str
) -> None:
    """narratives = "ai" was told "expected a list, such as [1, 2]"."""
    (fault,) = faults(f"[{table}]\n{line}")
    assert fault.startswith(f"config.toml: {table}.{line.split(' = ', maxsplit=1)[0]} = ")
    assert fault.endswith(f": expected {expectation}")


@pytest.mark.parametrize("written", ['"bitcoin"', '["bitcoin"]'])
def test_a_table_is_shown_as_it_is_written(faults: Faults, written: str) -> None:
    (fault,) = faults(f"[providers.coingecko]\nasset_groups = {written}")
    assert fault.endswith(": expected a table: [providers.coingecko.asset_groups] on a line of its own, its keys below")


def test_pairs_that_are_one_pair_are_told_that_they_are_lists_within_the_list(faults: Faults) -> None:
    lines = faults('[cross_asset]\nratio_pairs = ["HYG", "TLT"]')
    assert [line.split(": ", 2)[-1] for line in lines] == ["expected a list within the list, as in [[...], [...]]"] * 2


def test_text_is_shown_in_quotes(faults: Faults) -> None:
    (fault,) = faults("[providers.coingecko]\nnarratives = [5]")
    assert fault.endswith('narratives[0] = 5: expected text in quotes: "5"')


def test_what_looks_like_a_key_is_shown_no_second_time(faults: Faults) -> None:
    (fault,) = faults('[providers.coingecko]\nnarratives = "CG-abcdef123"')
    assert "abcdef123" not in fault
